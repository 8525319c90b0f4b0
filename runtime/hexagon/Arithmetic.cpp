// Operations that Hexagon v66 has no instruction for: compilers call these functions, under these names.
#include "../baremetal/Math.h"
#include "../baremetal/SoftDouble.h"
#include "../baremetal/SoftInteger.h"

#include <stddef.h>
#include <string.h>

using namespace halyard::soft;

namespace {
double fromBits(uint64_t bits) { return bitsAs<double>(bits); }
uint64_t bitsOf(double value) { return bitsAs<uint64_t>(value); }

// By its own name, as a compiler makes a call of sqrtf one of __hexagon_sqrtf, even inside that. Rounding a
// double's root once more gives what rounding the exact root would.
double rootOf(double value) { return fromBits(squareRoot(bitsOf(value))); }
} // namespace

extern "C" {

uint32_t __hexagon_udivsi3(uint32_t a, uint32_t b) { return divideUnsigned(a, b).quotient; }
uint32_t __hexagon_umodsi3(uint32_t a, uint32_t b) { return divideUnsigned(a, b).rest; }
uint64_t __hexagon_udivdi3(uint64_t a, uint64_t b) { return divideUnsigned(a, b).quotient; }
uint64_t __hexagon_umoddi3(uint64_t a, uint64_t b) { return divideUnsigned(a, b).rest; }
int32_t __hexagon_divsi3(int32_t a, int32_t b) {
  return static_cast<int32_t>(divideSigned<int32_t, uint32_t>(a, b).quotient);
}
int32_t __hexagon_modsi3(int32_t a, int32_t b) {
  return static_cast<int32_t>(divideSigned<int32_t, uint32_t>(a, b).rest);
}
int64_t __hexagon_divdi3(int64_t a, int64_t b) {
  return static_cast<int64_t>(divideSigned<int64_t, uint64_t>(a, b).quotient);
}
int64_t __hexagon_moddi3(int64_t a, int64_t b) {
  return static_cast<int64_t>(divideSigned<int64_t, uint64_t>(a, b).rest);
}

double __hexagon_muldf3(double a, double b) { return fromBits(multiply(bitsOf(a), bitsOf(b))); }
double __hexagon_fast_muldf3(double a, double b) { return __hexagon_muldf3(a, b); }
double __hexagon_divdf3(double a, double b) { return fromBits(divide(bitsOf(a), bitsOf(b))); }
double __hexagon_fast_divdf3(double a, double b) { return __hexagon_divdf3(a, b); }
double sqrt(double value) { return rootOf(value); }
float sqrtf(float value) { return static_cast<float>(rootOf(static_cast<double>(value))); }
float __hexagon_sqrtf(float value) { return static_cast<float>(rootOf(static_cast<double>(value))); }

void *__hexagon_memcpy_likely_aligned_min32bytes_mult8bytes(void *to, const void *from, size_t bytes) {
  return memcpy(to, from, bytes);
}

// Kernels lock the vector unit around all that they do, and objects bring functions that ask an operating
// system for it. A program that shares the unit locks it around a whole step instead.
int halide_qurt_hvx_lock(void *) { return 0; }
int halide_qurt_hvx_unlock(void *) { return 0; }
void halide_qurt_hvx_unlock_as_destructor(void *, void *) {}
}

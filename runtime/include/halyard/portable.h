/* What kernels in the form of C++ source use: Halide's buffers under their own name, narrow floats, and the
 * functions that Halide's C++ calls. C++17, any compiler; no vectors.
 */
#ifndef HALYARD_PORTABLE_H
#define HALYARD_PORTABLE_H

#include "generated.h"

#include <math.h>

#define HALIDE_FUNCTION_ATTRS

struct halide_buffer_t : halyard_buffer {};

/* runtime/core/Threads.cpp */
extern "C" int halide_do_par_for(void *context, int (*task)(void *, int32_t, uint8_t *), int32_t begin,
                                 int32_t count, uint8_t *closure);

inline uint8_t *_halide_buffer_get_host(const halide_buffer_t *buffer) { return buffer->host; }
inline int32_t _halide_buffer_get_min(const halide_buffer_t *buffer, int dim) { return buffer->dim[dim].min; }
inline int32_t _halide_buffer_get_extent(const halide_buffer_t *buffer, int dim) {
  return buffer->dim[dim].extent;
}
inline int32_t _halide_buffer_get_stride(const halide_buffer_t *buffer, int dim) {
  return buffer->dim[dim].stride;
}

template <typename T> inline void halide_maybe_unused(const T &) {}
template <typename A, typename B> inline const B &return_second(const A &, const B &second) { return second; }

/* Two types, because int and int32_t need not be the same one. */
template <typename A, typename B> inline auto halide_cpp_max(A a, B b) -> decltype(true ? A(a) : B(b)) {
  return a > b ? a : b;
}
template <typename A, typename B> inline auto halide_cpp_min(A a, B b) -> decltype(true ? A(a) : B(b)) {
  return a < b ? a : b;
}

template <typename A, typename B> inline A reinterpret(const B &from) {
  static_assert(sizeof(A) == sizeof(B), "a value of the same size");
  A to;
  memcpy(&to, &from, sizeof(to));
  return to;
}
inline float float_from_bits(uint32_t bits) { return reinterpret<float>(bits); }

/* The upper half of a float. */
struct bfloat16_t {
  uint16_t bits;

  bfloat16_t() = default;
  explicit bfloat16_t(float value) : bits(halyard::rt::toBFloat(value)) {}
  operator float() const { return float_from_bits(uint32_t(bits) << 16); }
};

/* IEEE's half precision, which not every compiler has for C++. */
struct float16_t {
  uint16_t bits;

  float16_t() = default;
  explicit float16_t(float value) : bits(narrowed(value)) {}

  /* Scaling by powers of two moves the exponent to where that of a float is, subnormal numbers included. */
  operator float() const {
    uint32_t rest = bits & 0x7fffu, sign = uint32_t(bits & 0x8000u) << 16;
    float size = float_from_bits(rest << 13) * float_from_bits(239u << 23);
    uint32_t wide = rest >= 0x7c00u ? rest << 13 | 0x7f800000u : reinterpret<uint32_t>(size);
    return float_from_bits(sign | wide);
  }

private:
  /* The nearest, half to even. */
  static uint16_t narrowed(float value) {
    uint32_t wide = reinterpret<uint32_t>(value), rest = wide & 0x7fffffffu;
    uint16_t sign = uint16_t(wide >> 16 & 0x8000u);
    if (rest > 0x7f800000u)
      return sign | 0x7e00u; // not a number
    if (rest >= 0x477ff000u)
      return sign | 0x7c00u;
    if (rest < 0x38800000u) // below the normal numbers, where an addition rounds to their distance
      return sign | uint16_t(reinterpret<uint32_t>(float_from_bits(rest) + 0.5f) - 0x3f000000u);
    return sign | uint16_t((rest + 0xfffu + (rest >> 13 & 1u) - 0x38000000u) >> 13);
  }
};

inline float nan_f32() { return NAN; }
inline float inf_f32() { return INFINITY; }
inline float neg_inf_f32() { return -INFINITY; }
inline bool is_nan_f32(float x) { return x != x; }
inline bool is_nan_f64(double x) { return x != x; }
inline bool is_inf_f32(float x) { return x == INFINITY || x == -INFINITY; }
inline bool is_inf_f64(double x) { return x == double(INFINITY) || x == -double(INFINITY); }
inline bool is_finite_f32(float x) { return x - x == 0; }
inline bool is_finite_f64(double x) { return x - x == 0; }

inline float sqrt_f32(float x) { return sqrtf(x); }
inline double sqrt_f64(double x) { return sqrt(x); }
inline float exp_f32(float x) { return expf(x); }
inline double exp_f64(double x) { return exp(x); }
inline float log_f32(float x) { return logf(x); }
inline double log_f64(double x) { return log(x); }
inline float floor_f32(float x) { return floorf(x); }
inline double floor_f64(double x) { return floor(x); }
inline float ceil_f32(float x) { return ceilf(x); }
inline double ceil_f64(double x) { return ceil(x); }
inline float trunc_f32(float x) { return truncf(x); }
inline double trunc_f64(double x) { return trunc(x); }
/* Half to even. */
inline float round_f32(float x) { return nearbyintf(x); }
inline double round_f64(double x) { return nearbyint(x); }

#endif

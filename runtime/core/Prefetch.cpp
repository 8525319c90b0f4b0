// What kernels of many rows call to have the weights they need next brought into the cache meanwhile.
#include <stdint.h>

// Fetches `lines` cache lines, if there are any, from `offset` bytes behind `start` on. Addresses need not
// exist. Into the second-level cache (targets/Common/Schedules/FetchLine.h says why). Hidden, as
// halide_do_par_for is. Returns 0.
extern "C" __attribute__((visibility("hidden"))) int32_t halyard_prefetch(const char *start, int64_t offset,
                                                                          int32_t lines) {
  constexpr int kLine = 64;
  // Through an integer: behind the end of the weights there is no object to point into.
  uintptr_t address = reinterpret_cast<uintptr_t>(start) + static_cast<uintptr_t>(offset);
  for (int32_t i = 0; i < lines; ++i, address += kLine)
    __builtin_prefetch(reinterpret_cast<const void *>(address), /*write=*/0, /*locality=*/2);
  return 0;
}

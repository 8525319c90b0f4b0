// Where intermediates live.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_STACKSTORAGE_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_STACKSTORAGE_H

#include <Halide.h>

namespace halyard::kernels {

/// Halide's `Stack` moves to the heap what is larger than 16 KiB or of no constant size. `Register` is an
/// alloca of any constant size (promoted to registers where possible), and an error otherwise.
constexpr Halide::MemoryType kStackStorage = Halide::MemoryType::Register;

} // namespace halyard::kernels

#endif

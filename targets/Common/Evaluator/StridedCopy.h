// Copies of boxes between row-major tensors: slices, concatenations and paddings.
#ifndef HALYARD_TARGETS_COMMON_EVALUATOR_STRIDEDCOPY_H
#define HALYARD_TARGETS_COMMON_EVALUATOR_STRIDEDCOPY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace halyard::evaluation {

/// One side of a copy: where the box starts and how far apart its elements are, in bytes.
struct StridedBox {
  char *start;
  llvm::SmallVector<int64_t> strides;
};

/// The box of a row-major tensor that starts at `offsets` and steps by `steps` elements.
StridedBox boxOf(void *data, llvm::ArrayRef<int64_t> shape, int64_t width, llvm::ArrayRef<int64_t> offsets,
                 llvm::ArrayRef<int64_t> steps);

/// Copies `sizes` elements of `width` bytes. The boxes have equal rank and do not overlap.
void copyBox(const StridedBox &to, const StridedBox &from, llvm::ArrayRef<int64_t> sizes, int64_t width);

} // namespace halyard::evaluation

#endif

// What onnx.Resize does to each axis, from its constant operands.
#ifndef HALYARD_PASSES_ANALYSIS_RESIZING_H
#define HALYARD_PASSES_ANALYSIS_RESIZING_H

#include "dialects/ONNX/IR/ONNX.h"

namespace halyard {

/// An axis that is interpolated from `from` to `to` elements; `scale` is how many of the latter lie in one of
/// the former.
struct ResizedAxis {
  int64_t axis, from, to;
  double scale;
};

/// The axes that an operation names, or all, counted from the front; none if one is out of range.
std::optional<llvm::SmallVector<int64_t>> axesOf(onnx::ResizeOp op, int64_t rank);

/// What happens to these axes, in their order, for an input of these extents (negative: not known, which
/// an axis may be that keeps its extent). None if its factors or sizes are not constant, or not as many as
/// the axes.
std::optional<llvm::SmallVector<ResizedAxis>> resizedAxes(onnx::ResizeOp op, llvm::ArrayRef<int64_t> extents);

} // namespace halyard

#endif

// Sliding windows of convolutions and poolings.
#ifndef HALYARD_PASSES_CONVERSION_ONNXTOLINALG_WINDOWS_H
#define HALYARD_PASSES_CONVERSION_ONNXTOLINALG_WINDOWS_H

#include "passes/Conversion/OnnxToLinalg/Lowering.h"

namespace halyard::lowering {

/// Per spatial axis. `after` is what the file says (or auto_pad implies), without what ceil_mode adds.
struct Windows {
  Ints kernel, strides, dilations, before, after;

  int64_t axes() const { return kernel.size(); }
  /// Positions that a window spans.
  int64_t span(int64_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
  bool padded() const {
    return llvm::any_of(before, [](int64_t p) { return p != 0; }) ||
           llvm::any_of(after, [](int64_t p) { return p != 0; });
  }
};

/// Reads the window attributes of `op` for an input [batch, channels, spatial...] and a kernel shape; `ceil`
/// rounds the number of windows up. Fails, with an error, if the padding asked for cannot be known.
template <typename Op>
mlir::FailureOr<Windows> windowsOf(Op op, mlir::Value input, llvm::ArrayRef<int64_t> kernel) {
  auto given = [&](std::optional<llvm::ArrayRef<int64_t>> values, int64_t count, int64_t otherwise) {
    return values ? Ints(values->begin(), values->end()) : Ints(count, otherwise);
  };
  Windows windows;
  int64_t axes = kernel.size();
  windows.kernel.assign(kernel.begin(), kernel.end());
  windows.strides = given(op.getStrides(), axes, 1);
  windows.dilations = given(op.getDilations(), axes, 1);
  Ints pads = given(op.getPads(), 2 * axes, 0);
  if (op.getAutoPad() == "VALID")
    pads.assign(2 * axes, 0);
  windows.before.assign(pads.begin(), pads.begin() + axes);
  windows.after.assign(pads.begin() + axes, pads.end());
  if (op.getAutoPad() != "SAME_UPPER" && op.getAutoPad() != "SAME_LOWER")
    return windows;
  for (int64_t axis = 0; axis < axes; ++axis) {
    int64_t extent = rankedType(input).getDimSize(axis + 2), stride = windows.strides[axis];
    if (mlir::ShapedType::isDynamic(extent) && stride != 1)
      return op.emitOpError("with auto_pad ")
             << op.getAutoPad() << " and strides needs a static input, got " << input.getType();
    int64_t covered = stride == 1
                          ? windows.span(axis) - 1
                          : (llvm::divideCeil(extent, stride) - 1) * stride + windows.span(axis) - extent;
    int64_t total = std::max<int64_t>(covered, 0);
    windows.before[axis] = op.getAutoPad() == "SAME_UPPER" ? total / 2 : total - total / 2;
    windows.after[axis] = total - windows.before[axis];
  }
  return windows;
}

/// Number of windows along a spatial axis.
Extent windowCount(Lowering &l, mlir::Value input, const Windows &windows, int64_t axis, bool ceil);

/// Reads position `window * stride + offset * dilation` of each spatial axis; `first` and `offset` are the
/// loops of the first window axis and the first kernel axis.
void appendWindowExprs(Lowering &l, const Windows &windows, int64_t first, int64_t offset,
                       llvm::SmallVectorImpl<mlir::AffineExpr> &exprs);

} // namespace halyard::lowering

#endif

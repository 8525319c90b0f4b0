// See Resizing.h.
#include "passes/Analysis/Resizing.h"

#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;

namespace halyard {

/// The numbers of a constant vector; none if it is no constant, or left out or empty.
static std::optional<SmallVector<double>> numbers(Value value) {
  ElementsAttr elements;
  if (onnx::isAbsent(value) || !matchPattern(value, m_Constant(&elements)) || elements.getNumElements() == 0)
    return std::nullopt;
  SmallVector<double> result;
  if (isa<FloatType>(elements.getElementType())) {
    for (const APFloat &number : elements.getValues<APFloat>())
      result.push_back(number.convertToDouble());
  } else {
    for (const APInt &number : elements.getValues<APInt>())
      result.push_back(double(number.getSExtValue()));
  }
  return result;
}

/// Sizes to one factor for all axes, the least or the largest that they ask for.
static void keepProportions(MutableArrayRef<ResizedAxis> axes, StringRef policy) {
  auto less = [](const ResizedAxis &a, const ResizedAxis &b) { return a.scale < b.scale; };
  double scale =
      policy == "not_larger" ? llvm::min_element(axes, less)->scale : llvm::max_element(axes, less)->scale;
  for (ResizedAxis &axis : axes) {
    axis.scale = scale;
    axis.to = int64_t(std::floor(scale * double(axis.from) + 0.5));
  }
}

std::optional<SmallVector<int64_t>> axesOf(onnx::ResizeOp op, int64_t rank) {
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (op.getAxes())
    axes.assign(op.getAxes()->begin(), op.getAxes()->end());
  for (int64_t &axis : axes) {
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank)
      return std::nullopt;
  }
  return axes;
}

std::optional<SmallVector<ResizedAxis>> resizedAxes(onnx::ResizeOp op, ArrayRef<int64_t> extents) {
  std::optional<SmallVector<int64_t>> axes = axesOf(op, extents.size());
  std::optional<SmallVector<double>> scales = numbers(op.getScales()), sizes = numbers(op.getSizes());
  const std::optional<SmallVector<double>> &given = scales ? scales : sizes;
  if (!axes || axes->empty() || !given || given->size() != axes->size())
    return std::nullopt;
  SmallVector<ResizedAxis> result;
  for (auto [axis, number] : llvm::zip_equal(*axes, *given)) {
    int64_t from = extents[axis];
    bool isKept = scales && number == 1;
    if ((from <= 0 && !isKept) || number <= 0)
      return std::nullopt;
    if (scales)
      result.push_back({axis, from, isKept ? from : int64_t(std::floor(double(from) * number)), number});
    else
      result.push_back({axis, from, int64_t(number), number / double(from)});
  }
  if (!scales && op.getKeepAspectRatioPolicy() != "stretch")
    keepProportions(result, op.getKeepAspectRatioPolicy());
  return result;
}

} // namespace halyard

// Resize as one lookup or one matrix product along each axis: interpolation is linear in what it
// interpolates, and separable. Which elements of the input make an element of the result, and with what
// weights, is known here. The formulas are those of ONNX's definition of the operator.
#include "passes/Analysis/Resizing.h"
#include "passes/Conversion/OnnxToLinalg/Compose.h"

#include <cmath>

using namespace mlir;

namespace halyard::lowering {
namespace {

/// Interpolation along one axis.
class Interpolation {
public:
  Interpolation(onnx::ResizeOp op, const ResizedAxis &axis)
      : axis(axis), mode(op.getMode()), coordinates(op.getCoordinateTransformationMode()),
        nearestMode(op.getNearestMode()), cubic(op.getCubicCoeffA().convertToDouble()),
        excludesOutside(op.getExcludeOutside()),
        // Where an image grows there is nothing to smooth.
        stretch(op.getAntialias() ? std::min(axis.scale, 1.0) : 1.0) {}

  /// The element of the input that an element of the result is taken from.
  int64_t nearest(int64_t position) const {
    double at = coordinate(position), rounded;
    if (nearestMode == "floor")
      rounded = std::floor(at);
    else if (nearestMode == "ceil")
      rounded = std::ceil(at);
    else
      rounded = nearestMode == "round_prefer_ceil" ? std::floor(at + 0.5) : std::ceil(at - 0.5);
    return inside(int64_t(rounded));
  }

  /// Adds the weights of the input's elements for an element of the result.
  void addWeights(int64_t position, MutableArrayRef<float> weights, int64_t stride) const {
    double at = coordinate(position), reach = (mode == "cubic" ? 2 : 1) / stretch, sum = 0;
    SmallVector<std::pair<int64_t, double>> parts;
    for (int64_t i = int64_t(std::floor(at - reach)); i <= int64_t(std::ceil(at + reach)); ++i) {
      bool isOutside = i < 0 || i >= axis.from;
      double weight = isOutside && excludesOutside ? 0 : kernel((double(i) - at) * stretch);
      parts.push_back({inside(i), weight});
      sum += weight;
    }
    for (auto [i, weight] : parts)
      weights[i * stride] += float(weight / sum);
  }

  bool isNearest() const { return mode == "nearest"; }

private:
  int64_t inside(int64_t i) const { return std::clamp<int64_t>(i, 0, axis.from - 1); }

  /// Where an element of the result lies in the input.
  double coordinate(int64_t position) const {
    double to = axis.scale * double(axis.from), centre = (double(position) + 0.5) / axis.scale - 0.5;
    if (coordinates == "asymmetric")
      return double(position) / axis.scale;
    if (coordinates == "align_corners")
      return to == 1 ? 0 : double(position) * double(axis.from - 1) / (to - 1);
    if (coordinates == "pytorch_half_pixel" && axis.to == 1)
      return 0;
    if (coordinates == "half_pixel_symmetric")
      return double(axis.from) / 2 * (1 - double(axis.to) / to) + centre;
    return centre;
  }

  /// The weight of an element at a distance.
  double kernel(double distance) const {
    double x = std::fabs(distance);
    if (mode == "linear")
      return std::max(0.0, 1 - x);
    if (x <= 1)
      return ((cubic + 2) * x - (cubic + 3)) * x * x + 1;
    return x < 2 ? ((cubic * x - 5 * cubic) * x + 8 * cubic) * x - 4 * cubic : 0;
  }

  ResizedAxis axis;
  StringRef mode, coordinates, nearestMode;
  double cubic;
  bool excludesOutside;
  double stretch;
};

Value takeNearest(Compose &c, Value x, const ResizedAxis &axis, const Interpolation &how) {
  HostTensor indices = HostTensor::allocate({axis.to}, c.b.getI64Type());
  for (auto [position, index] : llvm::enumerate(indices.mutableValues<int64_t>()))
    index = how.nearest(int64_t(position));
  return c.gather(x, c.constant(indices), axis.axis);
}

/// The axis is moved to the end, multiplied, and moved back.
Value multiply(Compose &c, Value x, int64_t rank, const ResizedAxis &axis, const Interpolation &how) {
  HostTensor matrix = HostTensor::allocate({axis.from, axis.to}, c.b.getF32Type());
  llvm::fill(matrix.mutableValues<float>(), 0.0f);
  for (int64_t position = 0; position < axis.to; ++position)
    how.addWeights(position, matrix.mutableValues<float>().drop_front(position), axis.to);
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(order[axis.axis], order.back());
  Value moved = axis.axis == rank - 1 ? x : c.transpose(x, order);
  Value product = c.matMul(moved, c.constant(matrix));
  return axis.axis == rank - 1 ? product : c.transpose(product, order);
}

} // namespace

LogicalResult decomposeResize(onnx::ResizeOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getX().getType());
  SmallVector<int64_t> extents(type ? type.getShape() : ArrayRef<int64_t>());
  std::optional<SmallVector<ResizedAxis>> axes = resizedAxes(op, extents);
  if (!type || !axes)
    return op.emitOpError("needs extents, and factors or sizes, that are constant");
  StringRef coordinates = op.getCoordinateTransformationMode();
  constexpr llvm::StringLiteral known[] = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
                                           "align_corners", "asymmetric"};
  if (!llvm::is_contained(known, coordinates))
    return op.emitOpError("with coordinates '") << coordinates << "' is not supported";
  Compose c(op);
  Type element = type.getElementType();
  bool isNearest = op.getMode() == "nearest";
  if (!isNearest && op.getMode() != "linear" && op.getMode() != "cubic")
    return op.emitOpError("by mode '") << op.getMode() << "' is not supported";
  if (!isNearest && !isa<FloatType>(element))
    return op.emitOpError("of ") << element << " by other than the nearest element is not supported";
  Value x = isNearest ? op.getX() : c.cast(op.getX(), c.b.getF32Type());
  for (const ResizedAxis &axis : *axes) {
    if (axis.to == axis.from && axis.scale == 1)
      continue;
    Interpolation how(op, axis);
    x = isNearest ? takeNearest(c, x, axis, how) : multiply(c, x, type.getRank(), axis, how);
  }
  replaceComposed(op, c.cast(x, element));
  return success();
}

} // namespace halyard::lowering

// A narrower form of a packed matrix; see the header.
#include "passes/Transforms/ScreenBounds.h"

#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;

namespace halyard {

/// Rounding in a sum of K products of f32 loses at most (K + a few) units of 2^-24 of the sum of their
/// magnitudes, which is at most |x| |w|. Both sums are off, and what is added to them is rounded as well:
/// four times as much covers all of it. Codes with a zero point are summed with it, in groups, before it is
/// taken off: each group adds a unit of up to 2 sqrt(K) |x| |w|, as the largest code of a row is 127.
static double roundingShare(int64_t features) {
  auto terms = double(features);
  return (terms + 64) * 0x1p-22 + terms * std::sqrt(terms) * 0x1p-27;
}

double halfCode(int64_t features) { return 0.5001 * std::sqrt(double(features)); }

namespace {

/// From norms of the columns of two matrices [outputs, features] and of their difference.
void measure(const HostTensor &exact, const HostTensor &narrow, MutableArrayRef<float> error,
             MutableArrayRef<float> rounding) {
  int64_t features = exact.shape[1];
  double share = roundingShare(features);
  ArrayRef<float> a = exact.values<float>(), b = narrow.values<float>();
  for (int64_t output = 0; output < exact.shape[0]; ++output) {
    double squaresA = 0, squaresB = 0, squares = 0;
    for (int64_t at = output * features; at < (output + 1) * features; ++at) {
      double x = a[at], y = b[at];
      squaresA += x * x;
      squaresB += y * y;
      squares += (x - y) * (x - y);
    }
    double length = std::sqrt(std::max(squaresA, squaresB));
    error[output] = float(1.000001 * (std::sqrt(squares) + share * length));
    rounding[output] = float(1.000001 * (1 + share) * length * halfCode(features));
  }
}

} // namespace

std::optional<ScreenedMatrix> screenMatrix(seq::LinearOp linear, const Target &target) {
  PackedWeight exact;
  if (linear.getGroup() || !matchPattern(linear.getWeight(), m_Constant(&exact.panels)) ||
      (linear.getScale() && !matchPattern(linear.getScale(), m_Constant(&exact.scales))))
    return std::nullopt;
  int64_t features = cast<RankedTensorType>(linear.getInput().getType()).getDimSize(1);
  int64_t outputs = cast<RankedTensorType>(linear.getType()).getDimSize(1);
  bool isCoded = exact.panels.getElementType().isInteger(8);
  ScreenedMatrix screen;
  screen.precision = isCoded ? WeightPrecision::i4 : WeightPrecision::i8;
  LinearLayout layout = target.linearLayout(features, outputs, screen.precision);
  if (features % (isCoded ? kNibbleGroup : layout.terms) ||
      (isCoded && layout.zeroPoint != static_cast<int64_t>(linear.getZeroPoint())))
    return std::nullopt;
  HostTensor matrix = unpackWeight(exact, features, outputs);
  screen.narrow = isCoded ? packNibbles(Matrix(matrix), layout) : packCodes(Matrix(matrix), layout);
  Type f32 = matrix.elementType;
  HostTensor error = HostTensor::allocate({outputs}, f32), rounding = HostTensor::allocate({outputs}, f32);
  measure(matrix, unpackWeight(screen.narrow, features, outputs), error.mutableValues<float>(),
          rounding.mutableValues<float>());
  screen.error = toAttribute(error);
  if (!isCoded)
    screen.rounding = toAttribute(rounding);
  return screen;
}

} // namespace halyard

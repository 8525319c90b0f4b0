// Arithmetic on lengths, see LengthAlgebra.h.
//
// The linear bounds are what decides, for instance, that the rows left by a chain of strided convolutions
// never exceed the samples of its input taken at the product of the strides: x floordiv k lies between (x - k
// + 1) / k and x / k, both linear, and the difference of two such bounds is linear again.
#include "passes/Analysis/LengthAlgebra.h"

#include "mlir/IR/AffineExprVisitor.h"
#include "mlir/Support/LLVM.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace halyard;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double epsilon = 1e-6;
} // namespace

LengthAlgebra::LengthAlgebra(MLIRContext *context, int64_t maxSource, int64_t maxTarget)
    : context(context), maxSource(maxSource > 0 ? maxSource : infinity),
      maxTarget(maxTarget > 0 ? maxTarget : infinity) {}

AffineExpr LengthAlgebra::constant(int64_t value) const { return getAffineConstantExpr(value, context); }
AffineExpr LengthAlgebra::source() const { return getAffineSymbolExpr(0, context); }
AffineExpr LengthAlgebra::target() const { return getAffineSymbolExpr(1, context); }

std::optional<int64_t> LengthAlgebra::value(AffineExpr expr) {
  if (auto constant = dyn_cast_or_null<AffineConstantExpr>(expr))
    return constant.getValue();
  return std::nullopt;
}

/// Writes (x floordiv a) floordiv b as x floordiv (a * b), which affine simplification leaves as it is.
static AffineExpr mergeDivisions(AffineExpr expr) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return expr;
  AffineExpr left = mergeDivisions(binary.getLHS()), right = mergeDivisions(binary.getRHS());
  auto inner = dyn_cast<AffineBinaryOpExpr>(left);
  if (expr.getKind() == AffineExprKind::FloorDiv && inner && inner.getKind() == AffineExprKind::FloorDiv &&
      isa<AffineConstantExpr>(right) && isa<AffineConstantExpr>(inner.getRHS()))
    return inner.getLHS().floorDiv(inner.getRHS() * right);
  return getAffineBinaryOpExpr(expr.getKind(), left, right);
}

AffineExpr LengthAlgebra::simplify(AffineExpr expr) const {
  AffineExpr simple = simplifyAffineExpr(expr, 0, 2), merged = mergeDivisions(simple);
  return merged == simple ? simple : simplifyAffineExpr(merged, 0, 2);
}

//===-- operations
//-------------------------------------------------------------------------------------------------===//

AffineExpr LengthAlgebra::add(AffineExpr a, AffineExpr b) const {
  return a && b ? simplify(a + b) : AffineExpr();
}
AffineExpr LengthAlgebra::sub(AffineExpr a, AffineExpr b) const {
  return a && b ? simplify(a - b) : AffineExpr();
}

AffineExpr LengthAlgebra::mul(AffineExpr a, AffineExpr b) const {
  if (value(a) == 0 || value(b) == 0)
    return constant(0);
  if (!a || !b)
    return {};
  // One order for a product of symbols, whichever way round the graph had it.
  if (auto left = dyn_cast<AffineSymbolExpr>(a))
    if (auto right = dyn_cast<AffineSymbolExpr>(b))
      if (left.getPosition() > right.getPosition())
        std::swap(a, b);
  return simplify(a * b);
}

AffineExpr LengthAlgebra::floorDiv(AffineExpr a, AffineExpr b) const {
  if (!a || !b || lowerBound(b) < 1)
    return {};
  return value(b) ? simplify(a.floorDiv(b)) : quotient({a}, {b});
}

AffineExpr LengthAlgebra::ceilDiv(AffineExpr a, AffineExpr b) const {
  if (!a || !b || lowerBound(b) < 1)
    return {};
  // Written as a floor so that there is one form of a rounded quotient.
  return value(b) ? floorDiv(add(a, sub(b, constant(1))), b) : quotient({a}, {b});
}

AffineExpr LengthAlgebra::truncDiv(AffineExpr a, AffineExpr b) const {
  if (!a || !b)
    return {};
  AffineExpr zero = constant(0);
  if (upperBound(b) < 0)
    return truncDiv(sub(zero, a), sub(zero, b));
  if (upperBound(a) <= 0)
    return sub(zero, floorDiv(sub(zero, a), b));
  return floorDiv(a, b);
}

AffineExpr LengthAlgebra::mod(AffineExpr a, AffineExpr b) const {
  std::optional<int64_t> divisor = value(b);
  return a && divisor && *divisor > 0 ? simplify(a % b) : AffineExpr();
}

AffineExpr LengthAlgebra::min(AffineExpr a, AffineExpr b) const {
  std::optional<bool> first = lessOrEqual(a, b);
  if (first)
    return *first ? a : b;
  return lessOrEqual(b, a) == true ? b : AffineExpr();
}

AffineExpr LengthAlgebra::max(AffineExpr a, AffineExpr b) const {
  AffineExpr smaller = min(a, b);
  if (!smaller)
    return {};
  return smaller == a ? b : a;
}

AffineExpr LengthAlgebra::product(ArrayRef<AffineExpr> factors) const {
  AffineExpr result = constant(1);
  for (AffineExpr factor : factors)
    result = mul(result, factor);
  return result;
}

/// The factors of a product, as far as it is written as one.
static void splitFactors(AffineExpr expr, SmallVectorImpl<AffineExpr> &factors) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || binary.getKind() != AffineExprKind::Mul) {
    factors.push_back(expr);
    return;
  }
  splitFactors(binary.getLHS(), factors);
  splitFactors(binary.getRHS(), factors);
}

AffineExpr LengthAlgebra::quotient(ArrayRef<AffineExpr> numerator, ArrayRef<AffineExpr> denominator) const {
  SmallVector<AffineExpr> upper, lower, left;
  for (AffineExpr factor : numerator) {
    if (!factor)
      return {};
    splitFactors(factor, upper);
  }
  for (AffineExpr factor : denominator) {
    if (!factor)
      return {};
    splitFactors(factor, lower);
  }
  int64_t divisor = 1;
  for (AffineExpr factor : lower) {
    auto *found = llvm::find(upper, factor);
    if (std::optional<int64_t> constant = value(factor))
      divisor *= *constant;
    else if (found != upper.end())
      upper.erase(found);
    else
      left.push_back(factor);
  }
  if (divisor <= 0)
    return {};
  AffineExpr rest = product(upper);
  if (!left.empty())
    return constantRatio(rest, mul(product(left), constant(divisor)));
  return rest ? simplify(rest.floorDiv(divisor)) : rest;
}

AffineExpr LengthAlgebra::constantRatio(AffineExpr a, AffineExpr b) const {
  if (!a || !b)
    return {};
  // Two sums that are multiples of each other are so at any one point.
  AffineExpr point[] = {constant(6), constant(35)};
  std::optional<int64_t> left = value(simplify(a.replaceSymbols(point)));
  std::optional<int64_t> right = value(simplify(b.replaceSymbols(point)));
  if (!left || !right || *right == 0 || *left % *right != 0)
    return {};
  AffineExpr ratio = constant(*left / *right);
  return sub(a, mul(b, ratio)) == constant(0) ? ratio : AffineExpr();
}

//===-- bounds
//-----------------------------------------------------------------------------------------------------===//

double LengthAlgebra::smallest(const Linear &linear) const {
  auto term = [](double factor, double limit) {
    return factor == 0 ? 0 : factor > 0 ? factor : factor * limit;
  };
  return linear.constant + term(linear.source, maxSource) + term(linear.target, maxTarget);
}

double LengthAlgebra::largest(const Linear &linear) const {
  return -smallest({-linear.source, -linear.target, -linear.constant});
}

std::optional<LengthAlgebra::Bounds> LengthAlgebra::divided(const Bounds &dividend, int64_t divisor,
                                                            bool up) const {
  if (divisor <= 0)
    return std::nullopt;
  auto scale = [&](Linear linear, double offset) {
    return Linear{linear.source / divisor, linear.target / divisor, (linear.constant + offset) / divisor};
  };
  double slack = static_cast<double>(divisor - 1);
  return up ? Bounds{scale(dividend.lower, 0), scale(dividend.upper, slack)}
            : Bounds{scale(dividend.lower, -slack), scale(dividend.upper, 0)};
}

std::optional<LengthAlgebra::Bounds> LengthAlgebra::bounds(AffineExpr expr) const {
  if (auto constant = value(expr)) {
    Linear linear{0, 0, static_cast<double>(*constant)};
    return Bounds{linear, linear};
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    Linear linear = symbol.getPosition() == 0 ? Linear{1, 0, 0} : Linear{0, 1, 0};
    return Bounds{linear, linear};
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<Bounds> left = bounds(binary.getLHS()), right = bounds(binary.getRHS());
  std::optional<int64_t> factor = value(binary.getRHS());
  auto sum = [](Linear a, Linear b) {
    return Linear{a.source + b.source, a.target + b.target, a.constant + b.constant};
  };
  auto times = [&](Linear a) { return Linear{a.source * *factor, a.target * *factor, a.constant * *factor}; };
  if (!left || !right)
    return std::nullopt;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return Bounds{sum(left->lower, right->lower), sum(left->upper, right->upper)};
  case AffineExprKind::Mul:
    if (factor)
      return *factor >= 0 ? Bounds{times(left->lower), times(left->upper)}
                          : Bounds{times(left->upper), times(left->lower)};
    // A product of two lengths: only that it is not negative is of use.
    if (smallest(left->lower) >= 0 && smallest(right->lower) >= 0)
      return Bounds{{0, 0, smallest(left->lower) * smallest(right->lower)},
                    {0, 0, largest(left->upper) * largest(right->upper)}};
    return std::nullopt;
  case AffineExprKind::Mod:
    return factor ? std::optional(Bounds{{0, 0, 0}, {0, 0, static_cast<double>(*factor - 1)}}) : std::nullopt;
  case AffineExprKind::FloorDiv:
    return factor ? divided(*left, *factor, /*up=*/false) : std::nullopt;
  case AffineExprKind::CeilDiv:
    return factor ? divided(*left, *factor, /*up=*/true) : std::nullopt;
  default:
    return std::nullopt;
  }
}

double LengthAlgebra::lowerBound(AffineExpr expr) const {
  std::optional<Bounds> found = bounds(expr);
  double bound = found ? std::ceil(smallest(found->lower) - epsilon) : -infinity;
  if (bound >= 1 || value(expr))
    return bound;
  // As the multiple of an extent assumed positive, and a number: one or two of them and the rest.
  for (AffineExpr extent : positive)
    for (int64_t times : {1, 2})
      if (auto rest = value(simplify(expr - extent * times)))
        bound = std::max(bound, static_cast<double>(*rest + times));
  return bound;
}

double LengthAlgebra::upperBound(AffineExpr expr) const {
  std::optional<Bounds> found = bounds(expr);
  return found ? std::floor(largest(found->upper) + epsilon) : infinity;
}

//===-- relations
//--------------------------------------------------------------------------------------------------===//

std::optional<bool> LengthAlgebra::lessOrEqual(AffineExpr a, AffineExpr b) const {
  if (!a || !b)
    return std::nullopt;
  AffineExpr difference = sub(b, a);
  // The two bounds by themselves may know more than the bounds of the difference: extents assumed positive.
  if (lowerBound(difference) >= 0 || upperBound(a) <= lowerBound(b))
    return true;
  if (upperBound(difference) < 0 || upperBound(b) < lowerBound(a))
    return false;
  return std::nullopt;
}

std::optional<bool> LengthAlgebra::less(AffineExpr a, AffineExpr b) const {
  std::optional<bool> reverse = lessOrEqual(b, a);
  return reverse ? std::optional(!*reverse) : std::nullopt;
}

std::optional<bool> LengthAlgebra::equal(AffineExpr a, AffineExpr b) const {
  if (!a || !b)
    return std::nullopt;
  if (a == b || sub(a, b) == constant(0))
    return true;
  if (less(a, b) == true || less(b, a) == true)
    return false;
  return std::nullopt;
}

void LengthAlgebra::assumePositive(AffineExpr extent) {
  if (extent && !value(extent))
    positive.insert(extent);
}

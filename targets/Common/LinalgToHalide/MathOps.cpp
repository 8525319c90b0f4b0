// math operations as Halide expressions. Exact ones call the C library (vectors are taken apart), because
// bucket edges and the like sit on exact powers; fast ones vectorise; deterministic ones are made of
// operations that IEEE defines to the bit.
#include "targets/Common/LinalgToHalide/ScalarOps.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;

/// Calls `name` of the C library, in its float or double variant.
static Expr callLibrary(const std::string &name, ExprsRef arguments) {
  Halide::Type type = arguments.front().type();
  return Halide::Internal::Call::make(type, type.bits() == 32 ? name + "f" : name,
                                      std::vector<Expr>(arguments.begin(), arguments.end()),
                                      Halide::Internal::Call::PureExtern);
}

static std::string libraryName(Operation *op) {
  return llvm::StringSwitch<std::string>(op->getName().stripDialect())
      .Cases(
          {"exp", "log", "sin", "cos", "tan", "tanh", "erf", "sinh", "cosh", "asin", "acos", "atan", "atan2"},
          op->getName().stripDialect().str())
      .Cases({"asinh", "acosh", "atanh", "exp2", "expm1", "log2", "log10", "log1p", "cbrt", "erfc"},
             op->getName().stripDialect().str())
      .Case("powf", "pow")
      .Default("");
}

Expr halyard::kernels::rationalTanh(Expr x) {
  // Beyond the limit tanh is 1 in float32. Coefficients: the minimax quotient used by Eigen and XLA.
  Expr v = Halide::clamp(x, -7.90531110763549805f, 7.90531110763549805f), square = v * v;
  const float odd[] = {-2.76076847742355e-16f, 2.00018790482477e-13f, -8.60467152213735e-11f,
                       5.12229709037114e-08f,  1.48572235717979e-05f, 6.37261928875436e-04f,
                       4.89352455891786e-03f};
  const float even[] = {1.19825839466702e-06f, 1.18534705686654e-04f, 2.26843463243900e-03f,
                        4.89352518554385e-03f};
  Expr numerator = odd[0], denominator = even[0];
  for (float c : llvm::ArrayRef(odd).drop_front())
    numerator = numerator * square + c;
  for (float c : llvm::ArrayRef(even).drop_front())
    denominator = denominator * square + c;
  return v * numerator / denominator;
}

/// One and a half times 2^23: a sum with it has no place for a fraction, and its lower half is the integer.
static constexpr float kShift = 12582912.0f;

Expr halyard::kernels::nearestWhole(Expr x) {
  return Halide::strict_float(Halide::strict_float(x + kShift) - kShift);
}

Expr halyard::kernels::nearestCode(Expr x) { return Halide::reinterpret<int32_t>(x + kShift); }

Expr halyard::kernels::withoutBfloat(Expr x) {
  Expr upper = Halide::reinterpret<uint32_t>(x) & Halide::Internal::make_const(Halide::UInt(32), 0xffff0000);
  return Halide::strict_float(x - Halide::reinterpret<float>(upper));
}

/// a0 + a1 x + a2 x^2 + .. by Horner's rule.
static Expr polynomial(Expr x, llvm::ArrayRef<float> ascending) {
  Expr sum = ascending.back();
  for (float coefficient : llvm::reverse(ascending.drop_back()))
    sum = sum * x + coefficient;
  return sum;
}

/// x = n + r with |r| <= 1/2, and 2^r by a polynomial; n, the last digits of a sum, goes into the exponent.
/// With -127 the exponent of 1 becomes that of zero.
static Expr negativePowerOfTwo(Expr x, llvm::ArrayRef<float> powerOfRest) {
  Expr limited = Halide::max(x, -127.0f);
  Expr n = nearestCode(limited), r = limited - Halide::cast<float>(n - 0x4b400000);
  return Halide::reinterpret<float>(Halide::reinterpret<int32_t>(polynomial(r, powerOfRest)) + (n << 23));
}

Expr halyard::kernels::negativePowerOfTwo(Expr x) {
  const float power[] = {1.0f,           0.693147182f,   0.240226462f,  5.55032864e-2f,
                         9.61848907e-3f, 1.33999309e-3f, 1.53458124e-4f};
  return ::negativePowerOfTwo(x, power);
}

Expr halyard::kernels::roughNegativePowerOfTwo(Expr x) {
  const float power[] = {1.0f, 0.693124190f, 0.240240990f, 5.5906430e-2f, 9.5828500e-3f};
  return ::negativePowerOfTwo(x, power);
}

Expr halyard::kernels::bfloatNegativePowerOfTwo(Expr x) {
  // x = n + f: 127 + x, in units of the last place of a float, has the bits of 2^n (1 + f). What is missing,
  // 2^f / (1 + f), is a polynomial of 1 + f; its coefficients are raised by what cutting off loses.
  constexpr int kMantissa = 0x7fffff, kOne = 0x3f800000;
  const float ratio[] = {1.7806214f, -1.3811946f, 0.7094731f, -0.1067464f};
  constexpr float kUnits = 1 << 23;
  Expr bits = Halide::cast<int32_t>(Halide::max(x, -125.0f) * kUnits + 127 * kUnits);
  Expr rest = Halide::reinterpret<float>((bits & kMantissa) | kOne);
  return Halide::reinterpret<float>(bits) * polynomial(rest, ratio);
}

/// erf to 1.5 units in the last place (8e-8 absolute): x + x P(x^2) near zero, 1 - 2^(-t Q(t)) of t = |x|
/// beyond, both polynomials fitted by iteratively reweighted least squares. Halide's own is off by twice
/// that, and always to the same side, which adds up in the sums over a feed-forward layer.
static Expr accurateErf(Expr x) {
  const float near[] = {0.128379148f,   -0.376124848f,  0.112817211f,
                        -0.0267631229f, 0.00498800229f, -0.000596424484f};
  const float far[] = {1.62830198f,    0.916303813f,     0.153310135f,   -0.034318164f,
                       0.00527231907f, -0.000469973864f, 1.66292612e-05f};
  Expr t = Halide::min(Halide::abs(x), 4.05f);
  Expr small = x + x * polynomial(x * x, near);
  Expr large = 1.0f - negativePowerOfTwo(-(t * polynomial(t, far)));
  return Halide::select(Halide::abs(x) < 0.9277f, small, x < 0.0f, -large, large);
}

/// The sine of x + `quarters` right angles: x is brought to within half of one, which takes three parts of
/// the right angle so that little is lost, and sine or cosine are polynomials there. To 1.2e-7 up to 1e4.
static Expr accurateSine(Expr x, int quarters) {
  const float sine[] = {-1.6666654611e-1f, 8.3321608736e-3f, -1.9515295891e-4f};
  const float cosine[] = {4.166664568298827e-2f, -1.388731625493765e-3f, 2.443315711809948e-5f};
  Expr turns = nearestWhole(x * 0.636619772f), rest = x;
  for (float part : {1.5703125f, 4.83751297e-4f, 7.54978995e-8f})
    rest = Halide::strict_float(rest - turns * part);
  Expr square = rest * rest, turn = Halide::cast<int32_t>(turns) + quarters;
  Expr ofSine = rest + rest * square * polynomial(square, sine);
  Expr ofCosine = 1.0f - 0.5f * square + square * square * polynomial(square, cosine);
  Expr value = Halide::select(turn % 2 == 0, ofSine, ofCosine);
  return Halide::select(turn % 4 < 2, value, -value);
}

/// What vectorises; undefined for all others, which then call the library.
static Expr fastMath(Operation *op, ExprsRef v) {
  if (v[0].type() != Halide::Float(32))
    return {};
  return llvm::TypeSwitch<Operation *, Expr>(op)
      .Case<math::ExpOp>([&](auto) { return Halide::exp(v[0]); })
      .Case<math::LogOp>([&](auto) { return Halide::log(v[0]); })
      .Case<math::SinOp>([&](auto) { return accurateSine(v[0], 0); })
      .Case<math::CosOp>([&](auto) { return accurateSine(v[0], 1); })
      .Case<math::TanhOp>([&](auto) { return rationalTanh(v[0]); })
      .Case<math::ErfOp>([&](auto) { return accurateErf(v[0]); })
      .Default([](auto) { return Expr(); });
}

/// e^x to about one unit in the last place: x = n log(2) + r with |r| <= log(2) / 2, e^r by Cephes'
/// polynomial; n goes into the exponent, half by half, so that numbers without a full exponent are rounded as
/// well.
static Expr deterministicExp(Expr x) {
  const float power[] = {5.0000001201e-1f, 1.6666665459e-1f, 4.1665795894e-2f,
                         8.3334519073e-3f, 1.3981999507e-3f, 1.9875691500e-4f};
  Expr limited = Halide::clamp(x, -110.0f, 100.0f);
  Expr n = nearestWhole(limited * 1.44269504f);
  // The first part of log(2) has 9 bits, so that the product is exact.
  Expr rest = (limited - n * 0.693359375f) - n * -2.12194440e-4f;
  Expr exponent = Halide::cast<int32_t>(n), first = exponent >> 1;
  auto scale = [](Expr e) { return Halide::reinterpret<float>((e + 127) << 23); };
  Expr ofRest = (rest * rest * polynomial(rest, power) + rest) + 1.0f;
  return ofRest * scale(first) * scale(exponent - first);
}

/// log(x) to about one unit in the last place: x = 2^n m with m near 1, log(m) by Cephes' polynomial.
static Expr deterministicLog(Expr x) {
  const float coefficients[] = {3.3333331174e-1f,  -2.4999993993e-1f, 2.0000714765e-1f,
                                -1.6668057665e-1f, 1.4249322787e-1f,  -1.2420140846e-1f,
                                1.1676998740e-1f,  -1.1514610310e-1f, 7.0376836292e-2f};
  const auto infinity = std::numeric_limits<float>::infinity();
  Expr isSmall = x < 1.17549435e-38f;
  Expr bits = Halide::reinterpret<int32_t>(Halide::select(isSmall, x * 8388608.0f, x));
  Expr exponent = (bits >> 23) - Halide::select(isSmall, 149, 126);
  Expr mantissa = Halide::reinterpret<float>((bits & 0x007fffff) | 0x3f000000); // in [1/2, 1)
  Expr isLow = mantissa < 0.707106781f;
  Expr n = Halide::cast<float>(Halide::select(isLow, exponent - 1, exponent));
  Expr m = Halide::select(isLow, mantissa + mantissa, mantissa) - 1.0f, square = m * m;
  Expr tail = m * square * polynomial(m, coefficients) + n * -2.12194440e-4f;
  Expr result = (m + (tail - 0.5f * square)) + n * 0.693359375f;
  return Halide::select(x == 0.0f, -infinity, x == infinity, infinity, x > 0.0f, result,
                        std::numeric_limits<float>::quiet_NaN());
}

/// What has a form of basic operations; undefined for all others.
static Expr deterministicMath(Operation *op, ExprsRef v) {
  if (v[0].type() != Halide::Float(32))
    return {};
  return llvm::TypeSwitch<Operation *, Expr>(op)
      .Case<math::ExpOp>([&](auto) { return deterministicExp(v[0]); })
      .Case<math::LogOp>([&](auto) { return deterministicLog(v[0]); })
      .Case<math::SinOp>([&](auto) { return accurateSine(v[0], 0); })
      .Case<math::CosOp>([&](auto) { return accurateSine(v[0], 1); })
      .Case<math::TanhOp>([&](auto) { return rationalTanh(v[0]); })
      .Case<math::ErfOp>([&](auto) { return accurateErf(v[0]); })
      .Default([](auto) { return Expr(); });
}

static Expr integerPower(Expr base, Expr exponent) {
  // x^n by its bits is not worth a loop here: exponents are small constants or the value is exact in double.
  Expr power = callLibrary("pow", {Halide::cast<double>(base), Halide::cast<double>(exponent)});
  return Halide::cast(base.type(), power);
}

/// Operations that are exact in either precision.
static Expr basicMath(Operation *op, ExprsRef v) {
  return llvm::TypeSwitch<Operation *, Expr>(op)
      .Case<math::SqrtOp>([&](auto) { return Halide::sqrt(v[0]); })
      .Case<math::RsqrtOp>([&](auto) { return Halide::Internal::make_one(v[0].type()) / Halide::sqrt(v[0]); })
      .Case<math::AbsFOp, math::AbsIOp>([&](auto) { return Halide::cast(v[0].type(), Halide::abs(v[0])); })
      .Case<math::FloorOp>([&](auto) { return Halide::floor(v[0]); })
      .Case<math::CeilOp>([&](auto) { return Halide::ceil(v[0]); })
      .Case<math::RoundEvenOp>([&](auto) { return Halide::round(v[0]); })
      .Case<math::RoundOp>([&](auto) { return callLibrary("round", v); })
      .Case<math::TruncOp>([&](auto) { return Halide::trunc(v[0]); })
      .Case<math::FmaOp>([&](auto) { return v[0] * v[1] + v[2]; })
      .Case<math::CopySignOp>([&](auto) { return callLibrary("copysign", v); })
      .Case<math::IsNaNOp>([&](auto) { return Halide::is_nan(v[0]); })
      .Case<math::IsInfOp>([&](auto) { return Halide::is_inf(v[0]); })
      .Case<math::IsFiniteOp>([&](auto) { return Halide::is_finite(v[0]); })
      .Case<math::IPowIOp>([&](auto) { return integerPower(v[0], v[1]); })
      .Case<math::FPowIOp>([&](auto) { return callLibrary("pow", {v[0], Halide::cast(v[0].type(), v[1])}); })
      .Default([](auto) { return Expr(); });
}

Expr halyard::kernels::translateMathOp(Operation *op, ExprsRef v, Precision precision) {
  if (op->getName().getDialectNamespace() != "math")
    return {};
  Expr expr = basicMath(op, v);
  if (!expr.defined() && precision == Precision::fast)
    expr = fastMath(op, v);
  if (!expr.defined() && precision == Precision::deterministic)
    return deterministicMath(op, v);
  if (expr.defined())
    return expr;
  std::string name = libraryName(op);
  return name.empty() ? Expr() : callLibrary(name, v);
}

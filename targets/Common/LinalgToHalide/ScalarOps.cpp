// Scalar operations other than math functions. arith's semantics differ from Halide's in three places, all
// handled here: division and remainder of negative integers, comparisons that involve NaN, and conversions
// out of range.
#include "targets/Common/LinalgToHalide/ScalarOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;

//===-- constants and affine expressions -----------------------------------------------------------===//

Expr halyard::kernels::translateConstant(Attribute value, Type type) {
  if (auto integer = dyn_cast<IntegerAttr>(value)) {
    llvm::APInt bits = integer.getValue();
    if (type.isInteger(1))
      return bits.isZero() ? Halide::Internal::const_false() : Halide::Internal::const_true();
    if (isa<IndexType>(type))
      return Expr(static_cast<int32_t>(std::clamp<int64_t>(bits.getSExtValue(), INT32_MIN, INT32_MAX)));
    if (type.isUnsignedInteger())
      return Halide::Internal::UIntImm::make(computeType(type), bits.getZExtValue());
    return Halide::Internal::IntImm::make(computeType(type), bits.getSExtValue());
  }
  if (auto number = dyn_cast<FloatAttr>(value))
    return Halide::Internal::FloatImm::make(computeType(type), number.getValueAsDouble());
  return {};
}

Expr halyard::kernels::translateAffine(AffineExpr expr, ExprsRef dims, ExprsRef symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return Expr(static_cast<int32_t>(constant.getValue()));
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Expr lhs = translateAffine(binary.getLHS(), dims, symbols),
       rhs = translateAffine(binary.getRHS(), dims, symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::Mod:
    return lhs % rhs;
  case AffineExprKind::FloorDiv:
    return lhs / rhs;
  default:
    return (lhs + rhs - 1) / rhs; // ceildiv; divisors are positive
  }
}

//===-- integers -----------------------------------------------------------------------------------===//

namespace {
Expr asUnsigned(Expr value) { return Halide::cast(value.type().with_code(halide_type_uint), value); }
Expr asSigned(Expr value) { return Halide::cast(value.type().with_code(halide_type_int), value); }

/// A divisor that cannot trap.
Expr nonZero(Expr divisor) { return Halide::select(divisor == 0, Halide::cast(divisor.type(), 1), divisor); }

Expr truncatedQuotient(Expr a, Expr b) {
  return Halide::select(b == 0, Halide::cast(a.type(), 0), Halide::div_round_to_zero(a, nonZero(b)));
}

Expr truncatedRemainder(Expr a, Expr b) { return a - truncatedQuotient(a, b) * b; }

/// Rounds the quotient towards minus (floor) or plus infinity.
Expr roundedQuotient(Expr a, Expr b, bool towardsMinus) {
  Expr quotient = truncatedQuotient(a, b), remainder = a - quotient * b;
  Expr negative = (remainder < 0) != (b < 0);
  Expr inexact = remainder != 0;
  Expr one = Halide::cast(a.type(), 1);
  return towardsMinus ? Halide::select(inexact && negative, quotient - one, quotient)
                      : Halide::select(inexact && !negative, quotient + one, quotient);
}

Expr compareIntegers(arith::CmpIPredicate predicate, Expr a, Expr b) {
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return a == b;
  case arith::CmpIPredicate::ne:
    return a != b;
  case arith::CmpIPredicate::slt:
    return a < b;
  case arith::CmpIPredicate::sle:
    return a <= b;
  case arith::CmpIPredicate::sgt:
    return a > b;
  case arith::CmpIPredicate::sge:
    return a >= b;
  case arith::CmpIPredicate::ult:
    return asUnsigned(a) < asUnsigned(b);
  case arith::CmpIPredicate::ule:
    return asUnsigned(a) <= asUnsigned(b);
  case arith::CmpIPredicate::ugt:
    return asUnsigned(a) > asUnsigned(b);
  case arith::CmpIPredicate::uge:
    return asUnsigned(a) >= asUnsigned(b);
  }
  return {};
}

/// and, or, xor, add, sub, mul on i1 are logical; Halide knows arithmetic on bool only as logic.
Expr translateBoolOp(Operation *op, ExprsRef v) {
  return llvm::TypeSwitch<Operation *, Expr>(op)
      .Case<arith::AndIOp, arith::MulIOp, arith::MinUIOp, arith::MaxSIOp>([&](auto) { return v[0] && v[1]; })
      .Case<arith::OrIOp, arith::MaxUIOp, arith::MinSIOp>([&](auto) { return v[0] || v[1]; })
      .Case<arith::XOrIOp, arith::AddIOp, arith::SubIOp>(
          [&](auto) { return (v[0] && !v[1]) || (!v[0] && v[1]); })
      .Default([](auto) { return Expr(); });
}
} // namespace

Expr halyard::kernels::translateIntegerOp(Operation *op, ExprsRef v) {
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    if (!compare.getLhs().getType().isInteger(1))
      return compareIntegers(compare.getPredicate(), v[0], v[1]);
    // As integers, true is -1 to the signed and 1 to the unsigned predicates.
    Expr a = -Halide::cast<int8_t>(v[0]), b = -Halide::cast<int8_t>(v[1]);
    return compareIntegers(compare.getPredicate(), a, b);
  }
  if (op->getNumResults() == 1 && op->getResult(0).getType().isInteger(1))
    return translateBoolOp(op, v);
  using Halide::max;
  using Halide::min;
  return llvm::TypeSwitch<Operation *, Expr>(op)
      .Case<arith::AddIOp>([&](auto) { return v[0] + v[1]; })
      .Case<arith::SubIOp>([&](auto) { return v[0] - v[1]; })
      .Case<arith::MulIOp>([&](auto) { return v[0] * v[1]; })
      .Case<arith::DivSIOp>([&](auto) { return truncatedQuotient(v[0], v[1]); })
      .Case<arith::RemSIOp>([&](auto) { return truncatedRemainder(v[0], v[1]); })
      .Case<arith::FloorDivSIOp>([&](auto) { return roundedQuotient(v[0], v[1], true); })
      .Case<arith::CeilDivSIOp>([&](auto) { return roundedQuotient(v[0], v[1], false); })
      .Case<arith::DivUIOp>(
          [&](auto) { return asSigned(truncatedQuotient(asUnsigned(v[0]), asUnsigned(v[1]))); })
      .Case<arith::RemUIOp>(
          [&](auto) { return asSigned(truncatedRemainder(asUnsigned(v[0]), asUnsigned(v[1]))); })
      .Case<arith::AndIOp>([&](auto) { return v[0] & v[1]; })
      .Case<arith::OrIOp>([&](auto) { return v[0] | v[1]; })
      .Case<arith::XOrIOp>([&](auto) { return v[0] ^ v[1]; })
      .Case<arith::ShLIOp>([&](auto) { return v[0] << asUnsigned(v[1]); })
      .Case<arith::ShRSIOp>([&](auto) { return v[0] >> asUnsigned(v[1]); })
      .Case<arith::ShRUIOp>([&](auto) { return asSigned(asUnsigned(v[0]) >> asUnsigned(v[1])); })
      .Case<arith::MinSIOp>([&](auto) { return min(v[0], v[1]); })
      .Case<arith::MaxSIOp>([&](auto) { return max(v[0], v[1]); })
      .Case<arith::MinUIOp>([&](auto) { return asSigned(min(asUnsigned(v[0]), asUnsigned(v[1]))); })
      .Case<arith::MaxUIOp>([&](auto) { return asSigned(max(asUnsigned(v[0]), asUnsigned(v[1]))); })
      .Default([](auto) { return Expr(); });
}

//===-- floats -------------------------------------------------------------------------------------===//

namespace {
Expr unordered(Expr a, Expr b) { return Halide::is_nan(a) || Halide::is_nan(b); }

Expr compareFloats(arith::CmpFPredicate predicate, Expr a, Expr b, Precision precision) {
  using P = arith::CmpFPredicate;
  auto strict = [&](Expr e) { return precision == Precision::relaxed ? e : Halide::strict_float(e); };
  switch (predicate) {
  case P::AlwaysFalse:
    return Halide::Internal::const_false();
  case P::AlwaysTrue:
    return Halide::Internal::const_true();
  case P::OEQ:
    return strict(a == b);
  case P::OGT:
    return strict(a > b);
  case P::OGE:
    return strict(a >= b);
  case P::OLT:
    return strict(a < b);
  case P::OLE:
    return strict(a <= b);
  case P::ONE:
    return strict(a < b) || strict(a > b);
  case P::ORD:
    return !unordered(a, b);
  case P::UNO:
    return unordered(a, b);
  case P::UEQ:
    return strict(a == b) || unordered(a, b);
  case P::UGT:
    return strict(a > b) || unordered(a, b);
  case P::UGE:
    return strict(a >= b) || unordered(a, b);
  case P::ULT:
    return strict(a < b) || unordered(a, b);
  case P::ULE:
    return strict(a <= b) || unordered(a, b);
  case P::UNE:
    return strict(a < b) || strict(a > b) || unordered(a, b);
  }
  return {};
}

using Halide::Internal::Call;

/// One operation that obeys IEEE among others that need not.
Expr strictCall(Call::IntrinsicOp operation, Expr a, Expr b) {
  return Call::make(a.type(), operation, {a, b}, Call::PureIntrinsic);
}

/// The larger (or smaller) of two; NaN wins or loses.
Expr extremum(Expr a, Expr b, bool larger, bool nanWins, Precision precision) {
  if (precision == Precision::relaxed)
    return larger ? Halide::max(a, b) : Halide::min(a, b);
  if (precision == Precision::fast)
    return strictCall(larger ? Call::strict_max : Call::strict_min, a, b);
  Expr first = Halide::strict_float(larger ? a > b : a < b);
  return Halide::select(first || Halide::is_nan(nanWins ? a : b), a, b);
}

/// True for the addition to the sum of a reduction and for the product that is added. Only these are worth
/// contracting and reordering, and only these may assume that nothing is infinite: everywhere else a mask's
/// -inf may come along.
bool accumulates(Operation *op) {
  auto reduction = dyn_cast<linalg::LinalgOp>(op->getParentOp());
  if (!reduction || reduction.getNumReductionLoops() == 0 || !op->hasOneUse())
    return false;
  Operation *user = *op->user_begin();
  if (isa<arith::MulFOp>(op))
    return isa<arith::AddFOp>(user) && user->getBlock() == op->getBlock() && accumulates(user);
  ArrayRef<BlockArgument> inits = reduction.getRegionOutputArgs();
  return isa<arith::AddFOp>(op) && isa<linalg::YieldOp>(user) &&
         llvm::any_of(op->getOperands(), [&](Value operand) { return llvm::is_contained(inits, operand); });
}

/// The operation as Halide's operators, which are fast, or as strict intrinsics.
Expr arithmetic(Operation *op, ExprsRef v, Precision precision) {
  bool isStrict = precision == Precision::fast && !accumulates(op);
  auto choose = [&](Expr fast, Call::IntrinsicOp strict) {
    return isStrict ? strictCall(strict, v[0], v[1]) : fast;
  };
  return llvm::TypeSwitch<Operation *, Expr>(op)
      .Case<arith::AddFOp>([&](auto) { return choose(v[0] + v[1], Call::strict_add); })
      .Case<arith::SubFOp>([&](auto) { return choose(v[0] - v[1], Call::strict_sub); })
      .Case<arith::MulFOp>([&](auto) { return choose(v[0] * v[1], Call::strict_mul); })
      .Case<arith::DivFOp>([&](auto) { return choose(v[0] / v[1], Call::strict_div); })
      .Case<arith::NegFOp>([&](auto) { return -v[0]; })
      .Default([](auto) { return Expr(); });
}
} // namespace

Expr halyard::kernels::translateFloatOp(Operation *op, ExprsRef v, Precision precision) {
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    return compareFloats(compare.getPredicate(), v[0], v[1], precision);
  return llvm::TypeSwitch<Operation *, Expr>(op)
      .Case<arith::MaximumFOp>([&](auto) { return extremum(v[0], v[1], true, true, precision); })
      .Case<arith::MinimumFOp>([&](auto) { return extremum(v[0], v[1], false, true, precision); })
      .Case<arith::MaxNumFOp>([&](auto) { return extremum(v[0], v[1], true, false, precision); })
      .Case<arith::MinNumFOp>([&](auto) { return extremum(v[0], v[1], false, false, precision); })
      .Default([&](Operation *other) { return arithmetic(other, v, precision); });
}

//===-- conversions --------------------------------------------------------------------------------===//

namespace {
/// Truncates towards zero; what the result cannot hold saturates and NaN becomes 0, as LLVM's saturating
/// conversion.
Expr floatToInteger(Expr value, Halide::Type type) {
  Expr whole = Halide::trunc(value);
  Expr low = Halide::cast(value.type(), type.min());
  // The largest integer may round up to one that does not fit: compare below the power of two instead.
  Expr limit =
      Halide::Internal::FloatImm::make(value.type(), std::ldexp(1.0, type.bits() - (type.is_int() ? 1 : 0)));
  Expr inside = Halide::select(Halide::strict_float(whole >= low) && Halide::strict_float(whole < limit),
                               whole, Halide::cast(value.type(), 0));
  Expr outside = Halide::select(Halide::strict_float(whole >= limit), type.max(),
                                Halide::strict_float(whole < low), type.min(), Halide::cast(type, inside));
  return outside;
}

Expr zeroExtended(Expr value, Halide::Type type) {
  if (value.type().is_bool())
    return Halide::cast(type, value);
  return Halide::cast(type, asUnsigned(value));
}

Expr truncatedTo(Expr value, Halide::Type type) {
  if (type.is_bool())
    return (value & Halide::cast(value.type(), 1)) != 0;
  return Halide::cast(type, value);
}

/// Reinterprets bits; only widths that are equal in compute type can be.
Expr bitcast(Expr value, Type from, Type to) {
  if (from.isF16() || from.isBF16())
    value = Halide::cast(storageType(from), value);
  if (to.isF16() || to.isBF16())
    return Halide::cast<float>(Halide::reinterpret(storageType(to), value));
  return Halide::reinterpret(computeType(to), value);
}
} // namespace

Expr halyard::kernels::translateCastOp(Operation *op, ExprsRef v) {
  if (op->getNumOperands() != 1 || op->getNumResults() != 1)
    return {};
  Type from = op->getOperand(0).getType(), to = op->getResult(0).getType();
  if (!to.isIntOrIndexOrFloat() || !from.isIntOrIndexOrFloat())
    return {};
  Halide::Type type = computeType(to);
  return llvm::TypeSwitch<Operation *, Expr>(op)
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) { return rounded(Halide::cast(type, v[0]), to); })
      .Case<arith::ExtSIOp>([&](auto) {
        return v[0].type().is_bool() ? Expr(-Halide::cast(type, v[0])) : Halide::cast(type, v[0]);
      })
      .Case<arith::ExtUIOp>([&](auto) { return zeroExtended(v[0], type); })
      .Case<arith::TruncIOp>([&](auto) { return truncatedTo(v[0], type); })
      .Case<arith::SIToFPOp>([&](auto) {
        Expr value = Halide::cast(type, v[0]);
        return rounded(v[0].type().is_bool() ? Expr(-value) : value, to);
      })
      .Case<arith::UIToFPOp>([&](auto) { return rounded(zeroExtended(v[0], type), to); })
      .Case<arith::FPToSIOp>([&](auto) { return floatToInteger(v[0], type); })
      .Case<arith::FPToUIOp>([&](auto) {
        if (type.is_bool())
          return Expr(v[0] != 0);
        return asSigned(floatToInteger(v[0], type.with_code(halide_type_uint)));
      })
      .Case<arith::IndexCastOp>(
          [&](auto) { return isa<IndexType>(to) ? toIndex(v[0]) : truncatedTo(v[0], type); })
      .Case<arith::IndexCastUIOp>(
          [&](auto) { return isa<IndexType>(to) ? toIndex(v[0]) : truncatedTo(v[0], type); })
      .Case<arith::BitcastOp>([&](auto) { return bitcast(v[0], from, to); })
      .Case<UnrealizedConversionCastOp>([&](auto) {
        // Between signless and signed or unsigned integers of one width.
        return Halide::cast(type, v[0]);
      })
      .Default([](auto) { return Expr(); });
}

//===-- dispatch -----------------------------------------------------------------------------------===//

static Expr translateAffineOp(Operation *op, ExprsRef v) {
  auto results = [&](AffineMap map) {
    Exprs exprs;
    for (AffineExpr result : map.getResults())
      exprs.push_back(
          translateAffine(result, v.take_front(map.getNumDims()), v.drop_front(map.getNumDims())));
    return exprs;
  };
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    return results(apply.getAffineMap()).front();
  bool isMin = isa<affine::AffineMinOp>(op);
  if (!isMin && !isa<affine::AffineMaxOp>(op))
    return {};
  Exprs exprs =
      results(isMin ? cast<affine::AffineMinOp>(op).getMap() : cast<affine::AffineMaxOp>(op).getMap());
  Expr best = exprs.front();
  for (Expr expr : ExprsRef(exprs).drop_front())
    best = isMin ? Halide::min(best, expr) : Halide::max(best, expr);
  return best;
}

Expr halyard::kernels::translateScalarOp(Operation *op, ExprsRef v, Precision precision) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return translateConstant(constant.getValue(), constant.getType());
  if (isa<arith::SelectOp>(op))
    return Halide::select(v[0], v[1], v[2]);
  for (Expr expr : {translateAffineOp(op, v), translateCastOp(op, v), translateIntegerOp(op, v)})
    if (expr.defined())
      return expr;
  Expr expr = translateFloatOp(op, v, precision);
  if (!expr.defined())
    expr = translateMathOp(op, v, precision);
  if (expr.defined() && isa<FloatType>(op->getResult(0).getType()))
    expr = rounded(expr, op->getResult(0).getType());
  return expr;
}

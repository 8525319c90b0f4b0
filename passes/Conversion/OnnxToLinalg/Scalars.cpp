// See Scalars.h. Each function picks the float or the integer operation by the operand's type.
#include "passes/Conversion/OnnxToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;

namespace halyard::lowering {

Type signless(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  return integer ? IntegerType::get(type.getContext(), integer.getWidth()) : type;
}

bool isUnsigned(Type type) { return type.isUnsignedInteger() || type.isInteger(1); }

Type accumulatorType(Type type) {
  return type.isF16() || type.isBF16() ? Float32Type::get(type.getContext()) : type;
}

static bool isFloat(Value x) { return isa<FloatType>(x.getType()); }

Value Scalars::constant(Type type, double value) {
  if (auto floating = dyn_cast<FloatType>(type))
    return arith::ConstantOp::create(b, b.getFloatAttr(floating, value));
  return integer(type, static_cast<int64_t>(value));
}

Value Scalars::integer(Type type, int64_t value) {
  if (isa<FloatType>(type))
    return constant(type, static_cast<double>(value));
  if (type.isIndex())
    return arith::ConstantIndexOp::create(b, value);
  auto bits = APInt(type.getIntOrFloatBitWidth(), value, /*isSigned=*/true, /*implicitTrunc=*/true);
  return arith::ConstantOp::create(b, IntegerAttr::get(signless(type), bits));
}

Value Scalars::constant(Attribute value) {
  if (auto integer = dyn_cast<IntegerAttr>(value))
    return arith::ConstantOp::create(b, IntegerAttr::get(signless(integer.getType()), integer.getValue()));
  return arith::ConstantOp::create(b, llvm::cast<TypedAttr>(value));
}

Value Scalars::lowest(Type type) {
  if (isa<FloatType>(type))
    return constant(type, -std::numeric_limits<double>::infinity());
  unsigned width = type.getIntOrFloatBitWidth();
  APInt bits = integersUnsigned ? APInt::getMinValue(width) : APInt::getSignedMinValue(width);
  return arith::ConstantOp::create(b, IntegerAttr::get(type, bits));
}

Value Scalars::highest(Type type) {
  if (isa<FloatType>(type))
    return constant(type, std::numeric_limits<double>::infinity());
  unsigned width = type.getIntOrFloatBitWidth();
  APInt bits = integersUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
  return arith::ConstantOp::create(b, IntegerAttr::get(type, bits));
}

Value Scalars::add(Value x, Value y) {
  return isFloat(x) ? Value(arith::AddFOp::create(b, x, y)) : Value(arith::AddIOp::create(b, x, y));
}
Value Scalars::sub(Value x, Value y) {
  return isFloat(x) ? Value(arith::SubFOp::create(b, x, y)) : Value(arith::SubIOp::create(b, x, y));
}
Value Scalars::mul(Value x, Value y) {
  return isFloat(x) ? Value(arith::MulFOp::create(b, x, y)) : Value(arith::MulIOp::create(b, x, y));
}
Value Scalars::div(Value x, Value y) {
  if (isFloat(x))
    return arith::DivFOp::create(b, x, y);
  return integersUnsigned ? Value(arith::DivUIOp::create(b, x, y)) : Value(arith::DivSIOp::create(b, x, y));
}
Value Scalars::max(Value x, Value y) {
  if (isFloat(x))
    return arith::MaximumFOp::create(b, x, y);
  return integersUnsigned ? Value(arith::MaxUIOp::create(b, x, y)) : Value(arith::MaxSIOp::create(b, x, y));
}
Value Scalars::min(Value x, Value y) {
  if (isFloat(x))
    return arith::MinimumFOp::create(b, x, y);
  return integersUnsigned ? Value(arith::MinUIOp::create(b, x, y)) : Value(arith::MinSIOp::create(b, x, y));
}

Value Scalars::less(Value x, Value y) {
  if (isFloat(x))
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, y);
  return arith::CmpIOp::create(b, integersUnsigned ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt, x,
                               y);
}
Value Scalars::lessOrEqual(Value x, Value y) {
  if (isFloat(x))
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OLE, x, y);
  return arith::CmpIOp::create(b, integersUnsigned ? arith::CmpIPredicate::ule : arith::CmpIPredicate::sle, x,
                               y);
}
Value Scalars::equal(Value x, Value y) {
  if (isFloat(x))
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x, y);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, y);
}

Value Scalars::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, condition, x, y);
}
Value Scalars::neg(Value x) {
  return isFloat(x) ? Value(arith::NegFOp::create(b, x)) : sub(integer(x.getType(), 0), x);
}
Value Scalars::abs(Value x) {
  if (isFloat(x))
    return math::AbsFOp::create(b, x);
  return integersUnsigned ? x : Value(math::AbsIOp::create(b, x));
}

Value Scalars::logicalAnd(Value x, Value y) { return arith::AndIOp::create(b, x, y); }
Value Scalars::logicalNot(Value x) { return arith::XOrIOp::create(b, x, integer(x.getType(), 1)); }
Value Scalars::exp(Value x) { return math::ExpOp::create(b, x); }
Value Scalars::log(Value x) { return math::LogOp::create(b, x); }
Value Scalars::sqrt(Value x) { return math::SqrtOp::create(b, x); }
Value Scalars::tanh(Value x) { return math::TanhOp::create(b, x); }
Value Scalars::erf(Value x) { return math::ErfOp::create(b, x); }

Value Scalars::sigmoid(Value x) {
  Value one = constant(x.getType(), 1);
  return div(one, add(one, exp(neg(x))));
}

Value Scalars::softplus(Value x) {
  // max(x, 0) + log(1 + exp(-|x|)) does not overflow.
  Value zero = constant(x.getType(), 0), one = constant(x.getType(), 1);
  return add(max(x, zero), log(add(one, exp(neg(abs(x))))));
}

bool Scalars::isUnsignedValue(Value x) const {
  if (x.getType().isInteger(1))
    return true;
  if (auto conversion = x.getDefiningOp<UnrealizedConversionCastOp>())
    return conversion.getOperand(0).getType().isUnsignedInteger();
  return x.getDefiningOp() && integersUnsigned;
}

Value Scalars::cast(Value x, Type to) {
  Type from = x.getType(), target = signless(to);
  bool toFloat = isa<FloatType>(target);
  if (to.isInteger(1)) {
    if (from.isInteger(1))
      return x;
    Value zero = constant(from, 0);
    return isFloat(x) ? Value(arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, x, zero))
                      : logicalNot(equal(x, zero));
  }
  if (from == target)
    return x;
  bool fromUnsigned = isUnsignedValue(x);
  if (isFloat(x) && toFloat)
    return from.getIntOrFloatBitWidth() < target.getIntOrFloatBitWidth()
               ? Value(arith::ExtFOp::create(b, target, x))
           : from.getIntOrFloatBitWidth() > target.getIntOrFloatBitWidth()
               ? Value(arith::TruncFOp::create(b, target, x))
               : cast(cast(x, b.getF32Type()), to);
  if (isFloat(x))
    return isUnsigned(to) ? Value(arith::FPToUIOp::create(b, target, x))
                          : Value(arith::FPToSIOp::create(b, target, x));
  if (toFloat)
    return fromUnsigned ? Value(arith::UIToFPOp::create(b, target, x))
                        : Value(arith::SIToFPOp::create(b, target, x));
  if (from.getIntOrFloatBitWidth() > target.getIntOrFloatBitWidth())
    return arith::TruncIOp::create(b, target, x);
  return fromUnsigned ? Value(arith::ExtUIOp::create(b, target, x))
                      : Value(arith::ExtSIOp::create(b, target, x));
}

Value Scalars::position(int64_t dim) { return linalg::IndexOp::create(b, dim); }
Value Scalars::position(int64_t dim, Type type) {
  return arith::IndexCastOp::create(b, signless(type), position(dim));
}
Value Scalars::toIndex(Value x) {
  return x.getType().isIndex() ? x : Value(arith::IndexCastOp::create(b, b.getIndexType(), x));
}

Value Scalars::wrapped(Value index, Value extent) {
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value negative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, index, zero);
  return select(negative, arith::AddIOp::create(b, index, extent), index);
}

} // namespace halyard::lowering

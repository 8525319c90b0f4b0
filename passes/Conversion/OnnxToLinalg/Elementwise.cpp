// Lowering of element-by-element operators: one generic each, with operands broadcast through indexing maps.
#include "passes/Conversion/OnnxToLinalg/Lowering.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace halyard::lowering {

using Values = ValueRange;

/// An operator of any number of operands whose result has their element type, or the one of its own result.
template <typename Op> using ElementBody = Value (*)(Op, Scalars &, Values);

template <typename Op> static void add(LoweringTable &table, ElementBody<Op> body) {
  table[TypeID::get<Op>()] = [body](Operation *operation, Lowering &l) -> LogicalResult {
    auto op = cast<Op>(operation);
    Value result = operation->getResult(0);
    SmallVector<Value> operands;
    for (Value operand : operation->getOperands())
      if (!onnx::isAbsent(operand))
        operands.push_back(operand);
    Extents extents = l.broadcastExtents(result, operands);
    l.replace(op, l.elementwise(extents, elementOf(result), operands,
                                [&](Scalars &s, Values v) { return body(op, s, v); }));
    return success();
  };
}

static double real(const APFloat &value) { return value.convertToDouble(); }

//===-- one operand
//--------------------------------------------------------------------------------------------------===//

template <typename Op, typename MathOp> static void addMath(LoweringTable &table) {
  add<Op>(table, [](Op, Scalars &s, Values v) -> Value { return MathOp::create(s.b, v[0]); });
}

static Value lowerSign(onnx::SignOp, Scalars &s, Values v) {
  Type type = v[0].getType();
  Value zero = s.constant(type, 0), one = s.constant(type, 1);
  Value negative = s.integersUnsigned ? zero : s.select(s.less(v[0], zero), s.constant(type, -1), zero);
  return s.select(s.less(zero, v[0]), one, negative);
}

static Value lowerIsInf(onnx::IsInfOp op, Scalars &s, Values v) {
  Type type = v[0].getType();
  Value result = s.integer(s.b.getI1Type(), 0);
  if (op.getDetectPositive())
    result = arith::OrIOp::create(s.b, result, s.equal(v[0], s.highest(type)));
  if (op.getDetectNegative())
    result = arith::OrIOp::create(s.b, result, s.equal(v[0], s.lowest(type)));
  return result;
}

static void addArithmetic(LoweringTable &table) {
  addMath<onnx::AcosOp, math::AcosOp>(table);
  addMath<onnx::AcoshOp, math::AcoshOp>(table);
  addMath<onnx::AsinOp, math::AsinOp>(table);
  addMath<onnx::AsinhOp, math::AsinhOp>(table);
  addMath<onnx::AtanOp, math::AtanOp>(table);
  addMath<onnx::AtanhOp, math::AtanhOp>(table);
  addMath<onnx::CeilOp, math::CeilOp>(table);
  addMath<onnx::CosOp, math::CosOp>(table);
  addMath<onnx::CoshOp, math::CoshOp>(table);
  addMath<onnx::ErfOp, math::ErfOp>(table);
  addMath<onnx::ExpOp, math::ExpOp>(table);
  addMath<onnx::FloorOp, math::FloorOp>(table);
  addMath<onnx::LogOp, math::LogOp>(table);
  addMath<onnx::RoundOp, math::RoundEvenOp>(table);
  addMath<onnx::SinOp, math::SinOp>(table);
  addMath<onnx::SinhOp, math::SinhOp>(table);
  addMath<onnx::SqrtOp, math::SqrtOp>(table);
  addMath<onnx::TanOp, math::TanOp>(table);
  addMath<onnx::TanhOp, math::TanhOp>(table);
  add<onnx::AbsOp>(table, [](onnx::AbsOp, Scalars &s, Values v) { return s.abs(v[0]); });
  add<onnx::NegOp>(table, [](onnx::NegOp, Scalars &s, Values v) { return s.neg(v[0]); });
  add<onnx::ReciprocalOp>(table, [](onnx::ReciprocalOp, Scalars &s, Values v) {
    return s.div(s.constant(v[0].getType(), 1), v[0]);
  });
  add<onnx::SignOp>(table, lowerSign);
  add<onnx::IsInfOp>(table, lowerIsInf);
  add<onnx::IsNaNOp>(table, [](onnx::IsNaNOp, Scalars &s, Values v) -> Value {
    return arith::CmpFOp::create(s.b, arith::CmpFPredicate::UNO, v[0], v[0]);
  });
  add<onnx::NotOp>(table, [](onnx::NotOp, Scalars &s, Values v) { return s.logicalNot(v[0]); });
  add<onnx::BitwiseNotOp>(table, [](onnx::BitwiseNotOp, Scalars &s, Values v) -> Value {
    return arith::XOrIOp::create(s.b, v[0], s.integer(v[0].getType(), -1));
  });
}

//===-- two operands
//-------------------------------------------------------------------------------------------------===//

static Value lowerMod(onnx::ModOp op, Scalars &s, Values v) {
  Type type = v[0].getType();
  if (isa<FloatType>(type)) {
    // Computed in the widest type that matters: the quotient must not round across an integer.
    Value x = s.cast(v[0], s.b.getF64Type()), y = s.cast(v[1], s.b.getF64Type());
    Value quotient = math::TruncOp::create(s.b, s.div(x, y));
    return s.cast(s.sub(x, s.mul(quotient, y)), type);
  }
  if (s.integersUnsigned)
    return arith::RemUIOp::create(s.b, v[0], v[1]);
  Value remainder = arith::RemSIOp::create(s.b, v[0], v[1]);
  if (op.getFmod())
    return remainder;
  Value zero = s.integer(type, 0);
  Value opposite = s.logicalNot(s.equal(s.less(remainder, zero), s.less(v[1], zero)));
  Value adjust = s.logicalAnd(s.logicalNot(s.equal(remainder, zero)), opposite);
  return s.select(adjust, s.add(remainder, v[1]), remainder);
}

/// x to a constant power without calling pow, where that is exact; null for other exponents.
static Value constantPower(Scalars &s, Value x, double exponent) {
  if (exponent == 0.5 && isa<FloatType>(x.getType()))
    return s.sqrt(x);
  if (exponent == -1 && isa<FloatType>(x.getType()))
    return s.div(s.constant(x.getType(), 1), x);
  if (exponent == 0)
    return s.constant(x.getType(), 1);
  if (exponent != 1 && exponent != 2 && exponent != 3)
    return {};
  Value power = x;
  for (int i = 1; i < static_cast<int>(exponent); ++i)
    power = s.mul(power, x);
  return power;
}

static Value lowerPow(onnx::PowOp, Scalars &s, Values v) {
  Type base = v[0].getType(), exponent = v[1].getType();
  Attribute constant;
  // A constant of an unsigned type comes with a conversion around it; such exponents take the general way.
  if (matchPattern(v[1], m_Constant(&constant))) {
    auto floating = dyn_cast<FloatAttr>(constant);
    double value =
        floating ? floating.getValueAsDouble() : cast<IntegerAttr>(constant).getValue().getSExtValue();
    if (Value power = constantPower(s, v[0], value))
      return power;
  }
  if (isa<FloatType>(base))
    return math::PowFOp::create(s.b, v[0], s.cast(v[1], base));
  if (base == exponent)
    return math::IPowIOp::create(s.b, v[0], v[1]);
  Type wide = s.b.getF64Type();
  return s.cast(math::PowFOp::create(s.b, s.cast(v[0], wide), s.cast(v[1], wide)), base);
}

static Value lowerBitShift(onnx::BitShiftOp op, Scalars &s, Values v) {
  if (op.getDirection() == "LEFT")
    return arith::ShLIOp::create(s.b, v[0], v[1]);
  return arith::ShRUIOp::create(s.b, v[0], v[1]);
}

template <typename Op, typename ArithOp> static void addBitwise(LoweringTable &table) {
  add<Op>(table, [](Op, Scalars &s, Values v) -> Value { return ArithOp::create(s.b, v[0], v[1]); });
}

static void addBinary(LoweringTable &table) {
  add<onnx::AddOp>(table, [](onnx::AddOp, Scalars &s, Values v) { return s.add(v[0], v[1]); });
  add<onnx::SubOp>(table, [](onnx::SubOp, Scalars &s, Values v) { return s.sub(v[0], v[1]); });
  add<onnx::MulOp>(table, [](onnx::MulOp, Scalars &s, Values v) { return s.mul(v[0], v[1]); });
  add<onnx::DivOp>(table, [](onnx::DivOp, Scalars &s, Values v) { return s.div(v[0], v[1]); });
  add<onnx::ModOp>(table, lowerMod);
  add<onnx::PowOp>(table, lowerPow);
  add<onnx::BitShiftOp>(table, lowerBitShift);
  addBitwise<onnx::AndOp, arith::AndIOp>(table);
  addBitwise<onnx::OrOp, arith::OrIOp>(table);
  addBitwise<onnx::XorOp, arith::XOrIOp>(table);
  addBitwise<onnx::BitwiseAndOp, arith::AndIOp>(table);
  addBitwise<onnx::BitwiseOrOp, arith::OrIOp>(table);
  addBitwise<onnx::BitwiseXorOp, arith::XOrIOp>(table);
  add<onnx::EqualOp>(table, [](onnx::EqualOp, Scalars &s, Values v) { return s.equal(v[0], v[1]); });
  add<onnx::LessOp>(table, [](onnx::LessOp, Scalars &s, Values v) { return s.less(v[0], v[1]); });
  add<onnx::GreaterOp>(table, [](onnx::GreaterOp, Scalars &s, Values v) { return s.less(v[1], v[0]); });
  add<onnx::LessOrEqualOp>(
      table, [](onnx::LessOrEqualOp, Scalars &s, Values v) { return s.lessOrEqual(v[0], v[1]); });
  add<onnx::GreaterOrEqualOp>(
      table, [](onnx::GreaterOrEqualOp, Scalars &s, Values v) { return s.lessOrEqual(v[1], v[0]); });
}

//===-- any number of operands, selection, types
//---------------------------------------------------------------------===//

template <typename Op> static Value combine(Scalars &s, Values v, Value (Scalars::*combiner)(Value, Value)) {
  Value result = v.front();
  for (Value next : v.drop_front())
    result = (s.*combiner)(result, next);
  return result;
}

static Value lowerWhere(onnx::WhereOp, Scalars &s, Values v) { return s.select(v[0], v[1], v[2]); }

static Value lowerClip(onnx::ClipOp op, Scalars &s, Values v) {
  Value x = v[0];
  unsigned next = 1;
  if (!onnx::isAbsent(op.getMin()))
    x = s.max(x, v[next++]);
  if (!onnx::isAbsent(op.getMax()))
    x = s.min(x, v[next]);
  return x;
}

static void addSelection(LoweringTable &table) {
  add<onnx::MaxOp>(
      table, [](onnx::MaxOp, Scalars &s, Values v) { return combine<onnx::MaxOp>(s, v, &Scalars::max); });
  add<onnx::MinOp>(
      table, [](onnx::MinOp, Scalars &s, Values v) { return combine<onnx::MinOp>(s, v, &Scalars::min); });
  add<onnx::SumOp>(
      table, [](onnx::SumOp, Scalars &s, Values v) { return combine<onnx::SumOp>(s, v, &Scalars::add); });
  add<onnx::MeanOp>(table, [](onnx::MeanOp, Scalars &s, Values v) {
    Value sum = combine<onnx::MeanOp>(s, v, &Scalars::add);
    return s.div(sum, s.constant(sum.getType(), v.size()));
  });
  add<onnx::WhereOp>(table, lowerWhere);
  add<onnx::ClipOp>(table, lowerClip);
}

template <typename Op> static LogicalResult lowerCast(Op op, Lowering &l) {
  l.replace(op, l.cast(op.getInput(), elementOf(op.getResult())));
  return success();
}

//===-- activations
//--------------------------------------------------------------------------------------------------===//

/// x where it is not negative, else what is given.
static Value whereNegative(Scalars &s, Value x, Value otherwise) {
  return s.select(s.less(x, s.constant(x.getType(), 0)), otherwise, x);
}

static Value lowerCelu(onnx::CeluOp op, Scalars &s, Values v) {
  Type type = v[0].getType();
  Value alpha = s.constant(type, real(op.getAlpha())), one = s.constant(type, 1);
  return whereNegative(s, v[0], s.mul(alpha, s.sub(s.exp(s.div(v[0], alpha)), one)));
}

static Value lowerElu(onnx::EluOp op, Scalars &s, Values v) {
  Type type = v[0].getType();
  return whereNegative(s, v[0],
                       s.mul(s.constant(type, real(op.getAlpha())), s.sub(s.exp(v[0]), s.constant(type, 1))));
}

static Value lowerSelu(onnx::SeluOp op, Scalars &s, Values v) {
  Type type = v[0].getType();
  Value alpha = s.constant(type, real(op.getAlpha())), gamma = s.constant(type, real(op.getGamma()));
  return s.mul(gamma, whereNegative(s, v[0], s.sub(s.mul(alpha, s.exp(v[0])), alpha)));
}

static Value geluByErf(Scalars &s, Value x) {
  Type type = x.getType();
  Value cdf = s.add(s.constant(type, 1), s.erf(s.mul(x, s.constant(type, M_SQRT1_2))));
  return s.mul(s.mul(s.constant(type, 0.5), x), cdf);
}

static Value geluByTanh(Scalars &s, Value x) {
  Type type = x.getType();
  Value cube = s.mul(s.mul(x, x), x);
  Value inner =
      s.mul(s.constant(type, std::sqrt(2 / M_PI)), s.add(x, s.mul(s.constant(type, 0.044715), cube)));
  return s.mul(s.mul(s.constant(type, 0.5), x), s.add(s.constant(type, 1), s.tanh(inner)));
}

static Value hardSigmoid(Scalars &s, Value x, double alpha, double beta) {
  Type type = x.getType();
  Value line = s.add(s.mul(s.constant(type, alpha), x), s.constant(type, beta));
  return s.max(s.constant(type, 0), s.min(s.constant(type, 1), line));
}

static Value lowerShrink(onnx::ShrinkOp op, Scalars &s, Values v) {
  Type type = v[0].getType();
  double lambda = real(op.getLambd());
  Value bias = s.constant(type, real(op.getBias()));
  Value above = s.select(s.less(s.constant(type, lambda), v[0]), s.sub(v[0], bias), s.constant(type, 0));
  return s.select(s.less(v[0], s.constant(type, -lambda)), s.add(v[0], bias), above);
}

static void addActivations(LoweringTable &table) {
  add<onnx::CeluOp>(table, lowerCelu);
  add<onnx::EluOp>(table, lowerElu);
  add<onnx::SeluOp>(table, lowerSelu);
  add<onnx::ShrinkOp>(table, lowerShrink);
  add<onnx::GeluOp>(table, [](onnx::GeluOp op, Scalars &s, Values v) {
    return op.getApproximate() == "tanh" ? geluByTanh(s, v[0]) : geluByErf(s, v[0]);
  });
  add<onnx::HardSigmoidOp>(table, [](onnx::HardSigmoidOp op, Scalars &s, Values v) {
    return hardSigmoid(s, v[0], real(op.getAlpha()), real(op.getBeta()));
  });
  add<onnx::HardSwishOp>(table, [](onnx::HardSwishOp, Scalars &s, Values v) {
    return s.mul(v[0], hardSigmoid(s, v[0], 1.0 / 6, 0.5));
  });
  add<onnx::LeakyReluOp>(table, [](onnx::LeakyReluOp op, Scalars &s, Values v) {
    return whereNegative(s, v[0], s.mul(s.constant(v[0].getType(), real(op.getAlpha())), v[0]));
  });
  add<onnx::PReluOp>(
      table, [](onnx::PReluOp, Scalars &s, Values v) { return whereNegative(s, v[0], s.mul(v[1], v[0])); });
  add<onnx::MishOp>(table,
                    [](onnx::MishOp, Scalars &s, Values v) { return s.mul(v[0], s.tanh(s.softplus(v[0]))); });
  add<onnx::ReluOp>(
      table, [](onnx::ReluOp, Scalars &s, Values v) { return s.max(v[0], s.constant(v[0].getType(), 0)); });
  add<onnx::SigmoidOp>(table, [](onnx::SigmoidOp, Scalars &s, Values v) { return s.sigmoid(v[0]); });
  add<onnx::SoftplusOp>(table, [](onnx::SoftplusOp, Scalars &s, Values v) { return s.softplus(v[0]); });
  add<onnx::SoftsignOp>(table, [](onnx::SoftsignOp, Scalars &s, Values v) {
    return s.div(v[0], s.add(s.constant(v[0].getType(), 1), s.abs(v[0])));
  });
  add<onnx::SwishOp>(table, [](onnx::SwishOp op, Scalars &s, Values v) {
    return s.mul(v[0], s.sigmoid(s.mul(s.constant(v[0].getType(), real(op.getAlpha())), v[0])));
  });
  add<onnx::ThresholdedReluOp>(table, [](onnx::ThresholdedReluOp op, Scalars &s, Values v) {
    Type type = v[0].getType();
    return s.select(s.less(s.constant(type, real(op.getAlpha())), v[0]), v[0], s.constant(type, 0));
  });
}

void addElementwiseLowerings(LoweringTable &table) {
  addArithmetic(table);
  addBinary(table);
  addSelection(table);
  addActivations(table);
  addLowering<onnx::CastOp>(table, lowerCast);
  addLowering<onnx::CastLikeOp>(table, lowerCast);
}

} // namespace halyard::lowering

// Symbolic shapes of element-by-element operators: operands broadcast, and arithmetic on small integers is
// followed.
#include "passes/Analysis/SymbolicInference.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace halyard;

namespace {

using Unary = llvm::function_ref<AffineExpr(AffineExpr)>;
using Binary = llvm::function_ref<AffineExpr(AffineExpr, AffineExpr)>;

bool isFloat(Value value) { return isa<FloatType>(onnx::elementTypeOf(value)); }
bool isBoolean(Value value) { return onnx::elementTypeOf(value).isInteger(1); }

AffineExpr truth(SymbolicInference &in, std::optional<bool> decided) {
  return decided ? in.constant(*decided) : AffineExpr();
}

void sameShape(Operation *op, SymbolicInference &in) {
  if (std::optional<LengthExprs> shape = in.shape(op->getOperand(0)))
    for (Value result : op->getResults())
      in.setShape(result, *shape);
}

void mapUnary(Operation *op, SymbolicInference &in, Unary rule) {
  sameShape(op, in);
  std::optional<LengthExprs> contents = in.contents(op->getOperand(0));
  if (!contents)
    return;
  for (AffineExpr &element : *contents)
    element = element ? rule(element) : element;
  in.setContents(op->getResult(0), *contents);
}

void broadcastShape(Operation *op, SymbolicInference &in) {
  if (std::optional<LengthExprs> shape = in.broadcastOperands(op))
    in.setShape(op->getResult(0), *shape);
}

/// Folds `rule` over the operands' elements, after broadcasting.
void mapAll(Operation *op, SymbolicInference &in, Binary rule) {
  broadcastShape(op, in);
  std::optional<LengthExprs> shape = in.shape(op->getResult(0)), contents;
  if (!shape)
    return;
  for (Value operand : op->getOperands()) {
    std::optional<LengthExprs> elements = in.broadcastContents(operand, *shape);
    if (!elements)
      return;
    if (contents)
      for (auto [element, other] : llvm::zip(*contents, *elements))
        element = rule(element, other);
    else
      contents = elements;
  }
  if (contents)
    in.setContents(op->getResult(0), *contents);
}

//===-- arithmetic
//-------------------------------------------------------------------------------------------------===//

void visitDiv(onnx::DivOp op, SymbolicInference &in) {
  bool isFraction = isFloat(op.getA());
  mapAll(op, in, [&](AffineExpr a, AffineExpr b) -> AffineExpr {
    const LengthAlgebra &algebra = in.algebra();
    // A float quotient is followed only where it is an integer; see visitRounding for the others.
    if (isFraction && algebra.equal(algebra.mod(a, b), in.constant(0)) != true)
      return {};
    return algebra.truncDiv(a, b);
  });
}

/// Floor, Ceil and conversion to integers of a quotient of lengths: the way exporters write convolution
/// extents.
void visitRounding(Operation *op, SymbolicInference &in, bool up) {
  mapUnary(op, in, [](AffineExpr element) { return element; });
  auto quotient = op->getOperand(0).getDefiningOp<onnx::DivOp>();
  if (!quotient || !isFloat(quotient.getA()))
    return;
  AffineExpr a = in.scalar(quotient.getA()), b = in.scalar(quotient.getB());
  AffineExpr rounded = up ? in.algebra().ceilDiv(a, b) : in.algebra().floorDiv(a, b);
  if (rounded)
    in.setContents(op->getResult(0), {rounded});
}

void visitCast(onnx::CastOp op, SymbolicInference &in) {
  const LengthAlgebra &algebra = in.algebra();
  bool toBoolean = op.getTo().isInteger(1), fromFloat = isFloat(op.getInput());
  if (fromFloat && op.getTo().isInteger())
    return visitRounding(op, in, /*up=*/false);
  mapUnary(op, in, [&](AffineExpr element) {
    if (!toBoolean)
      return element;
    std::optional<bool> zero = algebra.equal(element, in.constant(0));
    return zero ? in.constant(!*zero) : AffineExpr();
  });
}

void visitMod(onnx::ModOp op, SymbolicInference &in) {
  mapAll(op, in, [&](AffineExpr a, AffineExpr b) {
    // With fmod the remainder has the sign of a: the same where a is not negative.
    bool agrees = op.getFmod() == 0 || in.algebra().lessOrEqual(in.constant(0), a) == true;
    return agrees ? in.algebra().mod(a, b) : AffineExpr();
  });
}

void visitClip(onnx::ClipOp op, SymbolicInference &in) {
  auto limit = [&](Value value) { return onnx::isAbsent(value) ? AffineExpr() : in.scalar(value); };
  AffineExpr low = limit(op.getMin()), high = limit(op.getMax());
  mapUnary(op, in, [&](AffineExpr element) {
    if (!onnx::isAbsent(op.getMin()))
      element = in.algebra().max(element, low);
    return onnx::isAbsent(op.getMax()) ? element : in.algebra().min(element, high);
  });
}

void visitPow(onnx::PowOp op, SymbolicInference &in) {
  mapAll(op, in, [&](AffineExpr a, AffineExpr b) -> AffineExpr {
    std::optional<int64_t> exponent = LengthAlgebra::value(b);
    if (!a || !exponent || *exponent < 0 || *exponent > 4)
      return {};
    return in.algebra().product(LengthExprs(*exponent, a));
  });
}

//===-- logic
//------------------------------------------------------------------------------------------------------===//

void visitAnd(Operation *op, SymbolicInference &in, int64_t dominant) {
  mapAll(op, in, [&](AffineExpr a, AffineExpr b) -> AffineExpr {
    std::optional<int64_t> left = LengthAlgebra::value(a), right = LengthAlgebra::value(b);
    if (left == dominant || right == dominant)
      return in.constant(dominant);
    return left && right ? in.constant(1 - dominant) : AffineExpr();
  });
}

void visitEqual(onnx::EqualOp op, SymbolicInference &in) {
  mapAll(op, in, [&](AffineExpr a, AffineExpr b) { return truth(in, in.algebra().equal(a, b)); });
}

void visitWhere(onnx::WhereOp op, SymbolicInference &in) {
  broadcastShape(op, in);
  std::optional<LengthExprs> shape = in.shape(op.getResult());
  if (!shape)
    return;
  std::optional<LengthExprs> condition = in.broadcastContents(op.getCondition(), *shape);
  std::optional<LengthExprs> x = in.broadcastContents(op.getX(), *shape),
                             y = in.broadcastContents(op.getY(), *shape);
  if (!condition)
    return;
  LengthExprs contents;
  for (auto [index, element] : llvm::enumerate(*condition)) {
    AffineExpr left = x ? (*x)[index] : AffineExpr(), right = y ? (*y)[index] : AffineExpr();
    std::optional<int64_t> decided = LengthAlgebra::value(element);
    contents.push_back(decided ? (*decided ? left : right) : left == right ? left : AffineExpr());
  }
  in.setContents(op.getResult(), contents);
}

void addArithmetic(TransferTable &table) {
  auto binary = [](AffineExpr (LengthAlgebra::*rule)(AffineExpr, AffineExpr) const) {
    return [rule](Operation *op, SymbolicInference &in) {
      mapAll(op, in, [&](AffineExpr a, AffineExpr b) { return (in.algebra().*rule)(a, b); });
    };
  };
  table.add<onnx::AddOp, onnx::SumOp>(binary(&LengthAlgebra::add));
  table.add<onnx::SubOp>(binary(&LengthAlgebra::sub));
  table.add<onnx::MulOp>(binary(&LengthAlgebra::mul));
  table.add<onnx::MinOp>(binary(&LengthAlgebra::min));
  table.add<onnx::MaxOp>(binary(&LengthAlgebra::max));
  table.addTyped<onnx::DivOp>(visitDiv);
  table.addTyped<onnx::ModOp>(visitMod);
  table.addTyped<onnx::PowOp>(visitPow);
  table.addTyped<onnx::ClipOp>(visitClip);
  table.addTyped<onnx::CastOp>(visitCast);
  table.add<onnx::FloorOp>([](Operation *op, SymbolicInference &in) { visitRounding(op, in, false); });
  table.add<onnx::CeilOp>([](Operation *op, SymbolicInference &in) { visitRounding(op, in, true); });
  table.add<onnx::IdentityOp, onnx::RoundOp, onnx::CastLikeOp, onnx::DropoutOp>([](Operation *op,
                                                                                   SymbolicInference &in) {
    bool keeps = !isa<onnx::CastLikeOp>(op) || (!isFloat(op->getOperand(0)) && !isBoolean(op->getResult(0)));
    mapUnary(op, in, [&](AffineExpr element) { return keeps ? element : AffineExpr(); });
  });
  table.add<onnx::NegOp>([](Operation *op, SymbolicInference &in) {
    mapUnary(op, in, [&](AffineExpr element) { return in.algebra().sub(in.constant(0), element); });
  });
  table.add<onnx::AbsOp>([](Operation *op, SymbolicInference &in) {
    mapUnary(op, in, [&](AffineExpr a) { return in.algebra().max(a, in.algebra().sub(in.constant(0), a)); });
  });
}

void addLogic(TransferTable &table) {
  auto comparison = [](bool strict, bool swapped) {
    return [=](Operation *op, SymbolicInference &in) {
      mapAll(op, in, [&](AffineExpr a, AffineExpr b) {
        AffineExpr left = swapped ? b : a, right = swapped ? a : b;
        return truth(in, strict ? in.algebra().less(left, right) : in.algebra().lessOrEqual(left, right));
      });
    };
  };
  table.add<onnx::LessOp>(comparison(true, false));
  table.add<onnx::LessOrEqualOp>(comparison(false, false));
  table.add<onnx::GreaterOp>(comparison(true, true));
  table.add<onnx::GreaterOrEqualOp>(comparison(false, true));
  table.addTyped<onnx::EqualOp>(visitEqual);
  table.addTyped<onnx::WhereOp>(visitWhere);
  table.add<onnx::AndOp>([](Operation *op, SymbolicInference &in) { visitAnd(op, in, 0); });
  table.add<onnx::OrOp>([](Operation *op, SymbolicInference &in) { visitAnd(op, in, 1); });
  table.add<onnx::NotOp>([](Operation *op, SymbolicInference &in) {
    mapUnary(op, in, [&](AffineExpr a) {
      std::optional<int64_t> value = LengthAlgebra::value(a);
      return value ? in.constant(!*value) : AffineExpr();
    });
  });
}
} // namespace

void halyard::addElementwiseTransfers(TransferTable &table) {
  addArithmetic(table);
  addLogic(table);
  table
      .add<onnx::AcosOp, onnx::AcoshOp, onnx::AsinOp, onnx::AsinhOp, onnx::AtanOp, onnx::AtanhOp, onnx::CosOp,
           onnx::CoshOp, onnx::ErfOp, onnx::ExpOp, onnx::LogOp, onnx::ReciprocalOp, onnx::SignOp, onnx::SinOp,
           onnx::SinhOp, onnx::SqrtOp, onnx::TanOp, onnx::TanhOp, onnx::CeluOp, onnx::EluOp, onnx::GeluOp,
           onnx::HardSigmoidOp, onnx::HardSwishOp, onnx::LeakyReluOp, onnx::MishOp, onnx::ReluOp,
           onnx::SeluOp, onnx::ShrinkOp, onnx::SigmoidOp, onnx::SoftplusOp, onnx::SoftsignOp, onnx::SwishOp,
           onnx::ThresholdedReluOp, onnx::BitwiseNotOp, onnx::IsNaNOp, onnx::IsInfOp>(sameShape);
  table.add<onnx::PReluOp, onnx::MeanOp, onnx::BitShiftOp, onnx::BitwiseAndOp, onnx::BitwiseOrOp,
            onnx::BitwiseXorOp, onnx::XorOp>(broadcastShape);
}

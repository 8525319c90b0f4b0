// raise-norm: layer and root-mean-square normalisation, in one operator or spelled out, become seq.norm over
// rows.
//
// Spelled out, a norm is recognised from its core, x / sqrt(mean(x^2) + epsilon), with x centred before or
// not, and however the quotient is written; a scale and a bias that follow are taken along.
#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/SymbolicShapes.h"
#include "passes/Transforms/LayoutBuilder.h"
#include "passes/Transforms/Passes.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_RAISENORM
#include "passes/Transforms/Passes.h.inc"

namespace {

/// A norm as it was found.
struct Norm {
  seq::NormKind kind;
  Value input, scale, bias; // scale and bias may be null
  double epsilon;
  Value result; // what it computes
};

bool reducesLastAxis(onnx::ReduceMeanOp mean) {
  auto type = dyn_cast<RankedTensorType>(mean.getData().getType());
  auto axes = mean.getNumOperands() > 1 ? constantScalar(mean->getOperand(1)) : std::nullopt;
  return type && axes && mean.getKeepdims() && (*axes == -1 || *axes == type.getRank() - 1);
}

/// x, if `value` is the mean of its squares over the last axis.
Value squareMeanOf(Value value) {
  auto mean = value.getDefiningOp<onnx::ReduceMeanOp>();
  if (!mean || !reducesLastAxis(mean))
    return {};
  Operation *square = mean.getData().getDefiningOp();
  if (auto pow = dyn_cast_or_null<onnx::PowOp>(square))
    return constantScalar(pow->getOperand(1)) == 2.0 ? pow->getOperand(0) : Value();
  if (auto mul = dyn_cast_or_null<onnx::MulOp>(square))
    return mul->getOperand(0) == mul->getOperand(1) ? mul->getOperand(0) : Value();
  return {};
}

/// x and epsilon, if `value` is sqrt(mean(x^2) + epsilon).
Value rootMeanSquareOf(Value value, double &epsilon) {
  auto root = value.getDefiningOp<onnx::SqrtOp>();
  auto sum = root ? root->getOperand(0).getDefiningOp<onnx::AddOp>() : onnx::AddOp();
  if (!sum)
    return {};
  for (unsigned index : {0u, 1u})
    if (auto added = constantScalar(sum->getOperand(index)))
      if (Value x = squareMeanOf(sum->getOperand(1 - index))) {
        epsilon = *added;
        return x;
      }
  return {};
}

/// The centred x, if `value` is 1 / sqrt(mean(x^2) + epsilon).
Value inverseOf(Value value, double &epsilon) {
  if (auto reciprocal = value.getDefiningOp<onnx::ReciprocalOp>())
    return rootMeanSquareOf(reciprocal->getOperand(0), epsilon);
  if (auto div = value.getDefiningOp<onnx::DivOp>(); div && constantScalar(div->getOperand(0)) == 1.0)
    return rootMeanSquareOf(div->getOperand(1), epsilon);
  return {};
}

/// A vector constant of as many elements as the last axis of `like`, with leading unit axes at most.
Value featureVector(Value value, Value like) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  auto full = cast<RankedTensorType>(like.getType());
  if (!type || !type.hasStaticShape() || type.getRank() == 0 ||
      type.getNumElements() != full.getShape().back() || type.getShape().back() != full.getShape().back() ||
      !matchPattern(value, m_Constant()))
    return {};
  return value;
}

/// The one user of `value`, if it is of the given kind and its other operand is a vector of features.
template <typename OpType> Value absorb(Value &value) {
  if (!value.hasOneUse())
    return {};
  auto user = dyn_cast<OpType>(*value.getUsers().begin());
  if (!user || user->getResult(0).getType() != value.getType())
    return {};
  Value other = featureVector(user->getOperand(user->getOperand(0) == value ? 1 : 0), value);
  if (other)
    value = user->getResult(0);
  return other;
}

std::optional<Norm> matchSpelledOut(Operation *op) {
  Norm norm{seq::NormKind::rms, {}, {}, {}, 0.0, op->getResult(0)};
  if (isa<onnx::DivOp>(op)) {
    Value x = rootMeanSquareOf(op->getOperand(1), norm.epsilon);
    if (x && x == op->getOperand(0))
      norm.input = x;
  } else if (isa<onnx::MulOp>(op)) {
    for (unsigned index : {0u, 1u}) {
      Value x = inverseOf(op->getOperand(index), norm.epsilon);
      if (x && x == op->getOperand(1 - index))
        norm.input = x;
    }
  }
  if (!norm.input || !isa<RankedTensorType>(norm.input.getType()))
    return std::nullopt;
  if (auto centred = norm.input.getDefiningOp<onnx::SubOp>()) {
    auto mean = centred->getOperand(1).getDefiningOp<onnx::ReduceMeanOp>();
    if (mean && reducesLastAxis(mean) && mean.getData() == centred->getOperand(0)) {
      norm.kind = seq::NormKind::layer;
      norm.input = centred->getOperand(0);
    }
  }
  norm.scale = absorb<onnx::MulOp>(norm.result);
  if (norm.kind == seq::NormKind::layer && norm.scale)
    norm.bias = absorb<onnx::AddOp>(norm.result);
  return norm;
}

std::optional<Norm> matchOperator(Operation *op) {
  auto overLastAxis = [&](int64_t axis) {
    auto type = dyn_cast<RankedTensorType>(op->getOperand(0).getType());
    return type && (axis == -1 || axis == type.getRank() - 1) &&
           llvm::all_of(llvm::drop_begin(op->getResults()), [](Value value) { return value.use_empty(); });
  };
  if (auto layer = dyn_cast<onnx::LayerNormalizationOp>(op); layer && overLastAxis(layer.getAxis()))
    return Norm{seq::NormKind::layer,
                layer.getX(),
                layer.getScale(),
                onnx::isAbsent(layer.getB()) ? Value() : layer.getB(),
                layer.getEpsilon().convertToDouble(),
                op->getResult(0)};
  if (auto rms = dyn_cast<onnx::RMSNormalizationOp>(op); rms && overLastAxis(rms.getAxis()))
    return Norm{seq::NormKind::rms, rms.getX(), rms.getScale(), {}, rms.getEpsilon().convertToDouble(),
                op->getResult(0)};
  if (auto rms = dyn_cast<onnx::MSSimplifiedLayerNormalizationOp>(op); rms && overLastAxis(rms.getAxis()))
    return Norm{seq::NormKind::rms, rms.getX(), rms.getScale(), {}, rms.getEpsilon().convertToDouble(),
                op->getResult(0)};
  return std::nullopt;
}

class NormRaiser {
public:
  NormRaiser(MLIRContext *context, const SymbolicShapes &shapes) : layout(context), shapes(shapes) {}

  void raise(const Norm &norm) {
    auto shape = shapes.shape(norm.input);
    auto type = dyn_cast<RankedTensorType>(norm.input.getType());
    if (!shape || !type || !type.getElementType().isF32() || norm.result.getType() != norm.input.getType())
      return;
    // Rows are one axis: where several are wider than 1 they could not be told apart afterwards.
    AffineExpr rows = getAffineConstantExpr(1, norm.input.getContext()), one = rows;
    for (AffineExpr extent : ArrayRef(*shape).drop_back()) {
      if (!extent || (extent != one && rows != one))
        return;
      rows = extent == one ? rows : extent;
    }
    OpBuilder builder(norm.result.getDefiningOp());
    Location loc = norm.result.getLoc();
    Value input = layout.reshape(builder, loc, norm.input, {rows, shape->back()});
    int64_t features = type.getShape().back();
    Value scale =
        norm.scale ? vector(builder, loc, norm.scale, features) : ones(builder, loc, type, features);
    Value bias = norm.bias ? vector(builder, loc, norm.bias, features) : Value();
    Value normed = seq::NormOp::create(builder, loc, input.getType(), input, scale, bias, norm.kind,
                                       APFloat(norm.epsilon));
    Value result = layout.reshape(builder, loc, normed, *shape);
    result.setType(type);
    Value replaced = norm.result;
    replaced.replaceAllUsesWith(result);
  }

private:
  Value vector(OpBuilder &builder, Location loc, Value value, int64_t features) {
    return layout.reshape(builder, loc, value, {getAffineConstantExpr(features, builder.getContext())});
  }
  Value ones(OpBuilder &builder, Location loc, RankedTensorType like, int64_t features) {
    auto type = RankedTensorType::get({features}, like.getElementType());
    return onnx::ConstantOp::create(builder, loc,
                                    DenseElementsAttr::get(type, builder.getF32FloatAttr(1.0f)));
  }

  LayoutBuilder layout;
  const SymbolicShapes &shapes;
};

struct RaiseNorm : impl::RaiseNormBase<RaiseNorm> {
  void runOnOperation() override {
    auto shapes = SymbolicShapes::compute(getOperation());
    if (failed(shapes))
      return signalPassFailure();
    SmallVector<Norm> norms;
    getOperation().walk([&](Operation *op) {
      auto norm = matchOperator(op);
      if (!norm && isa<onnx::DivOp, onnx::MulOp>(op))
        norm = matchSpelledOut(op);
      if (norm)
        norms.push_back(*norm);
    });
    NormRaiser raiser(&getContext(), *shapes);
    for (const Norm &norm : norms)
      raiser.raise(norm);
  }
};

} // namespace
} // namespace halyard

// float-activations: activations that a file quantises are taken as the floats they were.
//
// How activations are rounded is the choice of whoever computes a layer. Pairs of QuantizeLinear and
// DequantizeLinear, whose ranges come from samples, are left out: they would hide attention and norms, and
// what is not rounded is nearer to the model that was quantised.
//
// What ONNX Runtime's quantisers call dynamic rounds the whole input of a matrix product to 8 bits, with a
// range found over all of it: each row of the result depends on all rows, so nothing can be kept between
// tokens. Where Halyard chooses the precision of weights, only the weights are taken of such a file, whose
// codes become the floats they stand for. Rounded row by row, as kernels of 8-bit weights do it, activations
// are as good as in the file or better. With weights of f32 the file is computed as it is written, and a
// remark says what that costs.
#include "passes/Conversion/OnnxToLinalg/Compose.h"
#include "passes/Conversion/OnnxToLinalg/Lowering.h"
#include "passes/Transforms/Passes.h"

#include "mlir/IR/Matchers.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_FLOATACTIVATIONS
#include "passes/Transforms/Passes.h.inc"

namespace {

using lowering::Compose;

/// The product of integers whose scaled value is taken, and the factors it is scaled by.
struct ScaledProduct {
  Operation *product = nullptr;
  SmallVector<Value> factors;

  /// Removes a factor; whether it was there.
  bool take(Value factor) {
    auto *found = llvm::find(factors, factor);
    if (found == factors.end())
      return false;
    factors.erase(found);
    return true;
  }
};

/// Reads a tree of multiplications one of whose leaves is a product of integers, converted to floats.
ScaledProduct scaledProduct(onnx::MulOp root) {
  ScaledProduct result;
  SmallVector<Value> pending{root.getA(), root.getB()};
  while (!pending.empty()) {
    Value value = pending.pop_back_val();
    if (auto inner = value.getDefiningOp<onnx::MulOp>()) {
      pending.append({inner.getA(), inner.getB()});
      continue;
    }
    auto cast = value.getDefiningOp<onnx::CastOp>();
    Operation *product = cast ? cast.getOperand().getDefiningOp() : nullptr;
    if (!result.product && isa_and_nonnull<onnx::MatMulIntegerOp, onnx::ConvIntegerOp>(product))
      result.product = product;
    else
      result.factors.push_back(value);
  }
  return result;
}

/// The quantisation whose codes and zero point these are, or null.
onnx::DynamicQuantizeLinearOp quantizationOf(Value codes, Value zero) {
  auto op = codes.getDefiningOp<onnx::DynamicQuantizeLinearOp>();
  return op && op.getY() == codes && op.getYZeroPoint() == zero ? op : nullptr;
}

/// The floats that an operand of a product was made of, if it was quantised on the fly and the product is
/// multiplied by its scale, which then is no factor any more; or null.
Value floatsOf(Value codes, Value zero, ScaledProduct &scaled) {
  onnx::DynamicQuantizeLinearOp quantization = quantizationOf(codes, zero);
  return quantization && scaled.take(quantization.getYScale()) ? quantization.getX() : Value();
}

/// A constant with the factors that are constant too and belong to its columns, or to all of it, multiplied
/// in.
Value withScales(Compose &c, Value number, ScaledProduct &scaled) {
  for (Value factor : SmallVector<Value>(scaled.factors)) {
    ElementsAttr elements;
    if (matchPattern(factor, m_Constant(&elements)) && elements.getShapedType().getRank() <= 1 &&
        scaled.take(factor))
      number = c.mul(number, factor);
  }
  return number;
}

/// The product of floats that stands for a product of integers and for some of its factors, which are
/// removed; or null.
Value floatProduct(Compose &c, onnx::MatMulIntegerOp op, ScaledProduct &scaled) {
  Value a = floatsOf(op.getA(), op.getAZeroPoint(), scaled);
  Value b = floatsOf(op.getB(), op.getBZeroPoint(), scaled);
  if (!a && !b)
    return {};
  if (!a)
    a = c.centred(op.getA(), op.getAZeroPoint());
  if (!b) {
    b = c.centred(op.getB(), op.getBZeroPoint());
    if (matchPattern(op.getB(), m_Constant()))
      b = withScales(c, b, scaled);
  }
  return c.matMul(a, b);
}

Value floatProduct(Compose &c, onnx::ConvIntegerOp op, ScaledProduct &scaled) {
  if (!isa<RankedTensorType>(op.getW().getType()))
    return {};
  Value x = floatsOf(op.getX(), op.getXZeroPoint(), scaled);
  return x ? lowering::floatConvolution(c, op, x) : Value();
}

void rewrite(onnx::MulOp root) {
  ScaledProduct scaled = scaledProduct(root);
  if (!scaled.product)
    return;
  Compose c(root);
  Value product = llvm::TypeSwitch<Operation *, Value>(scaled.product)
                      .Case<onnx::MatMulIntegerOp, onnx::ConvIntegerOp>(
                          [&](auto op) { return floatProduct(c, op, scaled); });
  if (!product)
    return;
  for (Value factor : scaled.factors)
    product = c.mul(product, factor);
  lowering::replaceComposed(root, product);
}

/// x times the matrix that the codes of an operation stand for, plus its bias.
template <typename Op> void replaceByFloats(Op op, Value x) {
  Compose c(op);
  Value matrix = c.mul(c.centred(op.getB(), op.getBZeroPoint()), c.cast(op.getBScale(), c.b.getF32Type()));
  lowering::replaceComposed(op, c.addOptional(c.matMul(x, matrix), op.getBias()));
}

void rewrite(onnx::MSDynamicQuantizeMatMulOp op) { replaceByFloats(op, op.getA()); }

void rewrite(onnx::MSMatMulIntegerToFloatOp op) {
  onnx::DynamicQuantizeLinearOp quantization = quantizationOf(op.getA(), op.getAZeroPoint());
  if (quantization && quantization.getYScale() == op.getAScale())
    replaceByFloats(op, quantization.getX());
}

/// Whether no element is below zero, as far as the operations that it comes from tell.
bool isNonNegative(Value value) {
  ElementsAttr elements;
  if (matchPattern(value, m_Constant(&elements)))
    return elements.isSplat() && isa<FloatType>(elements.getElementType()) &&
           !elements.getSplatValue<llvm::APFloat>().isNegative();
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<onnx::SoftmaxOp, onnx::ReluOp, onnx::SigmoidOp, onnx::ExpOp>(op))
    return true;
  if (auto where = dyn_cast_or_null<onnx::WhereOp>(op))
    return isNonNegative(where.getX()) && isNonNegative(where.getY());
  return isa_and_nonnull<onnx::CastOp, onnx::ReshapeOp, onnx::TransposeOp>(op) &&
         isNonNegative(op->getOperand(0));
}

/// Where a range of codes begins or ends with zero, what quantises floats also cuts off what is below or
/// above it: quantisers leave a Relu out for that. Any other end of a range is where samples happened to end.
Value cutAtZero(Compose &c, onnx::QuantizeLinearOp quantization) {
  ElementsAttr zeros;
  Value x = quantization.getX(), zero = quantization.getYZeroPoint();
  bool isKnown =
      matchPattern(zero, m_Constant(&zeros)) && zeros.isSplat() && isa<IntegerType>(zeros.getElementType());
  if (!onnx::isAbsent(zero) && !isKnown)
    return {};
  auto type = cast<IntegerType>(onnx::elementTypeOf(quantization.getResult()));
  llvm::APInt code = isKnown ? zeros.getSplatValue<llvm::APInt>() : llvm::APInt(type.getWidth(), 0);
  bool isUnsigned = type.isUnsigned();
  if (isUnsigned ? code.isMinValue() : code.isMinSignedValue())
    return isNonNegative(x) ? x : onnx::ReluOp::create(c.b, c.like(x), x).getResult();
  if (isUnsigned ? code.isMaxValue() : code.isMaxSignedValue())
    return onnx::MinOp::create(c.b, c.like(x), ValueRange{x, c.scalar(onnx::elementTypeOf(x), 0)});
  return x;
}

void rewrite(onnx::DequantizeLinearOp op) {
  onnx::DynamicQuantizeLinearOp quantization = quantizationOf(op.getX(), op.getXZeroPoint());
  if (quantization && quantization.getYScale() == op.getXScale())
    lowering::replaceComposed(op, quantization.getX());
}

/// A product of codes as the product of floats that it stands for, between operations that dequantise and
/// quantise.
void rewrite(onnx::QLinearMatMulOp op) {
  Compose c(op);
  Value product = c.matMul(c.dequantize(op.getA(), op.getAScale(), op.getAZeroPoint()),
                           c.dequantize(op.getB(), op.getBScale(), op.getBZeroPoint()));
  Value zero = op.getYZeroPoint();
  auto codes = onnx::QuantizeLinearOp::create(c.b, c.like(zero), product, op.getYScale(), zero, /*axis=*/-1,
                                              /*block_size=*/0, TypeAttr(), TypeAttr(), /*saturate=*/1);
  lowering::replaceComposed(op, codes.getResult());
}

/// Takes the floats that a pair of operations rounds with a range known before.
void rewritePair(onnx::DequantizeLinearOp op) {
  auto quantization = op.getX().getDefiningOp<onnx::QuantizeLinearOp>();
  Value zero = op.getXZeroPoint();
  if (!quantization || quantization.getYScale() != op.getXScale() ||
      matchPattern(quantization.getX(), m_Constant()))
    return;
  Value other = quantization.getYZeroPoint();
  if (other != zero && !(onnx::isAbsent(other) && onnx::isAbsent(zero)))
    return;
  Compose c(op);
  if (Value x = cutAtZero(c, quantization))
    lowering::replaceComposed(op, x);
}

struct FloatActivations : impl::FloatActivationsBase<FloatActivations> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(lowering::decomposeOnnx(getOperation(),
                                       [](Operation *op) { return !isa<onnx::MSQAttentionOp>(op); })))
      return signalPassFailure();
    rewriteAll<onnx::QLinearMatMulOp>([](auto op) { rewrite(op); });
    rewriteAll<onnx::DequantizeLinearOp>(rewritePair);
    if (weights == "f32")
      return remark();
    rewriteAll<onnx::MulOp, onnx::MSDynamicQuantizeMatMulOp, onnx::MSMatMulIntegerToFloatOp,
               onnx::DequantizeLinearOp>([](auto op) { rewrite(op); });
  }

  /// Calls `rewrite`, which may erase the operation it is given, for all of some kinds.
  template <typename... Ops, typename Rewrite> void rewriteAll(Rewrite rewrite) {
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<Ops...>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      llvm::TypeSwitch<Operation *>(op).Case<Ops...>(rewrite);
  }

  void remark() {
    getOperation().walk([](Operation *op) {
      if (!isa<onnx::DynamicQuantizeLinearOp, onnx::MSDynamicQuantizeMatMulOp>(op))
        return WalkResult::advance();
      op->emitRemark(
          "activations are rounded over the whole text, which is computed as it is written, slowly; "
          "other weights than f32, as --weights int8, take only the file's weights");
      return WalkResult::interrupt();
    });
  }
};

} // namespace
} // namespace halyard

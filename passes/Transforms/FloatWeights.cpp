// float-weights: weights that a file packs for operators of its own become the floats they stand for.
//
// How weights are stored is chosen later, layer by layer, from their values; a matrix that was rounded to few
// codes is stored as these codes again where the precision chosen has them. So between import and that choice
// there is one kind of matrix product and one kind of lookup, and what is known of them serves quantised
// files too.
#include "passes/Conversion/OnnxToLinalg/Compose.h"
#include "passes/Transforms/BlockWeights.h"
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/Simplification.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_FLOATWEIGHTS
#include "passes/Transforms/Passes.h.inc"

namespace {

using lowering::Compose;

/// a times a matrix [N, K].
Value timesTransposed(Compose &c, Value a, const HostTensor &matrix) {
  return c.matMul(a, c.transpose(c.constant(matrix), {1, 0}));
}

// What an operation computes of the floats that it reads packed.

Value computed(Compose &c, onnx::MSMatMulNBitsOp op, const HostTensor &matrix) {
  return c.addOptional(timesTransposed(c, op.getA(), matrix), op.getBias());
}

Value computed(Compose &c, onnx::MSMatMulBnb4Op op, const HostTensor &matrix) {
  return op.getTransB() ? timesTransposed(c, op.getA(), matrix) : c.matMul(op.getA(), c.constant(matrix));
}

Value computed(Compose &c, onnx::MSGatherBlockQuantizedOp op, const HostTensor &data) {
  return c.gather(c.constant(data), op.getIndices(), op.getGatherAxis());
}

template <typename Op> LogicalResult rewrite(Op op) {
  FailureOr<HostTensor> weights = floatWeights(op);
  if (failed(weights))
    return failure();
  Compose c(op);
  lowering::replaceComposed(op, computed(c, op, *weights));
  return success();
}

/// Integers of fewer than 8 bits, which a constant has one to a byte, become bytes.
void widen(OpOperand &operand) {
  auto constant = operand.get().getDefiningOp<onnx::ConstantOp>();
  auto type = constant ? dyn_cast<IntegerType>(constant.getValue().getElementType()) : nullptr;
  if (!type || type.getWidth() >= 8 || type.isInteger(1))
    return;
  HostTensor narrow = fromAttribute(constant.getValue());
  Type byte = IntegerType::get(type.getContext(), 8, type.getSignedness());
  HostTensor bytes = HostTensor::allocate(narrow.shape, byte);
  for (auto [i, value] : llvm::enumerate(bytes.mutableValues<int8_t>()))
    value = static_cast<int8_t>(narrow.integerAt(i));
  Compose c(operand.getOwner());
  operand.set(c.constant(bytes));
}

LogicalResult rewrite(onnx::DequantizeLinearOp op) {
  for (OpOperand &operand : op->getOpOperands())
    widen(operand);
  return success();
}

struct FloatWeights : impl::FloatWeightsBase<FloatWeights> {
  void runOnOperation() override {
    if (failed(halyard::floatWeights(getOperation())))
      signalPassFailure();
  }
};

} // namespace

LogicalResult floatWeights(ModuleOp module) {
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops)
    if (failed(llvm::TypeSwitch<Operation *, LogicalResult>(op)
                   .Case<onnx::MSMatMulNBitsOp, onnx::MSMatMulBnb4Op, onnx::MSGatherBlockQuantizedOp,
                         onnx::DequantizeLinearOp>([](auto packed) { return rewrite(packed); })
                   .Default(success())))
      return failure();
  return success();
}

} // namespace halyard

// Scalars are translated on demand, from the value that is needed back to what is known, so the order of
// operations and values nobody reads do not matter.
#include "targets/Common/LinalgToHalide/ValueScope.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;

void ValueScope::enterBody(Block *block, ExprsRef loops) {
  body = block;
  loopIndices.assign(loops.begin(), loops.end());
}

const TensorView *ValueScope::tensor(Value value) const {
  auto it = tensors.find(value);
  if (it != tensors.end())
    return &it->second;
  return outer ? outer->tensor(value) : nullptr;
}

FailureOr<Expr> ValueScope::scalar(Value value) {
  if (auto it = scalars.find(value); it != scalars.end())
    return it->second;
  bool isLocal = !body || value.getParentBlock() == body;
  if (!isLocal && outer)
    return outer->scalar(value);
  Operation *definition = value.getDefiningOp();
  if (!definition) {
    emitError(value.getLoc()) << "a kernel reads a value of type " << value.getType()
                              << " that it was not given";
    return failure();
  }
  FailureOr<Expr> expr = translate(definition);
  if (succeeded(expr))
    scalars[value] = *expr;
  return expr;
}

FailureOr<Expr> ValueScope::translate(Operation *op) {
  if (isa<tensor::ExtractOp, tensor::DimOp>(op))
    return translateTensorRead(op);
  if (auto index = dyn_cast<linalg::IndexOp>(op))
    return loopIndices[index.getDim()];
  Exprs operands;
  for (Value operand : op->getOperands()) {
    FailureOr<Expr> expr = scalar(operand);
    if (failed(expr))
      return failure();
    operands.push_back(*expr);
  }
  Expr result = op->getNumResults() == 1 ? translateScalarOp(op, operands, promised) : Expr();
  if (!result.defined() && promised == Precision::deterministic && isa<math::MathDialect>(op->getDialect()))
    return op->emitOpError("has no form that gives the same bits on every target"), failure();
  if (!result.defined())
    return op->emitOpError("has no translation to a kernel (arith, math, affine and tensor reads have)"),
           failure();
  return result;
}

FailureOr<Expr> ValueScope::translateTensorRead(Operation *op) {
  const TensorView *view = tensor(op->getOperand(0));
  if (!view)
    return op->emitOpError("reads a tensor that its kernel was not given"), failure();
  Exprs indices;
  for (Value operand : op->getOperands().drop_front()) {
    FailureOr<Expr> index = scalar(operand);
    if (failed(index))
      return failure();
    indices.push_back(*index);
  }
  if (isa<tensor::ExtractOp>(op)) {
    for (auto [index, extent] : llvm::zip_equal(indices, view->extents))
      index = clampedIndex(index, extent);
    return view->at(indices);
  }
  APInt dimension;
  if (!matchPattern(op->getOperand(1), m_ConstantInt(&dimension)))
    return op->emitOpError("asks for the extent of a dimension that is not constant"), failure();
  return view->extents[dimension.getZExtValue()];
}

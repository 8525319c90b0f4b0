// onnx-to-linalg: every onnx operation becomes generics and tensor operations, one after the other, by the
// table that the families fill (OnnxToLinalg/). Compositions (attention, fused operators) are taken apart
// first.
#include "passes/Conversion/OnnxToLinalg.h"

#include "dialects/Seq/IR/Seq.h"
#include "passes/Conversion/OnnxToLinalg/Lowering.h"
#include "passes/Conversion/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_ONNXTOLINALG
#include "passes/Conversion/Passes.h.inc"

using namespace lowering;

static const LoweringTable &loweringTable() {
  static const LoweringTable table = [] {
    LoweringTable table;
    addElementwiseLowerings(table);
    addReductionLowerings(table);
    addShapeLowerings(table);
    addCreationLowerings(table);
    addMovementLowerings(table);
    addSliceLowerings(table);
    addIndexingLowerings(table);
    addContractionLowerings(table);
    addEinsumLowering(table);
    addConvolutionLowerings(table);
    addPoolingLowerings(table);
    addNormalizationLowerings(table);
    addQuantizationLowerings(table);
    return table;
  }();
  return table;
}

bool isOnnxHostOp(Operation *op) {
  if (isa<onnx::ScatterNDOp>(op))
    return !scattersFew(op);
  return isa<onnx::NonZeroOp, onnx::ScatterElementsOp, onnx::TensorScatterOp, onnx::TopKOp, onnx::UniqueOp,
             onnx::CompressOp>(op);
}

/// Whether a result has integers of 2 to 7 bits that are not moved from an operand: such ones are kept one to
/// a byte, so nothing would saturate them.
static bool makesNarrowIntegers(Operation *op, Value result) {
  Type type = isa<TensorType>(result.getType()) ? onnx::elementTypeOf(result) : Type();
  if (!isa_and_nonnull<IntegerType>(type) || type.isInteger(1) || type.getIntOrFloatBitWidth() >= 8)
    return false;
  return !isa<onnx::ConstantOp>(op) && llvm::none_of(op->getOperands(), [&](Value operand) {
    return isa<TensorType>(operand.getType()) && onnx::elementTypeOf(operand) == type;
  });
}

static LogicalResult lowerOp(Operation *op, Lowering &lowering) {
  if (isa<onnx::NoneOp>(op) || isOnnxHostOp(op))
    return success();
  if (isa<onnx::IfOp, onnx::YieldOp>(op)) {
    InFlightDiagnostic diagnostic =
        op->emitOpError("cannot be lowered: which branch is taken depends on data");
    diagnostic.attachNote()
        << "a condition that follows from the model's inputs is decided by specialise-branches";
    return diagnostic;
  }
  auto lower = loweringTable().find(TypeID());
  if (std::optional<RegisteredOperationName> name = op->getRegisteredInfo())
    lower = loweringTable().find(name->getTypeID());
  if (lower == loweringTable().end())
    return op->emitOpError("has no lowering");
  for (Value value :
       llvm::concat<Value>(SmallVector<Value>(op->getOperands()), SmallVector<Value>(op->getResults())))
    if (isa<UnrankedTensorType>(value.getType()) && !(value.getDefiningOp() == op && value.use_empty()))
      return op->emitOpError("cannot be lowered: the rank of ") << value << " is not known";
  for (Value result : op->getResults())
    if (makesNarrowIntegers(op, result))
      return op->emitOpError("to elements ") << onnx::elementTypeOf(result) << " is not supported";
  lowering.startOn(op);
  return lower->second(op, lowering);
}

/// Gives results of onnx operations the types that the symbolic shapes tell.
static void refineTypes(Operation *root, const SymbolicShapes &shapes) {
  root->walk([&](Operation *op) {
    if (!isa<onnx::ONNXDialect>(op->getDialect()))
      return;
    for (Value result : op->getResults())
      if (isa<TensorType>(result.getType()))
        result.setType(shapes.refinedType(result));
  });
}

static void eraseDead(Operation *root) {
  SmallVector<Operation *> ops;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : llvm::reverse(ops))
    if (op != root && isOpTriviallyDead(op))
      op->erase();
}

/// Results that were unranked take the types of what is returned.
static void refineSignature(func::FuncOp function) {
  auto returned = dyn_cast<func::ReturnOp>(function.getBody().back().getTerminator());
  if (!returned)
    return;
  for (OpOperand &operand : returned->getOpOperands()) {
    auto cast = operand.get().getDefiningOp<tensor::CastOp>();
    if (cast && isa<UnrankedTensorType>(cast.getType()))
      operand.set(cast.getSource());
  }
  FunctionType type = function.getFunctionType();
  function.setFunctionType(
      FunctionType::get(type.getContext(), type.getInputs(), returned.getOperandTypes()));
}

static bool hasOnnx(Operation *root) {
  return root
      ->walk([](Operation *op) {
        return isa<onnx::ONNXDialect>(op->getDialect()) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

static bool hasComposite(Operation *root) {
  return root
      ->walk([](Operation *op) { return isComposite(op) ? WalkResult::interrupt() : WalkResult::advance(); })
      .wasInterrupted();
}

/// Symbolic shapes of a function, written into its types; nothing for other operations.
static LogicalResult findShapes(func::FuncOp function, std::optional<SymbolicShapes> &shapes) {
  if (!function)
    return success();
  FailureOr<SymbolicShapes> computed = SymbolicShapes::compute(function);
  if (failed(computed))
    return failure();
  shapes = std::move(*computed);
  refineTypes(function, *shapes);
  return success();
}

static LogicalResult lowerRegion(Operation *root) {
  if (!hasOnnx(root))
    return success();
  auto function = dyn_cast<func::FuncOp>(root);
  // What is composed of attention may in turn be a composition (of rotary embeddings), which needs shapes as
  // well.
  while (hasComposite(root)) {
    std::optional<SymbolicShapes> shapes;
    if (failed(findShapes(function, shapes)) || failed(decomposeOnnx(root)))
      return failure();
  }
  std::optional<SymbolicShapes> shapes;
  if (failed(findShapes(function, shapes)))
    return failure();
  SmallVector<Operation *> ops;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<onnx::ONNXDialect>(op->getDialect()))
      ops.push_back(op);
  });
  Lowering lowering(root, shapes ? &*shapes : nullptr);
  for (Operation *op : ops)
    if (failed(lowerOp(op, lowering)))
      return failure();
  lowering.finish();
  eraseDead(root);
  if (function)
    refineSignature(function);
  return success();
}

LogicalResult lowerOnnxToLinalg(Operation *root) {
  if (!isa<ModuleOp>(root))
    return lowerRegion(root);
  SmallVector<Operation *> functions;
  root->walk([&](func::FuncOp function) {
    if (!function.isExternal())
      functions.push_back(function);
  });
  for (Operation *function : functions)
    if (failed(lowerRegion(function)))
      return failure();
  return success();
}

namespace {
struct OnnxToLinalg : public impl::OnnxToLinalgBase<OnnxToLinalg> {
  void runOnOperation() override {
    if (failed(lowerOnnxToLinalg(getOperation())))
      signalPassFailure();
  }
};
} // namespace

} // namespace halyard

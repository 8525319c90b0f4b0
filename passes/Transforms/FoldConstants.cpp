// fold-constants: what does not depend on any input is computed once, here.
//
// Three rules, in this order. Splats, which may have dynamic shapes, are followed by their element: an
// attention mask of ones disappears this way. Movement that moves nothing is dropped. An operation whose
// operands are all constant is evaluated by the kernels it would run on, in the file's own precision and
// order.
//
// Large weights are neither copied nor grown: an operation that only moves a large constant stays, because
// whatever reads it can read the weight in place. Codes are the exception: a quantised weight becomes the
// floats it stands for, which is what everything after this pass recognises as a weight.
#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Analysis/LengthAlgebra.h"
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/Redundancy.h"
#include "passes/Transforms/Simplification.h"
#include "passes/Transforms/SplatFolding.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Constants of more bytes than this are large: worth storing once, and worth reading in place.
constexpr int64_t kLargeBytes = 4096;

/// Tables of indices are no weights: what is computed of them has to be known, and is not stored for long.
/// More bytes than these would be no such table.
constexpr int64_t kLargeIndexBytes = 1 << 22;

bool isOfIndices(Type type) {
  Type element = getElementTypeOrSelf(type);
  return isa<IntegerType>(element) && element.getIntOrFloatBitWidth() >= 32;
}

int64_t bytesOf(ShapedType type) {
  int64_t bits = std::max<int64_t>(type.getElementTypeBitWidth(), 8);
  return type.getNumElements() * bits / 8;
}

class Folder {
public:
  Folder(func::FuncOp func, SymbolicShapes &shapes, ConstantFolder &evaluator)
      : func(func), shapes(shapes), ranges(shapes, lengthAlgebraOf(func)), evaluator(evaluator) {}

  void run() {
    func.walk([&](Operation *op) {
      if (isa_and_nonnull<onnx::ONNXDialect>(op->getDialect()) && op->getNumResults() > 0 &&
          op->getNumRegions() == 0 && !isa<onnx::ConstantOp, onnx::NoneOp>(op) && !op->use_empty())
        fold(op);
    });
    TypeRange returned = func.getBody().front().getTerminator()->getOperandTypes();
    func.setFunctionType(FunctionType::get(func.getContext(), func.getArgumentTypes(), returned));
  }

private:
  void fold(Operation *op) {
    if (op->getNumResults() == 1) {
      Value simpler = foldSplats(op, shapes, ranges, evaluator);
      if (!simpler)
        simpler = redundantResult(op, shapes);
      if (!simpler)
        simpler = retyped(op);
      if (simpler)
        return replace(op->getResult(0), simpler);
    }
    simplifyOperands(op, shapes);
    evaluate(op);
  }

  void replace(Value from, Value to) {
    shapes.inherit(to, from);
    from.replaceAllUsesWith(to);
  }

  /// A constant under another shape shares its elements.
  Value retyped(Operation *op) {
    if (!isa<onnx::ReshapeOp, onnx::SqueezeOp, onnx::UnsqueezeOp, onnx::FlattenOp>(op))
      return {};
    auto constant = op->getOperand(0).getDefiningOp<onnx::ConstantOp>();
    auto type = dyn_cast<RankedTensorType>(shapes.refinedType(op->getResult(0)));
    if (!constant || !type || !type.hasStaticShape())
      return {};
    ElementsAttr value = constant.getValue();
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
      value = DenseResourceElementsAttr::get(type, resource.getRawHandle());
    else if (auto dense = dyn_cast<DenseElementsAttr>(value))
      value = dense.reshape(type);
    else
      return {};
    OpBuilder builder(op);
    return onnx::ConstantOp::create(builder, op->getLoc(), type, value);
  }

  /// Whether bytes become floats.
  static bool isConversionOfCodes(Operation *op) {
    return isa<onnx::CastOp>(op) && onnx::elementTypeOf(op->getOperand(0)).isInteger(8) &&
           isa<FloatType>(onnx::elementTypeOf(op->getResult(0)));
  }

  /// Whether computing the results now saves more than storing them costs.
  bool isWorthEvaluating(Operation *op, ArrayRef<Type> resultTypes) {
    int64_t result = 0, largest = 0;
    bool shared = false;
    for (Type type : resultTypes) {
      auto shaped = cast<ShapedType>(type);
      if (!shaped.hasStaticShape())
        return true; // only a host operation counts its own results
      result += bytesOf(shaped);
    }
    for (Value operand : op->getOperands()) {
      auto constant = operand.getDefiningOp<onnx::ConstantOp>();
      if (!constant)
        continue;
      int64_t bytes = bytesOf(constant.getValue().getShapedType());
      largest = std::max(largest, bytes);
      shared |= bytes > kLargeBytes && !operand.hasOneUse();
    }
    if (result <= kLargeBytes || (result <= kLargeIndexBytes && llvm::all_of(resultTypes, isOfIndices)))
      return true;
    using namespace onnx;
    if (isa<DequantizeLinearOp, MSDequantizeLinearOp>(op) || isConversionOfCodes(op))
      return true;
    if (isa<TransposeOp, ExpandOp, TileOp, ConstantOfShapeOp>(op))
      return false;
    bool moves = isa<SliceOp, GatherOp, SplitOp, ConcatOp, PadOp>(op);
    return moves ? !shared && result <= largest : result <= 2 * largest;
  }

  void evaluate(Operation *op) {
    SmallVector<ElementsAttr> operands;
    for (Value operand : op->getOperands()) {
      auto constant = operand.getDefiningOp<onnx::ConstantOp>();
      if (!constant && !onnx::isAbsent(operand))
        return;
      operands.push_back(constant ? constant.getValue() : ElementsAttr());
    }
    SmallVector<Type> types;
    for (Value result : op->getResults())
      types.push_back(shapes.refinedType(result));
    if (!llvm::all_of(types, [](Type type) { return isa<RankedTensorType>(type); }) ||
        !isWorthEvaluating(op, types))
      return;
    FailureOr<SmallVector<ElementsAttr>> results = evaluator.evaluate(op, operands, types);
    if (failed(results))
      return;
    OpBuilder builder(op);
    for (auto [result, value] : llvm::zip(op->getResults(), *results))
      replace(result, onnx::ConstantOp::create(builder, op->getLoc(), value.getShapedType(), value));
  }

  func::FuncOp func;
  SymbolicShapes &shapes;
  IntegerRanges ranges;
  ConstantFolder &evaluator;
};

struct FoldConstants : impl::FoldConstantsBase<FoldConstants> {
  void runOnOperation() override {
    ConstantFolder folder(&getContext());
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (failed(foldConstants(func, folder)))
        return signalPassFailure();
  }
};
} // namespace

LogicalResult foldConstants(func::FuncOp func, ConstantFolder &folder) {
  FailureOr<SymbolicShapes> shapes = SymbolicShapes::compute(func);
  if (failed(shapes))
    return failure();
  Folder(func, *shapes, folder).run();
  return success();
}
} // namespace halyard

// resolve-shapes: every value gets a type that says what is known of its shape, and integers that follow from
// the lengths stop being computed.
//
// What SymbolicShapes knows is written into the IR: constant extents into result types, integer tensors that
// depend on lengths only into seq.extents (constants, where no length occurs). The operators that computed
// them are then dead.
#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/LengthAlgebra.h"
#include "passes/Analysis/SymbolicShapes.h"
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/Simplification.h"
#include "passes/Transforms/Splat.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_RESOLVESHAPES
#include "passes/Transforms/Passes.h.inc"

namespace {

/// The constant tensor of `elements`; null if one of them is not constant.
DenseElementsAttr constantElements(RankedTensorType type, ArrayRef<AffineExpr> elements) {
  SmallVector<Attribute> values;
  Type elementType = type.getElementType();
  for (AffineExpr element : elements) {
    std::optional<int64_t> value = LengthAlgebra::value(element);
    if (!value)
      return {};
    if (auto integer = dyn_cast<IntegerType>(elementType))
      // From 64 bits, so that an unsigned or narrow type wraps instead of asserting.
      values.push_back(
          IntegerAttr::get(integer, APInt(64, *value, /*isSigned=*/true).sextOrTrunc(integer.getWidth())));
    else
      values.push_back(FloatAttr::get(elementType, static_cast<double>(*value)));
  }
  return DenseElementsAttr::get(type, values);
}

class Resolver {
public:
  explicit Resolver(const SymbolicShapes &shapes) : shapes(shapes) {}

  void run(func::FuncOp func) {
    func.walk([&](Operation *op) {
      for (Value result : op->getResults())
        result.setType(shapes.refinedType(result));
      if (!isa<onnx::ConstantOp, seq::ExtentsOp>(op))
        for (Value result : op->getResults())
          replace(result);
      if (isa<onnx::ReshapeOp, onnx::ExpandOp>(op))
        spellOut(op);
    });
    auto returned = func.getBody().front().getTerminator()->getOperandTypes();
    func.setFunctionType(FunctionType::get(func.getContext(), func.getArgumentTypes(), returned));
  }

private:
  /// Lets a Reshape or Expand name every extent of its result, instead of -1, 0 and 1 for some of them.
  void spellOut(Operation *op) {
    AffineMap wanted = shapes.shapeMap(op->getResult(0));
    // A zero would be read as "keep".
    if (!wanted || llvm::any_of(wanted.getResults(),
                                [](AffineExpr extent) { return LengthAlgebra::value(extent) == 0; }))
      return;
    std::optional<LengthExprs> given = shapes.contents(op->getOperand(1));
    if (!given || ArrayRef(*given) != wanted.getResults())
      op->setOperand(1, makeExtents(op, wanted));
  }

  /// Redirects the uses of a value whose elements are known to an operation that only says them.
  void replace(Value value) {
    std::optional<LengthExprs> contents = shapes.contents(value);
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!contents || !type || !type.hasStaticShape() || value.use_empty() ||
        type.getNumElements() != static_cast<int64_t>(contents->size()))
      return;
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfter(value.getDefiningOp());
    Location loc = value.getLoc();
    if (DenseElementsAttr constant = constantElements(type, *contents)) {
      auto op = onnx::ConstantOp::create(builder, loc, type, constant);
      value.replaceAllUsesWith(op.getResult());
    } else if (isa<IntegerType>(type.getElementType()) && !type.getElementType().isInteger(1)) {
      AffineMap map = AffineMap::get(0, 2, *contents, value.getContext());
      value.replaceAllUsesWith(seq::ExtentsOp::create(builder, loc, type, map).getResult());
    }
  }

  const SymbolicShapes &shapes;
};

/// Says where the analysis lost track, one remark for each operation whose operands were still known.
void remarkUnknown(func::FuncOp func, const SymbolicShapes &shapes) {
  auto known = [&](Value value) { return isa<NoneType>(value.getType()) || shapes.shapeMap(value); };
  func.walk([&](Operation *op) {
    if (llvm::all_of(op->getOperands(), known) && !llvm::all_of(op->getResults(), known))
      op->emitRemark("has a result of unknown extents");
  });
}

struct ResolveShapes : impl::ResolveShapesBase<ResolveShapes> {
  using ResolveShapesBase::ResolveShapesBase;

  void runOnOperation() override {
    if (failed(resolveShapes(getOperation(), remarks)))
      signalPassFailure();
  }
};
} // namespace

LogicalResult resolveShapes(func::FuncOp func, bool remarks) {
  FailureOr<SymbolicShapes> shapes = SymbolicShapes::compute(func);
  if (failed(shapes))
    return failure();
  Resolver(*shapes).run(func);
  if (remarks)
    remarkUnknown(func, *shapes);
  return success();
}
} // namespace halyard

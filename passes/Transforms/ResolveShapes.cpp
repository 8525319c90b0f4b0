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
    });
    auto returned = func.getBody().front().getTerminator()->getOperandTypes();
    func.setFunctionType(FunctionType::get(func.getContext(), func.getArgumentTypes(), returned));
  }

private:
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

struct ResolveShapes : impl::ResolveShapesBase<ResolveShapes> {
  void runOnOperation() override {
    FailureOr<SymbolicShapes> shapes = SymbolicShapes::compute(getOperation());
    if (failed(shapes))
      return signalPassFailure();
    Resolver(*shapes).run(getOperation());
  }
};
} // namespace
} // namespace halyard

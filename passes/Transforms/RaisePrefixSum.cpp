// raise-prefix-sum: a cumulative sum along time becomes seq.prefix_sum over rows.
//
// Positions counted over the tokens that are not padding (M2M100) are the usual case: a sum that reaches back
// over all rows, and can be kept up incrementally like attention.
#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/LengthOnly.h"
#include "passes/Analysis/SymbolicShapes.h"
#include "passes/Transforms/LayoutBuilder.h"
#include "passes/Transforms/Passes.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_RAISEPREFIXSUM
#include "passes/Transforms/Passes.h.inc"

namespace {

struct RaisePrefixSum : impl::RaisePrefixSumBase<RaisePrefixSum> {
  void runOnOperation() override {
    auto shapes = SymbolicShapes::compute(getOperation());
    if (failed(shapes))
      return signalPassFailure();
    LengthOnly lengthOnly;
    SmallVector<onnx::CumSumOp> sums;
    getOperation().walk([&](onnx::CumSumOp sum) {
      if (!lengthOnly(sum.getResult()))
        sums.push_back(sum);
    });
    for (onnx::CumSumOp sum : sums)
      raise(sum, *shapes);
  }

  /// [1, .., time, features..] as [time, features], summed, and back. Other forms stay as they are.
  static void raise(onnx::CumSumOp sum, const SymbolicShapes &shapes) {
    auto shape = shapes.shape(sum.getX());
    auto along = constantScalar(sum.getAxis());
    if (!shape || !along || sum.getReverse() || llvm::is_contained(*shape, AffineExpr()))
      return;
    int64_t rank = shape->size(), axis = *along < 0 ? *along + rank : *along;
    AffineExpr one = getAffineConstantExpr(1, sum.getContext()), features = one;
    for (int64_t dim = 0; dim < rank; ++dim) {
      if (dim < axis && (*shape)[dim] != one)
        return;
      if (dim > axis)
        features = features * (*shape)[dim];
    }
    if (!isa<AffineConstantExpr>(features))
      return;
    OpBuilder builder(sum);
    LayoutBuilder layout(sum.getContext());
    Location loc = sum.getLoc();
    Value rows = layout.reshape(builder, loc, sum.getX(), {(*shape)[axis], features});
    Value summed = seq::PrefixSumOp::create(builder, loc, rows.getType(), rows, Value(), Value(),
                                            sum.getExclusive() ? builder.getUnitAttr() : UnitAttr());
    Value result = layout.reshape(builder, loc, summed, *shape);
    result.setType(sum.getResult().getType());
    sum.getResult().replaceAllUsesWith(result);
    sum.erase();
  }
};

} // namespace
} // namespace halyard

// drop-unit-axes: upstream's removal of loops of extent one from linalg operations.
//
// ONNX graphs carry a batch axis, which is 1 here, through every operation. Without it rows are rank two
// everywhere: linear layers are plain rows times matrix, and the reshapes between operations of the seq
// dialect, which never had the axis, and their neighbours cancel. So do those of filters of one element or
// channel, which makes pointwise convolutions linear layers.
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

#include "dialects/Seq/IR/Seq.h"
#include "passes/Transforms/Passes.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_DROPUNITAXES
#include "passes/Transforms/Passes.h.inc"

namespace {

/// A large constant under another shape shares its elements; upstream folds the small ones.
template <typename Op> struct ReshapeConstant : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    DenseResourceElementsAttr elements;
    RankedTensorType type = op.getResultType();
    if (!matchPattern(op.getSrc(), m_Constant(&elements)) || !type.hasStaticShape())
      return failure();
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(
        op, DenseResourceElementsAttr::get(type, elements.getRawHandle()));
    return success();
  }
};

struct DropUnitAxes : impl::DropUnitAxesBase<DropUnitAxes> {
  void runOnOperation() override {
    linalg::ControlDropUnitDims control;
    RewritePatternSet drop(&getContext());
    linalg::populateFoldUnitExtentDimsPatterns(drop, control);
    walkAndApplyPatterns(getOperation(), std::move(drop));
    RewritePatternSet clean(&getContext());
    linalg::populateFoldUnitExtentDimsCanonicalizationPatterns(clean, control);
    clean.add<ReshapeConstant<tensor::CollapseShapeOp>, ReshapeConstant<tensor::ExpandShapeOp>>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(clean))))
      signalPassFailure();
  }
};

} // namespace
} // namespace halyard

// drop-unit-axes: upstream's removal of loops of extent one from linalg operations.
//
// ONNX graphs carry a batch axis, which is 1 here, through every operation. Without it rows are rank two
// everywhere: linear layers are plain rows times matrix, and the reshapes between operations of the seq
// dialect, which never had the axis, and their neighbours cancel.
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

#include "dialects/Seq/IR/Seq.h"
#include "passes/Transforms/Passes.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_DROPUNITAXES
#include "passes/Transforms/Passes.h.inc"

namespace {

struct DropUnitAxes : impl::DropUnitAxesBase<DropUnitAxes> {
  void runOnOperation() override {
    linalg::ControlDropUnitDims control;
    RewritePatternSet drop(&getContext());
    linalg::populateFoldUnitExtentDimsPatterns(drop, control);
    walkAndApplyPatterns(getOperation(), std::move(drop));
    RewritePatternSet clean(&getContext());
    linalg::populateFoldUnitExtentDimsCanonicalizationPatterns(clean, control);
    if (failed(applyPatternsGreedily(getOperation(), std::move(clean))))
      signalPassFailure();
  }
};

} // namespace
} // namespace halyard

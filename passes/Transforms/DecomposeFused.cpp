// decompose-fused: operators that optimisers fuse are written as what they are made of.
//
// A file that ONNX Runtime's optimiser has been at hides attention, norms and positions in operators of its
// own. There are many of them, each with options; the passes that raise find the same in their parts, whoever
// put them together.
#include "passes/Conversion/OnnxToLinalg/Lowering.h"
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/Simplification.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_DECOMPOSEFUSED
#include "passes/Transforms/Passes.h.inc"

namespace {

struct DecomposeFused : impl::DecomposeFusedBase<DecomposeFused> {
  void runOnOperation() override {
    auto isWhole = [](Operation *op) { return isa<onnx::AttentionOp>(op); };
    auto isFused = [&](Operation *op) { return lowering::isComposite(op) && !isWhole(op); };
    // Parts may be fused in turn, and have to know their ranks.
    while (getOperation()
               .walk([&](Operation *op) {
                 return isFused(op) ? WalkResult::interrupt() : WalkResult::advance();
               })
               .wasInterrupted())
      if (failed(lowering::decomposeOnnx(getOperation(), isWhole)) || failed(resolveShapes(getOperation())))
        return signalPassFailure();
  }
};

} // namespace
} // namespace halyard

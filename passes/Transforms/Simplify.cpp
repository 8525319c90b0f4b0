// simplify: branches, shapes and constants, in turn, until nothing changes any more.
//
// Each step feeds the others: a folded constant decides a branch, a branch gone lets a shape be known, a
// shape known turns arithmetic into a constant. One evaluator serves all rounds and functions, so a kernel is
// compiled once.
#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/Simplification.h"

#include "mlir/IR/OperationSupport.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_SIMPLIFY
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Far more rounds than any model needs; what keeps changing after them is left as it is.
constexpr int kMostRounds = 16;

struct Simplify : impl::SimplifyBase<Simplify> {
  void runOnOperation() override {
    ConstantFolder folder(&getContext());
    OpPassManager cleanup(func::FuncOp::getOperationName());
    cleanup.addPass(createCanonicalizerPass());
    cleanup.addPass(createCSEPass());
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      for (int round = 0; round < kMostRounds; ++round) {
        OperationFingerPrint before(func);
        if (failed(specialiseBranches(func)) || failed(resolveShapes(func)) ||
            failed(foldConstants(func, folder)) || failed(runPipeline(cleanup, func)))
          return signalPassFailure();
        if (before == OperationFingerPrint(func))
          break;
      }
    }
  }
};
} // namespace
} // namespace halyard

// simplify: branches, shapes and constants, in turn, until nothing changes any more.
//
// Each step feeds the others: a folded constant decides a branch, a branch gone lets a shape be known, a
// shape known turns arithmetic into a constant. One evaluator serves all rounds and functions, so a kernel is
// compiled once.
#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Analysis/SymbolicShapes.h"
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

/// What a program computes has to have extents that follow from the lengths. Only asked of functions whose
/// arguments do: those that bind-interface has seen.
LogicalResult checkResult(func::FuncOp func) {
  FailureOr<SymbolicShapes> shapes = SymbolicShapes::compute(func);
  if (failed(shapes))
    return failure();
  auto known = [&](Value value) { return isa<NoneType>(value.getType()) || shapes->shapeMap(value); };
  Operation *terminator = func.getBody().front().getTerminator();
  if (!llvm::all_of(func.getArguments(), known) || llvm::all_of(terminator->getOperands(), known))
    return success();
  for (Operation &op : func.getBody().front())
    if (llvm::all_of(op.getOperands(), known) && !llvm::all_of(op.getResults(), known))
      return op.emitOpError(
          "has a result whose extents depend on more than the source and target lengths; "
          "supported are shapes that follow from these two, up to the limits of the program");
  return success();
}

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
      if (failed(checkResult(func)))
        return signalPassFailure();
    }
  }
};
} // namespace
} // namespace halyard

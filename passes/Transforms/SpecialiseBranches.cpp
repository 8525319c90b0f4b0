// specialise-branches: an If whose condition is known becomes the branch it takes.
//
// A merged decoder is one If over "is there a cache"; binding its interface makes that a constant. Other
// conditions compare lengths: they are decided where one branch is taken for every length.
#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Analysis/LengthAlgebra.h"
#include "passes/Analysis/SymbolicShapes.h"
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/Simplification.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_SPECIALISEBRANCHES
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Moves the operations of the branch that `taken` chooses in front of the If and drops the rest.
void inlineBranch(onnx::IfOp op, bool taken) {
  Region &region = taken ? op.getThenBranch() : op.getElseBranch();
  Block &branch = region.front();
  Operation *yield = branch.getTerminator();
  SmallVector<Value> values(yield->getOperands());
  yield->erase();
  op->getBlock()->getOperations().splice(op->getIterator(), branch.getOperations());
  op->replaceAllUsesWith(values);
  op->erase();
}

struct SpecialiseBranches : impl::SpecialiseBranchesBase<SpecialiseBranches> {
  void runOnOperation() override {
    if (failed(specialiseBranches(getOperation())))
      signalPassFailure();
  }
};
} // namespace

LogicalResult specialiseBranches(func::FuncOp func) {
  // A condition inside a branch may depend on what that branch computes, and shapes are known better once the
  // outer branch is inlined: decide the outermost first, then look again.
  while (true) {
    SmallVector<onnx::IfOp> branches(func.getBody().front().getOps<onnx::IfOp>());
    if (branches.empty())
      return success();
    FailureOr<SymbolicShapes> shapes = SymbolicShapes::compute(func);
    if (failed(shapes))
      return failure();
    bool changed = false;
    for (onnx::IfOp branch : branches) {
      std::optional<LengthExprs> condition = shapes->contents(branch.getCondition());
      std::optional<int64_t> taken =
          condition && condition->size() == 1 ? LengthAlgebra::value(condition->front()) : std::nullopt;
      if (!taken)
        continue;
      inlineBranch(branch, *taken != 0);
      changed = true;
    }
    if (!changed)
      return success();
  }
}
} // namespace halyard

// fuse-elementwise: upstream's fusion of elementwise operations into their consumers, where it saves a pass
// over memory.
//
// Fusing always removes a buffer, but it may repeat work: a consumer that reads an element many times (a
// contraction, or a broadcast) would compute it as often. So a producer is fused when its consumer reads
// every element once, or when computing an element costs about as much as reading it.
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

#include "dialects/Seq/IR/Seq.h"
#include "passes/Transforms/Passes.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Whether an element costs no more to compute than to read: one tensor of its size is read, and a conversion
/// or two is made. (Sums of two tensors, repeated by every reader, would have the last layer add up all
/// before it.)
bool isTrivial(linalg::GenericOp op) {
  unsigned work = 0;
  auto isFull = [&](OpOperand *input) {
    return op.getMatchingIndexingMap(input).getNumResults() == op.getNumParallelLoops();
  };
  if (llvm::count_if(op.getDpsInputOperands(), isFull) > 1)
    return false;
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (isa<math::MathDialect>(inner.getDialect()) || isa<arith::DivFOp, tensor::ExtractOp>(inner))
      return false;
    if (!isa<linalg::IndexOp, arith::ConstantOp>(inner))
      ++work;
  }
  return work <= 1;
}

/// Gives every operation that reads a trivial one its own: fused with one of several readers, it would have
/// to leave its result to the others as well, and kernels cannot compute results that are indexed
/// differently. Returns whether there was anything to do.
bool separateReaders(Block &block) {
  bool changes = false;
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    auto producer = dyn_cast<linalg::GenericOp>(op);
    if (!producer || producer->getNumResults() != 1 || !isTrivial(producer))
      continue;
    llvm::SetVector<Operation *> readers(producer->user_begin(), producer->user_end());
    for (Operation *reader : readers) {
      bool isOnly = llvm::all_of(producer->getUsers(), [&](Operation *user) { return user == reader; });
      if (isOnly || !isa<linalg::GenericOp>(reader) || reader->getBlock() != &block)
        continue;
      Operation *own = OpBuilder(producer).clone(op);
      reader->replaceUsesOfWith(producer.getResult(0), own->getResult(0));
      changes = true;
    }
  }
  return changes;
}

bool worthFusing(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  if (!producer || !consumer || producer->getBlock() != consumer->getBlock())
    return false;
  if (isTrivial(producer))
    return llvm::all_of(producer->getUsers(), [&](Operation *user) { return user == consumer; });
  return producer->hasOneUse() && consumer.getMatchingIndexingMap(operand).isPermutation();
}

struct FuseElementwise : impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    linalg::populateElementwiseOpsFusionPatterns(patterns, worthFusing);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, context);
    linalg::FillOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExtractSliceOp::getCanonicalizationPatterns(patterns, context);
    tensor::CastOp::getCanonicalizationPatterns(patterns, context);
    tensor::EmptyOp::getCanonicalizationPatterns(patterns, context);
    FrozenRewritePatternSet frozen(std::move(patterns));
    auto separate = [&] {
      bool changes = false;
      for (Operation &stage : getOperation().getBody().front())
        if (seq::isStage(&stage))
          changes |= separateReaders(stage.getRegion(0).front());
      return changes;
    };
    separate();
    do { // what a round leaves of an operation may be trivial
      if (failed(applyPatternsGreedily(getOperation(), frozen)))
        return signalPassFailure();
    } while (separate());
  }
};

} // namespace
} // namespace halyard

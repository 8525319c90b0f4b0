// derive-caches: the step computes new rows only, and keeps the keys and values of those it has seen.
//
// If every operation of the step treats rows along time independently but for causal self-attention (and
// prefix sums), then a row once computed never changes: its keys and values can be kept. Where an operation
// is not row-wise, the step stays a correct function of the whole text, and a remark says which operation
// stands in the way.
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/RowAxes.h"
#include "passes/Transforms/Passes.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_DERIVECACHES
#include "passes/Transforms/Passes.h.inc"

namespace {

class CacheBuilder {
public:
  CacheBuilder(seq::StepOp step, const RowAxes &axes) : step(step), axes(axes) {}

  void run() {
    int64_t attentions = 0, sums = 0;
    for (Operation &op : llvm::make_early_inc_range(step.getBlock())) {
      if (auto attention = dyn_cast<seq::AttentionOp>(op); attention && axes.of(attention.getKey())) {
        std::string stem = "self." + std::to_string(attentions++);
        attention.getKeyMutable().assign(cached(attention.getKey(), stem + ".k"));
        attention.getValueMutable().assign(cached(attention.getValue(), stem + ".v"));
      }
      if (auto sum = dyn_cast<seq::PrefixSumOp>(op))
        sum.getInputMutable().assign(cached(sum.getInput(), "sum." + std::to_string(sums++)));
    }
  }

private:
  /// All rows so far of `rows`: appended to a state, once for each value.
  Value cached(Value rows, StringRef name) {
    Value &all = appended[rows];
    if (all)
      return all;
    OpBuilder builder = step->getParentOfType<seq::ProgramOp>().declarations();
    auto state = seq::StateOp::create(builder, rows.getLoc(), builder.getStringAttr(name).getValue(),
                                      cast<RankedTensorType>(rows.getType()), IntegerAttr());
    builder.setInsertionPointAfterValue(rows);
    all = seq::CacheAppendOp::create(builder, rows.getLoc(), rows.getType(),
                                     FlatSymbolRefAttr::get(state.getSymNameAttr()), rows, Value(), Value());
    return all;
  }

  seq::StepOp step;
  const RowAxes &axes;
  DenseMap<Value, Value> appended;
};

struct DeriveCaches : impl::DeriveCachesBase<DeriveCaches> {
  void runOnOperation() override {
    auto step = *getOperation().getBody().getOps<seq::StepOp>().begin();
    if (step.getBlock().getNumArguments() != 1)
      return;
    auto tokens = cast<RankedTensorType>(step.getBlock().getArgument(0).getType());
    BindingTimes times(step, {BindingTime::step});
    RowAxes axes(step.getBlock(), times, tokens.getRank() - 1);
    Value logits = step.getBlock().getTerminator()->getOperand(0);
    if (Operation *offender = axes.offender()) {
      step.setMode(seq::StepMode::recompute);
      offender->emitRemark("every token recomputes the whole text so far: ") << axes.reason();
      return;
    }
    if (!axes.of(logits)) {
      step.emitError("the decoder's output does not depend on its tokens");
      return signalPassFailure();
    }
    CacheBuilder(step, axes).run();
  }
};

} // namespace
} // namespace halyard

// hoist-to-source: everything the step computes from the source alone moves into bind.
//
// Cross-attention keys and values are the instance that matters most, but nothing here knows of attention: an
// operation bound to the source runs once per source, and what later operations of the step read of it
// becomes a seq.cross.
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/BindingTime.h"
#include "passes/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_HOISTTOSOURCE
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Sizes and destinations are cheaper to make again than to keep.
bool isRematerialised(Operation *op) {
  return op && (isa<tensor::EmptyOp>(op) ||
                llvm::all_of(op->getResultTypes(), [](Type type) { return type.isIndex(); }));
}

void eraseDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

class Hoister {
public:
  Hoister(seq::ProgramOp program, seq::BindOp bind, seq::StepOp step)
      : program(program), bind(bind.getBlock()), step(step.getBlock()), times(step, argumentTimes(step)) {}

  void run() {
    // The memory and the source's mask.
    MutableArrayRef<BlockArgument> ofSource = step.getArguments().drop_front();
    mapping.map(ofSource, bind.getArguments());
    OpBuilder toBind(bind.getTerminator());
    for (Operation &op : step.without_terminator())
      if (times.of(&op) != BindingTime::step)
        toBind.clone(op, mapping);
    SmallVector<Value> frontier;
    llvm::copy_if(ofSource, std::back_inserter(frontier), [&](Value value) { return isRead(value); });
    for (Operation &op : step.without_terminator())
      if (times.of(&op) == BindingTime::source && !isRematerialised(&op))
        llvm::copy_if(op.getResults(), std::back_inserter(frontier),
                      [&](Value value) { return isRead(value); });
    nameFrontier();
    for (Value value : frontier)
      keep(value);
    eraseDeadOps(step);
    eraseDeadOps(bind);
    step.eraseArguments(1, step.getNumArguments() - 1);
  }

private:
  static SmallVector<BindingTime> argumentTimes(seq::StepOp step) {
    SmallVector<BindingTime> times(step.getBlock().getNumArguments(), BindingTime::source);
    times.front() = BindingTime::step;
    return times;
  }

  /// Whether the step still reads `value` when everything bound to the source has left.
  bool isRead(Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      Operation *top = step.findAncestorOpInBlock(*user);
      return top->hasTrait<OpTrait::IsTerminator>() || times.of(top) == BindingTime::step;
    });
  }

  /// Names say what a value is for where that is known: the keys, values and mask of cross-attention.
  void nameFrontier() {
    int64_t index = 0;
    for (auto attention : step.getOps<seq::AttentionOp>()) {
      if (times.of(attention.getKey()) != BindingTime::source)
        continue;
      std::string stem = "cross." + std::to_string(index++);
      names.try_emplace(attention.getKey(), stem + ".k");
      names.try_emplace(attention.getValue(), stem + ".v");
      if (attention.getMask())
        names.try_emplace(attention.getMask(), stem + ".mask");
    }
  }

  void keep(Value value) {
    auto [named, isNew] = names.try_emplace(value, "");
    if (isNew)
      named->second = "source." + std::to_string(unnamed++);
    Location loc = value.getLoc();
    OpBuilder builder = program.declarations();
    auto cross = seq::CrossOp::create(builder, loc, named->second, cast<RankedTensorType>(value.getType()),
                                      IntegerAttr());
    auto symbol = FlatSymbolRefAttr::get(cross.getSymNameAttr());
    builder.setInsertionPoint(bind.getTerminator());
    seq::StoreOp::create(builder, loc, symbol, mapping.lookup(value));
    builder.setInsertionPointToStart(&step);
    Value loaded = seq::LoadOp::create(builder, loc, value.getType(), symbol, Value());
    value.replaceUsesWithIf(loaded, [&](OpOperand &use) {
      Operation *top = step.findAncestorOpInBlock(*use.getOwner());
      return top && (top->hasTrait<OpTrait::IsTerminator>() || times.of(top) == BindingTime::step);
    });
  }

  seq::ProgramOp program;
  Block &bind, &step;
  BindingTimes times;
  IRMapping mapping;
  DenseMap<Value, std::string> names;
  int64_t unnamed = 0;
};

struct HoistToSource : impl::HoistToSourceBase<HoistToSource> {
  void runOnOperation() override {
    seq::ProgramOp program = getOperation();
    auto step = *program.getBody().getOps<seq::StepOp>().begin();
    auto bind = *program.getBody().getOps<seq::BindOp>().begin();
    if (step.getBlock().getNumArguments() < 2)
      return;
    Hoister(program, bind, step).run();
  }
};

} // namespace
} // namespace halyard

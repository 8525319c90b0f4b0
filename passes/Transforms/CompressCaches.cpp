// compress-caches: keys and values are kept in fewer bits than they are computed in.
//
// A step reads all that is kept of a text and of its source, so these bytes count like those of weights. What
// is kept in another form is what attention alone reads: values of the source are rounded where bind computes
// them, and rows of a step where they are appended.
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/Rounding.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_COMPRESSCACHES
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Keys and values are read through a cache by attention, and by nothing else.
bool isAttendedOnly(Value cache) {
  return isa<seq::CacheType>(cache.getType()) && llvm::all_of(cache.getUses(), [](OpOperand &use) {
           auto attention = dyn_cast<seq::AttentionOp>(use.getOwner());
           return attention && (use.get() == attention.getKey() || use.get() == attention.getValue());
         });
}

struct CompressCaches : impl::CompressCachesBase<CompressCaches> {
  using Base::Base;

  void runOnOperation() override {
    if (kv == "f32")
      return;
    seq::ProgramOp program = getOperation();
    Type narrow = BFloat16Type::get(&getContext());
    for (auto state : program.getBody().getOps<seq::StateOp>())
      compressState(state, narrow);
    for (auto cross : program.getBody().getOps<seq::CrossOp>())
      compressCross(cross, narrow);
  }

  /// All operations of the program that name a symbol.
  template <typename OpType> SmallVector<OpType> users(StringRef name, StringRef (OpType::*symbol)()) {
    SmallVector<OpType> result;
    getOperation().walk([&](OpType op) {
      if ((op.*symbol)() == name)
        result.push_back(op);
    });
    return result;
  }

  static void retype(Value cache, Type element) {
    auto type = cast<seq::CacheType>(cache.getType());
    cache.setType(seq::CacheType::get(type.getContext(), type.getLength(), type.getFeatures(), element));
  }

  void compressState(seq::StateOp state, Type narrow) {
    auto type = cast<RankedTensorType>(state.getType());
    auto appends = users<seq::CacheAppendOp>(state.getSymName(), &seq::CacheAppendOp::getState);
    if (!type.getElementType().isF32() ||
        !llvm::all_of(appends, [](seq::CacheAppendOp op) { return isAttendedOnly(op.getResult()); }))
      return;
    state.setType(type.clone(narrow));
    for (seq::CacheAppendOp append : appends)
      retype(append.getResult(), narrow);
  }

  void compressCross(seq::CrossOp cross, Type narrow) {
    auto type = cast<RankedTensorType>(cross.getType());
    auto loads = users<seq::LoadOp>(cross.getSymName(), &seq::LoadOp::getCross);
    if (!type.getElementType().isF32() ||
        !llvm::all_of(loads, [](seq::LoadOp op) { return isAttendedOnly(op.getResult()); }))
      return;
    cross.setType(type.clone(narrow));
    for (seq::LoadOp load : loads)
      retype(load.getResult(), narrow);
    for (seq::StoreOp store : users<seq::StoreOp>(cross.getSymName(), &seq::StoreOp::getCross)) {
      OpBuilder builder(store);
      store.getValueMutable().assign(roundElements(builder, store.getLoc(), store.getValue(), narrow));
    }
  }
};

} // namespace
} // namespace halyard

// Finds caches that only attention reads; see the header.
#include "passes/Analysis/AttendedCaches.h"

using namespace mlir;

namespace halyard {

static StringAttr nameOf(Value cache) {
  if (!isa<seq::CacheType>(cache.getType()))
    return {};
  if (auto append = cache.getDefiningOp<seq::CacheAppendOp>())
    return append.getStateAttr().getAttr();
  if (auto load = cache.getDefiningOp<seq::LoadOp>())
    return load.getCrossAttr().getAttr();
  return {};
}

static SmallVector<Value> cachesOf(seq::AttentionOp attention) {
  SmallVector<Value> caches{attention.getKey(), attention.getValue()};
  if (attention.getKeyScale())
    caches.append({attention.getKeyScale(), attention.getValueScale()});
  return caches;
}

/// Adds a use of a cache; false if no attention reads it, or differently than others do.
static bool addUse(AttendedCache &cache, OpOperand &use) {
  auto attention = dyn_cast<seq::AttentionOp>(use.getOwner());
  if (!attention)
    return false;
  CacheRole role = CacheRole::scale;
  if (use.get() == attention.getKey())
    role = use.get() == attention.getValue() ? CacheRole::keyAndValue : CacheRole::key;
  else if (use.get() == attention.getValue())
    role = CacheRole::value;
  else if (use.get() != attention.getKeyScale() && use.get() != attention.getValueScale())
    return false;
  bool isFirst = cache.readers.empty();
  auto heads = static_cast<int64_t>(attention.getKvHeads());
  if (!isFirst && (role == CacheRole::scale) != (cache.role == CacheRole::scale))
    return false;
  cache.role = isFirst || role == cache.role ? role : CacheRole::keyAndValue;
  cache.readers.push_back(attention);
  return std::exchange(cache.heads, heads) == heads || isFirst;
}

AttendedCaches::AttendedCaches(seq::ProgramOp program) {
  for (Operation &op : program.getBody().front())
    if (isa<seq::StateOp, seq::CrossOp>(op))
      caches[SymbolTable::getSymbolName(&op)].declaration = &op;
  DenseSet<StringAttr> others;
  program.walk([&](Operation *op) {
    if (auto load = dyn_cast<seq::LoadOp>(op); load && !isa<seq::CacheType>(load.getResult().getType()))
      others.insert(load.getCrossAttr().getAttr());
    if (auto append = dyn_cast<seq::CacheAppendOp>(op); append && !nameOf(append.getResult()))
      others.insert(append.getStateAttr().getAttr());
    for (Value result : op->getResults()) {
      StringAttr name = nameOf(result);
      if (!name)
        continue;
      AttendedCache &cache = caches[name];
      cache.values.push_back(result);
      for (OpOperand &use : result.getUses())
        if (!addUse(cache, use))
          others.insert(name);
    }
  });
  caches.remove_if([&](auto &entry) { return others.contains(entry.first) || entry.second.readers.empty(); });
}

const AttendedCache *AttendedCaches::find(Value value) const {
  auto found = caches.find(nameOf(value));
  return found == caches.end() ? nullptr : &found->second;
}

void AttendedCaches::keepTogether(function_ref<bool(const AttendedCache &)> wanted) {
  caches.remove_if([&](auto &entry) { return !wanted(entry.second); });
  auto isAlone = [&](const AttendedCache &cache) {
    return llvm::any_of(cache.readers, [&](seq::AttentionOp attention) {
      return llvm::any_of(cachesOf(attention), [&](Value other) { return !find(other); });
    });
  };
  for (size_t before = 0; before != caches.size();) {
    before = caches.size();
    SmallVector<StringAttr> alone;
    for (auto &[name, cache] : caches)
      if (isAlone(cache))
        alone.push_back(name);
    caches.remove_if([&](auto &entry) { return llvm::is_contained(alone, entry.first); });
  }
}

} // namespace halyard

// Attention on a GPU: a block of threads computes one head of one row, over caches and over whole tensors
// alike:
//
//   score(j) = score of q . k(j),  top = max of score,  weight(j) = 2^(score(j) - top)
//   result(d) = sum of weight(j) v(j, d) / sum of weight(j)
//
// Scores and weights of all keys lie in shared memory. Each thread takes every so many keys while there are
// scores to compute; for the sums it takes one feature and a share of the keys of each turn, so that threads
// beside each other read features beside each other. Maximum and mass are found in two steps, as one thread
// that looks at all would keep the others waiting.
#include "targets/Common/Algorithms/Attention.h"

#include "targets/Common/Algorithms/AttentionOperands.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::Func;
using Halide::MemoryType;
using Halide::RDom;
using Halide::RVar;
using Halide::Var;

/// Keys that the threads of a block take at once, and the groups in which their results are gathered.
static constexpr int kThreads = 128, kGroups = 8;
/// Shares of the keys of a turn that are summed side by side.
static constexpr int kShares = 4;

namespace {
class BlockAttention {
public:
  BlockAttention(const AttentionOperands &operands, const std::string &name);

  Stage build(const std::string &name);

private:
  /// The maximum or the sum over all threads, in two steps.
  struct OverThreads {
    Func each, group, all;
    RVar turns;
  };

  void defineScores();
  void defineWeights();
  void defineSums();
  OverThreads gather(const Func &values, bool isMaximum, const std::string &name);
  Expr keyAt(Expr position, Expr feature) const;
  Expr valueAt(Expr position, Expr feature) const;
  void schedule(Stage &stage);
  void place(OverThreads &sum, const Halide::LoopLevel &level);

  /// The turns in which there are keys that a row sees.
  RDom visibleTurns(std::vector<Halide::Range> inner = {}) const {
    inner.emplace_back(0, turns);
    RDom all(inner);
    all.where(all[inner.size() - 1] * kThreads < operands.visibleKeys(i));
    return all;
  }
  Expr within(Expr position) const { return Halide::min(std::move(position), operands.keyExtent - 1); }

  AttentionOperands operands;
  Expr turns;

  // Arguments: thread, turn, feature, share of keys, group of threads, row, head.
  Var t{"t"}, b{"b"}, d{"d"}, s{"s"}, g{"g"}, i{"i"}, h{"h"};
  RVar features, scoreTurns, weightTurns, sumKeys, sumTurns;
  Func dot, score, weight, mixed;
  OverThreads top, mass;
};
} // namespace

BlockAttention::BlockAttention(const AttentionOperands &operands, const std::string &name)
    : operands(operands), dot(name + "_dot"), score(name + "_score"), weight(name + "_weight"),
      mixed(name + "_mixed") {
  turns = Halide::Internal::simplify((operands.keyExtent + (kThreads - 1)) / kThreads);
  defineScores();
  top = gather(score, /*isMaximum=*/true, name + "_top");
  defineWeights();
  mass = gather(weight, /*isMaximum=*/false, name + "_mass");
  defineSums();
}

/// Codes of 8 bits have a scale for each key and head.
static Expr element(const AttentionOperands &operands, const CacheView &cache, const CacheView &scales,
                    const Expr &head, const Expr &value, const Expr &slot, const Expr &position) {
  Expr result = Halide::cast<float>(value);
  return cache.isCoded() ? result * scales.at(slot, head, position, 0, 0) : result;
}

Expr BlockAttention::keyAt(Expr position, Expr feature) const {
  if (!operands.isRagged)
    return operands.key(h, position, feature);
  Expr slot = operands.slotOf(i), head = operands.group(h);
  Expr value = operands.keys.isCoded()
                   ? operands.keys.inFeaturePair(slot, head, position, 0, feature / 2, feature % 2)
                   : operands.keys.at(slot, head, position, 0, feature);
  return element(operands, operands.keys, operands.keyScales, head, value, slot, position);
}

Expr BlockAttention::valueAt(Expr position, Expr feature) const {
  if (!operands.isRagged)
    return operands.value(h, position, feature);
  Expr slot = operands.slotOf(i), head = operands.group(h);
  Expr value = operands.values.isCoded()
                   ? operands.values.inRowPair(slot, head, position / 2 * 2, 0, position % 2, feature)
                   : operands.values.at(slot, head, position, 0, feature);
  return element(operands, operands.values, operands.valueScales, head, value, slot, position);
}

void BlockAttention::defineScores() {
  RDom all(0, operands.width);
  features = all.x;
  Expr position = b * kThreads + t;
  dot(t, b, i, h) = 0.0f;
  dot(t, b, i, h) += operands.query(i, h, features) * keyAt(within(position), features);
  scoreTurns = visibleTurns().x;
  position = scoreTurns * kThreads + t;
  Expr at = within(position);
  Expr distance = operands.clampedDistance(operands.positionOf(i) - at + operands.middle());
  score(t, b, i, h) = Halide::undef<float>();
  score(t, scoreTurns, i, h) = operands.score(dot(t, scoreTurns, i, h), i, h, at, distance,
                                              AttentionOperands::limit(position < operands.visibleKeys(i)));
}

BlockAttention::OverThreads BlockAttention::gather(const Func &values, bool isMaximum,
                                                   const std::string &name) {
  OverThreads result{Func(name + "_each"), Func(name + "_group"), Func(name), visibleTurns().x};
  auto add = [isMaximum](Halide::FuncRef sum, const Expr &value) {
    sum = isMaximum ? AttentionOperands::kInvisible : 0.0f;
    sum = isMaximum ? Halide::max(Expr(sum), value) : Expr(sum) + value;
  };
  RDom members(0, kThreads / kGroups), groups(0, kGroups);
  add(result.each(t, i, h), values(t, result.turns, i, h));
  add(result.group(g, i, h), result.each(g * (kThreads / kGroups) + members, i, h));
  add(result.all(i, h), result.group(groups, i, h));
  return result;
}

void BlockAttention::defineWeights() {
  weightTurns = visibleTurns().x;
  Expr own = score(t, weightTurns, i, h);
  weight(t, b, i, h) = Halide::undef<float>();
  weight(t, weightTurns, i, h) =
      Halide::select(own > AttentionOperands::kInvisible, negativePowerOfTwo(own - top.all(i, h)), 0.0f);
}

void BlockAttention::defineSums() {
  constexpr int share = kThreads / kShares;
  RDom all = visibleTurns({{0, share}});
  sumKeys = all.x;
  sumTurns = all.y;
  Expr thread = s * share + sumKeys;
  // Keys behind the last one have weights of zero.
  mixed(d, s, i, h) = 0.0f;
  mixed(d, s, i, h) += weight(thread, sumTurns, i, h) * valueAt(within(sumTurns * kThreads + thread), d);
}

Stage BlockAttention::build(const std::string &name) {
  Stage stage = operands.stage(name);
  operands.define(stage, [&](Expr row, Expr head, Expr feature) {
    Expr sum = mixed(feature, 0, row, head), total = mass.all(row, head);
    for (int share = 1; share < kShares; ++share)
      sum += mixed(feature, share, row, head);
    return Halide::select(total > 0.0f, sum / total, 0.0f);
  });
  // A copy shares the Funcs.
  auto self = std::make_shared<BlockAttention>(*this);
  stage.schedule = [self](Stage &stage, const CpuShape &) { self->schedule(stage); };
  return stage;
}

void BlockAttention::place(OverThreads &sum, const Halide::LoopLevel &level) {
  for (Func *func : {&sum.each, &sum.group, &sum.all})
    func->compute_at(level).store_in(MemoryType::GPUShared);
  sum.each.bound(t, 0, kThreads).gpu_threads(t).update().reorder(sum.turns, t).gpu_threads(t);
  sum.group.bound(g, 0, kGroups).gpu_threads(g).update().gpu_threads(g);
}

void BlockAttention::schedule(Stage &stage) {
  Var row = stage.vars[0], feature = stage.vars[1], head("head");
  // All rows of a head before the next: what they read of keys and values stays in the nearer caches.
  stage.func.update()
      .split(feature, head, feature, operands.valueWidth)
      .reorder(feature, row, head)
      .gpu_blocks(row, head)
      .gpu_threads(feature);
  Halide::LoopLevel level(stage.func, row);
  score.compute_at(level).store_in(MemoryType::GPUShared).bound(t, 0, kThreads).bound(b, 0, turns);
  score.update().reorder(scoreTurns, t).gpu_threads(t);
  dot.compute_at(score, scoreTurns).store_in(MemoryType::Register);
  place(top, level);
  weight.compute_at(level).store_in(MemoryType::GPUShared).bound(t, 0, kThreads).bound(b, 0, turns);
  weight.update().reorder(weightTurns, t).gpu_threads(t);
  place(mass, level);
  mixed.compute_at(level).store_in(MemoryType::GPUShared).bound(s, 0, kShares).gpu_threads(d, s);
  mixed.bound(d, 0, operands.valueWidth);
  mixed.update().reorder(sumKeys, sumTurns, d, s).gpu_threads(d, s);
}

Stage halyard::kernels::translateBlockAttention(const AttentionOperands &operands, const std::string &name) {
  return BlockAttention(operands, name).build(name);
}

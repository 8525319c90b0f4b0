// Attention over whole tensors. For every block b of keys:
//
//   score(j) = score of q . k(j),  top = max of score
//   weight(j) = exp(score(j) - top),  mass = sum of weight,  mixed(d) = sum of weight(j) v(j, d)
//
// and over the blocks a running maximum m, with sums that are rescaled when it rises:
//
//   m' = max(m, top),  sum(d)' = sum(d) exp(m - m') + mixed(d) exp(top - m'),  total' likewise with mass.
//
// A tile of queries shares what is read of keys and values. Its queries are transposed on the stack, and the
// lanes of all vectors up to the weights are queries: keys and values are then read where they are, one
// number at a time for a whole tile of accumulators, and maximum, exponentials and mass of a tile need
// nothing across lanes. Sums over keys go block by block, so that rounding errors grow with the block and the
// number of blocks only. The last tile is shifted inwards; every query is computed alike wherever it falls.
#include "targets/Common/Algorithms/Attention.h"

#include "targets/Common/Algorithms/AttentionOperands.h"
#include "targets/Common/CpuShape.h"
#include "targets/Common/Schedules/StackStorage.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::RVar;
using Halide::TailStrategy;
using Halide::Var;

/// Keys of a block: its scores for a tile of queries stay in the first-level cache.
static constexpr int kKeyBlock = 128;
/// Vectors of queries of a tile.
static constexpr int kQueryVectors = 2;
/// Queries that share a register tile of sums.
static constexpr int kSumQueries = 8;

namespace {
class TensorAttention {
public:
  TensorAttention(const AttentionOperands &operands, int lanes, const std::string &name);

  Stage build(const std::string &name);

private:
  void defineScores();
  void defineWeights();
  void defineRunning();
  Expr normalised(Expr row, Expr head, Expr feature) const;
  void schedule(Stage &stage, const CpuShape &shape);
  void scheduleScores();
  void scheduleWeights();
  void scheduleRunning(const Halide::LoopLevel &level);
  void scheduleMixed(const CpuShape &shape);
  void onStack(Func &func);

  /// Keys of a block in groups of a register tile, up to those that the tile of queries sees: x within a
  /// group (if there is to be one), then groups.
  RDom visibleGroups(Expr block, bool withKeys) const {
    std::vector<Halide::Range> ranges{{0, kKeyBlock / keyTile}};
    if (withKeys)
      ranges.insert(ranges.begin(), {0, keyTile});
    RDom all(ranges);
    all.where(block * kKeyBlock + all[withKeys] * keyTile < count(t, h));
    return all;
  }
  /// Keys beyond the end read the last one and are hidden.
  Expr position(Expr inGroup, Expr inBlock, Expr block) const {
    return Halide::min(block * kKeyBlock + inBlock * keyTile + inGroup, operands.keyExtent - 1);
  }
  /// Row of a tile's first query.
  Expr base(Expr tile) const {
    return Halide::max(Halide::min(tile * tileRows, operands.rows - tileRows), 0);
  }
  int groups() const { return operands.valueWidth / groupWidth; }

  AttentionOperands operands;
  int lanes, tileRows, keyTile, groupWidth;

  // Arguments: query in tile, key in group, group in block, feature, tile, head, block.
  Var i{"i"}, j{"j"}, g{"g"}, d{"d"}, t{"t"}, h{"h"}, b{"b"};
  RVar ofFeatures, scoreGroups, topKeys, topGroups, weightGroups, massKeys, massGroups, mixedKeys,
      mixedGroups, blocks;
  Func count, queries, dot, score, top, weight, mass, mixed, running, inverse;
};
} // namespace

TensorAttention::TensorAttention(const AttentionOperands &operands, int lanes, const std::string &name)
    : operands(operands), lanes(lanes), tileRows(kQueryVectors * lanes), keyTile(lanes < 16 ? 4 : 8),
      groupWidth(AttentionOperands::powerOfTwo(operands.valueWidth, lanes)), count(name + "_count"),
      queries(name + "_queries"), dot(name + "_dot"), score(name + "_score"), top(name + "_top"),
      weight(name + "_weight"), mass(name + "_mass"), mixed(name + "_mixed"), running(name + "_running"),
      inverse(name + "_inverse") {
  defineScores();
  defineWeights();
  defineRunning();
}

//===-- algorithm ----------------------------------------------------------------------------------===//

void TensorAttention::defineScores() {
  Expr last = Halide::min(base(t) + tileRows, operands.rows) - 1;
  count(t, h) = operands.visibleKeys(last);
  queries(i, d, t, h) = operands.query(Halide::min(base(t) + i, operands.rows - 1), h, d);
  RDom features(0, operands.width);
  ofFeatures = features.x;
  dot(i, j, g, t, h, b) = 0.0f;
  dot(i, j, g, t, h, b) +=
      queries(i, features.x, t, h) * operands.key(Expr(0), h, position(j, g, b), features.x);

  scoreGroups = visibleGroups(b, false).x;
  Expr group = scoreGroups, row = base(t) + i, at = position(j, group, b);
  Expr distance = row - at + operands.middle();
  // Rows beyond the last one reach no further than the table, if that is longer than a tile.
  auto distances = operands.distances();
  distance = distances && *distances >= 2 * tileRows - 1
                 ? Halide::unsafe_promise_clamped(distance, 0, static_cast<int>(*distances) - 1)
                 : operands.clampedDistance(distance);
  Expr visible = b * kKeyBlock + group * keyTile + j < operands.visibleKeys(row);
  score(i, j, g, t, h, b) = Halide::undef<float>();
  score(i, j, group, t, h, b) = operands.score(dot(i, j, group, t, h, b), row, h, at, distance, visible);
}

void TensorAttention::defineWeights() {
  constexpr float invisible = AttentionOperands::kInvisible;
  RDom all = visibleGroups(b, true);
  topKeys = all.x;
  topGroups = all.y;
  top(i, t, h, b) = invisible;
  top(i, t, h, b) = Halide::max(top(i, t, h, b), score(i, topKeys, topGroups, t, h, b));
  weightGroups = visibleGroups(b, false).x;
  Expr own = score(i, j, weightGroups, t, h, b);
  weight(i, j, g, t, h, b) = Halide::undef<float>();
  weight(i, j, weightGroups, t, h, b) =
      Halide::select(own > invisible, exponential(own - top(i, t, h, b)), 0.0f);
  all = visibleGroups(b, true);
  massKeys = all.x;
  massGroups = all.y;
  mass(i, t, h, b) = 0.0f;
  mass(i, t, h, b) += weight(i, massKeys, massGroups, t, h, b);
}

/// The state of a query: its sums, a vector of features each, then the maximum and the total. As values of
/// one Func over the features of a vector, because a loop over blocks has to carry all of them.
void TensorAttention::defineRunning() {
  RDom keys = visibleGroups(b, true);
  mixedKeys = keys.x;
  mixedGroups = keys.y;
  mixed(d, i, t, h, b) = 0.0f;
  mixed(d, i, t, h, b) += weight(i, mixedKeys, mixedGroups, t, h, b) *
                          operands.value(Expr(0), h, position(mixedKeys, mixedGroups, b), d);

  RDom all(0, (operands.keyExtent + (kKeyBlock - 1)) / kKeyBlock);
  all.where(all.x * kKeyBlock < count(t, h));
  blocks = all.x;
  std::vector<Expr> start(groups(), Expr(0.0f)), update;
  start.push_back(AttentionOperands::kInvisible);
  start.push_back(0.0f);
  running(d, i, t, h) = Halide::Tuple(start);
  Halide::FuncRef old = running(d, i, t, h);
  Expr maximum = old[groups()], blockTop = top(i, t, h, blocks), next = Halide::max(maximum, blockTop);
  Expr keep = exponential(maximum - next), add = exponential(blockTop - next);
  for (int group = 0; group < groups(); ++group)
    update.push_back(old[group] * keep + mixed(group * groupWidth + d, i, t, h, blocks) * add);
  update.push_back(next);
  update.push_back(old[groups() + 1] * keep + mass(i, t, h, blocks) * add);
  running(d, i, t, h) = Halide::Tuple(update);
  Expr total = running(0, i, t, h)[groups() + 1];
  inverse(i, t, h) = Halide::select(total > 0.0f, 1.0f / total, 0.0f);
}

/// Element `feature` of a head's result.
Expr TensorAttention::normalised(Expr row, Expr head, Expr feature) const {
  Expr tile = row / tileRows, inTile = row - base(tile);
  Halide::FuncRef state = running(feature % groupWidth, inTile, tile, head);
  std::vector<Expr> sums;
  for (int group = 0; group < groups(); ++group)
    sums.push_back(state[group]);
  Expr sum = groups() == 1 ? sums.front() : Halide::mux(feature / groupWidth, sums);
  return sum * inverse(inTile, tile, head);
}

Stage TensorAttention::build(const std::string &name) {
  Stage stage =
      operands.stage(name, [&](Expr row, Expr head, Expr feature) { return normalised(row, head, feature); });
  // A copy shares the Funcs.
  auto self = std::make_shared<TensorAttention>(*this);
  stage.schedule = [self](Stage &stage, const CpuShape &shape) { self->schedule(stage, shape); };
  return stage;
}

//===-- schedules ----------------------------------------------------------------------------------===//

/// Constant extents on the stack, said explicitly: of a tile, a head and a block at a time.
void TensorAttention::onStack(Func &func) {
  func.store_in(kStackStorage);
  for (const Var &argument : func.args()) {
    if (argument.same_as(t))
      func.bound_extent(t, 1);
    else if (argument.same_as(h) || argument.same_as(b))
      func.bound_storage(argument, 1);
    else if (argument.same_as(j))
      func.bound(j, 0, keyTile);
    else if (argument.same_as(g))
      func.bound_storage(g, func.name() == dot.name() ? 1 : kKeyBlock / keyTile);
    else if (argument.same_as(i) && func.name() != mixed.name())
      func.bound(i, 0, tileRows);
  }
}

/// A register tile of queries, in vectors, and keys over all features.
void TensorAttention::scheduleScores() {
  Var vectors("vectors");
  score.compute_at(running, blocks);
  score.update()
      .reorder(i, j, scoreGroups)
      .vectorize(i, lanes)
      .unroll(i)
      .unroll(j)
      .partition(scoreGroups, Halide::Partition::Never);
  dot.compute_at(score, scoreGroups).vectorize(i, lanes).unroll(i).unroll(j);
  dot.update()
      .split(i, vectors, i, lanes)
      .reorder(i, vectors, j, ofFeatures)
      .vectorize(i)
      .unroll(vectors)
      .unroll(j);
}

void TensorAttention::scheduleWeights() {
  for (auto [func, keys, groups] :
       {std::tuple(&top, topKeys, topGroups), std::tuple(&mass, massKeys, massGroups)}) {
    func->compute_at(running, blocks).vectorize(i, lanes);
    Var vectors("vectors");
    func->update()
        .split(i, vectors, i, lanes)
        .reorder(i, keys, groups, vectors)
        .vectorize(i)
        .unroll(keys)
        .partition(groups, Halide::Partition::Never);
  }
  weight.compute_at(running, blocks);
  weight.update()
      .reorder(i, j, weightGroups)
      .vectorize(i, lanes)
      .unroll(i)
      .unroll(j)
      .partition(weightGroups, Halide::Partition::Never);
}

/// A register tile of features, in vectors, and queries over all keys of the block.
void TensorAttention::scheduleMixed(const CpuShape &shape) {
  const int vectors = operands.valueWidth / groupWidth;
  int tile = std::min(vectors, 2);
  while (vectors % tile)
    --tile;
  Var tiles("tiles"), vectorOfTile("vectorOfTile");
  mixed.compute_at(running, Var("queryTile")).bound(d, 0, operands.valueWidth);
  mixed.vectorize(d, groupWidth);
  mixed.update()
      .split(d, tiles, d, groupWidth * tile)
      .split(d, vectorOfTile, d, groupWidth)
      .reorder(d, vectorOfTile, i, mixedKeys, mixedGroups, tiles)
      .vectorize(d)
      .unroll(vectorOfTile)
      .unroll(i)
      .partition(mixedGroups, Halide::Partition::Never);
  mixed.bound_extent(i, kSumQueries);
}

void TensorAttention::scheduleRunning(const Halide::LoopLevel &level) {
  Var queryTile("queryTile");
  running.compute_at(level).bound(d, 0, groupWidth).vectorize(d);
  running.update()
      .split(i, queryTile, i, kSumQueries)
      .reorder(d, i, queryTile, blocks)
      .vectorize(d)
      .partition(blocks, Halide::Partition::Never);
  inverse.compute_at(level).vectorize(i, lanes);
  count.compute_at(level);
  queries.compute_at(level).vectorize(i, lanes).bound(d, 0, operands.width);
}

void TensorAttention::schedule(Stage &stage, const CpuShape &shape) {
  Var row = stage.vars[0], feature = stage.vars[1], head("head"), group("group"), tile("tile"), task("task");
  // All rows of a head before the next, so that its keys and values stay in the cache.
  stage.func.split(feature, head, feature, operands.valueWidth)
      .split(feature, group, feature, groupWidth)
      .split(row, tile, row, tileRows, TailStrategy::GuardWithIf)
      .reorder(feature, group, row, tile, head)
      .fuse(tile, head, task)
      .parallel(task)
      .unroll(group)
      .vectorize(feature);
  scheduleRunning(Halide::LoopLevel(stage.func, task));
  scheduleScores();
  scheduleWeights();
  scheduleMixed(shape);
  for (Func *func : {&count, &queries, &dot, &score, &top, &weight, &mass, &mixed, &running, &inverse})
    onStack(*func);
}

Stage halyard::kernels::translateAttention(seq::AttentionOp op, ArrayRef<TensorView> views,
                                           const TensorView *keyRows, int lanes, const std::string &name) {
  AttentionOperands operands(op, views, keyRows);
  if (operands.isRagged)
    return translateCacheAttention(operands, lanes, name);
  return TensorAttention(operands, lanes, name).build(name);
}

// The schedule of attention over whole tensors.
#include "targets/Common/Algorithms/TensorAttention.h"
#include "targets/Common/Schedules/StackStorage.h"

using namespace halyard;
using namespace halyard::kernels;
using Halide::Func;
using Halide::TailStrategy;
using Halide::Var;

/// Constant extents on the stack, said explicitly: of a tile, a head and a block at a time, and of all parts
/// or of one.
void TensorAttention::onStack(Func &func) {
  func.store_in(kStackStorage);
  const std::string name = func.name();
  bool ofTile = llvm::is_contained(
      {count.name(), queries.name(), queryTop.name(), running.name(), inverse.name()}, name);
  for (const Var &argument : func.args()) {
    if (argument.same_as(t))
      func.bound_extent(t, 1);
    else if (argument.same_as(h) || argument.same_as(b))
      func.bound_storage(argument, 1);
    else if (argument.same_as(p))
      ofTile ? func.bound_storage(p, tileParts) : func.bound_extent(p, 1);
    else if (argument.same_as(j))
      func.bound(j, 0, keyTile);
    else if (argument.same_as(m))
      func.bound(m, 0, keyTile / 2);
    else if (argument.same_as(g))
      func.bound_storage(g, kKeyBlock / keyTile);
    else if (argument.same_as(s))
      func.bound_storage(s, 1);
    else if (argument.same_as(i))
      llvm::is_contained({sum.name(), mixed.name()}, name) ? func.bound_extent(i, sumQueries)
                                                           : func.bound(i, 0, partRows);
  }
}

/// A register tile of queries, in vectors, and keys over all features.
void TensorAttention::scheduleScores() {
  Var vectors("vectors");
  if (!operands.op.getCausal()) {
    limits.compute_at(running, blocks).vectorize(j);
    onStack(limits);
  }
  score.compute_at(running, parts);
  for (auto [index, piece] : llvm::enumerate(pieces)) {
    score.update(index)
        .reorder(i, j, piece.groups)
        .vectorize(i, lanes)
        .unroll(i)
        .unroll(j)
        .partition(piece.groups, Halide::Partition::Never);
    piece.dot.compute_at(score, piece.groups).vectorize(i, lanes).unroll(i).unroll(j);
    piece.dot.update()
        .split(i, vectors, i, lanes)
        .reorder(i, vectors, j, piece.features)
        .vectorize(i)
        .unroll(vectors)
        .unroll(j);
    onStack(piece.dot);
    piece.dot.bound_storage(g, 1);
  }
}

void TensorAttention::scheduleWeights() {
  Var vectors("vectors");
  for (Func *func : {&top, &mass})
    func->compute_at(running, parts).vectorize(i, lanes);
  top.update()
      .split(i, vectors, i, lanes)
      .reorder(i, vectors, topKeys, topGroups)
      .vectorize(i)
      .unroll(vectors)
      .unroll(topKeys)
      .partition(topGroups, Halide::Partition::Never);
  mass.update()
      .split(i, vectors, i, lanes)
      .reorder(i, vectors, massGroups)
      .vectorize(i)
      .unroll(vectors)
      .partition(massGroups, Halide::Partition::Never);
  weight.compute_at(running, parts);
  weight.update()
      .reorder(i, isCoded ? m : j, weightGroups)
      .vectorize(i, lanes)
      .unroll(i)
      .unroll(isCoded ? m : j)
      .partition(weightGroups, Halide::Partition::Never);
}

/// A register tile of features, in vectors, and queries over the keys of a sum.
void TensorAttention::scheduleMixed() {
  int tile = std::min(groups(), kSumVectors);
  while (groups() % tile)
    --tile;
  Var tiles("tiles"), vectors("vectors");
  values.compute_at(running, blocks).vectorize(d, groupWidth).bound(d, 0, operands.valueWidth);
  mixed.compute_at(running, Var("queryTile")).bound(d, 0, operands.valueWidth).vectorize(d, groupWidth);
  mixed.update()
      .split(d, tiles, d, groupWidth * tile)
      .split(d, vectors, d, groupWidth)
      .reorder(d, vectors, i, mixedSums, tiles)
      .vectorize(d)
      .unroll(vectors)
      .unroll(i)
      .partition(mixedSums, Halide::Partition::Never);
  sum.compute_at(mixed, mixedSums)
      .bound_extent(d, groupWidth * tile)
      .vectorize(d, groupWidth)
      .unroll(d)
      .unroll(i);
  sum.update()
      .split(d, vectors, d, groupWidth)
      .reorder(d, vectors, i, sumKeys, sumGroups)
      .vectorize(d)
      .unroll(vectors)
      .unroll(i)
      .partition(sumGroups, Halide::Partition::Never);
  if (isCoded)
    sum.update().unroll(sumKeys);
}

/// Blocks of keys, then the parts of the tile, which share them.
void TensorAttention::scheduleRunning(const Halide::LoopLevel &level) {
  Var queryTile("queryTile");
  running.compute_at(level).bound(d, 0, groupWidth);
  running.update(0).reorder(d, i, firstParts).vectorize(d).partition(firstParts, Halide::Partition::Never);
  running.update(1)
      .split(i, queryTile, i, sumQueries)
      .reorder(d, i, queryTile, parts, blocks)
      .vectorize(d)
      .partition(parts, Halide::Partition::Never)
      .partition(blocks, Halide::Partition::Never);
  inverse.compute_at(level).vectorize(i, lanes);
  count.compute_at(level);
  Var feature = isCoded ? k : d;
  queries.compute_at(level).bound(feature, 0, isCoded ? operands.width / 2 : operands.width);
  queries.update()
      .reorder(i, feature, queryParts)
      .vectorize(i, lanes)
      .partition(queryParts, Halide::Partition::Never);
}

void TensorAttention::schedule() {
  Var row = stage.vars[0], feature = stage.vars[1], head("head"), group("group"), part("part"), tile("tile"),
      task("task");
  // All rows of a head before the next, so that its keys and values stay in the cache.
  stage.func.update()
      .split(feature, head, feature, operands.valueWidth)
      .split(feature, group, feature, groupWidth)
      .split(row, tile, row, tileRows, TailStrategy::GuardWithIf)
      .split(row, part, row, partRows, TailStrategy::GuardWithIf)
      .reorder(feature, group, row, part, tile, head)
      .fuse(tile, head, task)
      .parallel(task)
      .unroll(group)
      .vectorize(feature);
  Halide::LoopLevel level(stage.func, task);
  scheduleRunning(level);
  if (isCoded)
    scheduleCodes(level);
  scheduleScores();
  scheduleWeights();
  scheduleMixed();
  for (Func *func :
       {&count, &queries, &score, &top, &weight, &mass, &values, &sum, &mixed, &running, &inverse})
    onStack(*func);
}

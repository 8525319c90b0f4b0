// Attention over whole tensors. For every block b of keys:
//
//   score(j) = score of q . k(j),  top = max of score
//   weight(j) = 2^(score(j) - top),  mass = sum of weight,  mixed(d) = sum of weight(j) v(j, d)
//
// and over the blocks a running maximum m, with sums that are rescaled when it rises:
//
//   m' = max(m, top),  sum(d)' = sum(d) 2^(m - m') + mixed(d) 2^(top - m'),  total' likewise with mass.
//
// A tile of queries shares what is read of keys and values, part by part. Its queries are transposed on the
// stack, and the lanes of all vectors up to the weights are queries: keys and values are then read one number
// at a time for a whole register tile of accumulators, and maximum, powers and mass need nothing across
// lanes. Sums over keys go block by block, so that rounding errors grow with the block and the number of
// blocks only. The last part is shifted inwards; every query is computed alike wherever it falls.
#include "targets/Common/Algorithms/Attention.h"

#include "targets/Common/Algorithms/AttentionOperands.h"
#include "targets/Common/CpuShape.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"
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

/// Keys of a block: the scores of a part stay in the first-level cache.
static constexpr int kKeyBlock = 128;
/// Vectors of queries of a part, and parts of a tile.
static constexpr int kPartVectors = 2, kParts = 6;
/// Features that are added up one after the other; rounding errors grow with their number.
static constexpr int kDotTerms = 32;
/// Keys likewise; a multiple of the keys of a register tile.
static constexpr int kSumKeys = 32;
/// Vectors of features of a register tile of sums.
static constexpr int kSumVectors = 2;

namespace {
class TensorAttention {
public:
  TensorAttention(const AttentionOperands &operands, const CpuShape &shape, const std::string &name);

  Stage build();

private:
  void hideExtents();
  void defineScores();
  void definePiece(int first, int terms);
  Expr limitOf(Expr row, Expr group);
  void defineWeights();
  void defineMixed();
  void defineRunning();
  Expr normalised(Expr row, Expr head, Expr feature) const;
  void schedule();
  void scheduleScores();
  void scheduleWeights();
  void scheduleRunning(const Halide::LoopLevel &level);
  void scheduleMixed();
  void onStack(Func &func);

  /// Keys of a block in groups of a register tile, up to those that the part sees: x within a group (if there
  /// is to be one), then groups.
  RDom visibleGroups(bool withKeys) const {
    std::vector<Halide::Range> ranges{{0, kKeyBlock / keyTile}};
    if (withKeys)
      ranges.insert(ranges.begin(), {0, keyTile});
    RDom all(ranges);
    all.where(b * kKeyBlock + all[withKeys] * keyTile < count(p, t, h));
    return all;
  }
  /// The parts of a tile that have rows.
  RVar existingParts() const {
    RDom all(0, kParts);
    all.where(t * tileRows + all.x * partRows < operands.rows);
    return all.x;
  }
  /// Keys beyond the end read the last one and are hidden.
  Expr position(Expr inGroup, Expr inBlock, Expr block) const {
    return Halide::min(block * kKeyBlock + inBlock * keyTile + inGroup, operands.keyExtent - 1);
  }
  /// Row of a part's first query.
  Expr base(Expr tile, Expr part) const {
    return Halide::max(Halide::min(tile * tileRows + part * partRows, operands.rows - partRows), 0);
  }
  int groups() const { return operands.valueWidth / groupWidth; }

  /// The part of dot products that comes from some features.
  struct Piece {
    Func dot;
    RVar features, groups;
  };

  AttentionOperands operands;
  Stage stage;
  int lanes, partRows, tileRows;
  /// Keys of a register tile of scores, queries of one of sums, features of a vector.
  int keyTile, sumQueries, groupWidth;

  // Arguments: query in part, key in group, group in block, sum of keys in block, feature, part, tile, head,
  // block.
  Var i{"i"}, j{"j"}, g{"g"}, s{"s"}, d{"d"}, p{"p"}, t{"t"}, h{"h"}, b{"b"};
  RVar queryParts, topKeys, topGroups, weightGroups, massGroups, sumKeys, sumGroups, mixedSums, firstParts,
      parts, blocks;
  Func count, queries, limits, score, top, weight, mass, values, sum, mixed, running, inverse;
  std::vector<Piece> pieces;
};
} // namespace

TensorAttention::TensorAttention(const AttentionOperands &operands, const CpuShape &shape,
                                 const std::string &name)
    : operands(operands), stage(operands.stage(name)), lanes(shape.lanes), partRows(kPartVectors * lanes),
      tileRows(kParts * partRows), keyTile(lanes < 16 || shape.isDeterministic ? 4 : 8),
      sumQueries(lanes < 16 ? 4 : 8), groupWidth(AttentionOperands::powerOfTwo(operands.valueWidth, lanes)),
      count(name + "_count"), queries(name + "_queries"), limits(name + "_limits"), score(name + "_score"),
      top(name + "_top"), weight(name + "_weight"), mass(name + "_mass"), values(name + "_values"),
      sum(name + "_sum"), mixed(name + "_mixed"), running(name + "_running"), inverse(name + "_inverse") {
  hideExtents();
  defineScores();
  defineWeights();
  defineMixed();
  defineRunning();
}

/// Constant extents become ones that are read at run time. From constants Halide makes indices of tiles that
/// it cannot take apart again, and with the bounds it then finds it drops loops that are needed.
void TensorAttention::hideExtents() {
  Expr zero = stage.func.output_buffer().dim(1).extent() - operands.rows;
  operands.rows += zero;
  operands.keyExtent += zero;
}

//===-- algorithm ----------------------------------------------------------------------------------===//

void TensorAttention::defineScores() {
  count(p, t, h) = operands.visibleKeys(Halide::min(base(t, p) + partRows, operands.rows) - 1);
  queryParts = existingParts();
  queries(i, d, p, t, h) = Halide::undef<float>();
  queries(i, d, queryParts, t, h) =
      operands.query(Halide::min(base(t, queryParts) + i, operands.rows - 1), h, d);
  score(i, j, g, p, t, h, b) = Halide::undef<float>();
  const int terms = operands.width % kDotTerms ? operands.width : kDotTerms;
  for (int first = 0; first < operands.width; first += terms)
    definePiece(first, terms);
}

/// Adds the products of some features to the scores, and makes them scores with the last.
void TensorAttention::definePiece(int first, int terms) {
  RDom features(first, terms);
  Piece piece{Func(score.name() + "_piece" + std::to_string(first)), features.x, visibleGroups(false).x};
  piece.dot(i, j, g, p, t, h, b) = 0.0f;
  piece.dot(i, j, g, p, t, h, b) +=
      queries(i, features.x, p, t, h) * operands.key(h, position(j, g, b), features.x);
  Expr group = piece.groups, row = base(t, p) + i, at = position(j, group, b);
  Expr sum = piece.dot(i, j, group, p, t, h, b);
  if (first > 0)
    sum += score(i, j, group, p, t, h, b);
  pieces.push_back(piece);
  if (first + terms < operands.width) {
    score(i, j, group, p, t, h, b) = sum;
    return;
  }
  Expr distance = row - at + operands.middle();
  // Rows beyond the last one reach no further than the table, if that is longer than a part.
  auto distances = operands.distances();
  distance = distances && *distances >= 2 * partRows - 1
                 ? Halide::unsafe_promise_clamped(distance, 0, static_cast<int>(*distances) - 1)
                 : operands.clampedDistance(distance);
  score(i, j, group, p, t, h, b) = operands.score(sum, row, h, at, distance, limitOf(row, group));
}

/// Causal limits differ by row; otherwise keys are seen by all rows, and their limits lie on the stack.
Expr TensorAttention::limitOf(Expr row, Expr group) {
  if (operands.op.getCausal())
    return AttentionOperands::limit(b * kKeyBlock + group * keyTile + j < operands.visibleKeys(row));
  limits(j, g, b) = AttentionOperands::limit(b * kKeyBlock + g * keyTile + j < operands.keyExtent);
  return limits(j, group, b);
}

void TensorAttention::defineWeights() {
  constexpr float invisible = AttentionOperands::kInvisible;
  RDom all = visibleGroups(true);
  topKeys = all.x;
  topGroups = all.y;
  top(i, p, t, h, b) = invisible;
  top(i, p, t, h, b) = Halide::max(top(i, p, t, h, b), score(i, topKeys, topGroups, p, t, h, b));
  weightGroups = visibleGroups(false).x;
  Expr own = score(i, j, weightGroups, p, t, h, b);
  weight(i, j, g, p, t, h, b) = Halide::undef<float>();
  weight(i, j, weightGroups, p, t, h, b) =
      Halide::select(own > invisible, negativePowerOfTwo(own - top(i, p, t, h, b)), 0.0f);
  massGroups = visibleGroups(false).x;
  Expr ofGroup = weight(i, 0, massGroups, p, t, h, b);
  for (int key = 1; key < keyTile; ++key)
    ofGroup += weight(i, key, massGroups, p, t, h, b);
  mass(i, p, t, h, b) = Halide::cast<double>(0);
  mass(i, p, t, h, b) += Halide::cast<double>(ofGroup);
}

void TensorAttention::defineMixed() {
  const int groupsOfSum = kSumKeys / keyTile;
  RDom keys(0, keyTile, 0, groupsOfSum);
  Expr group = s * groupsOfSum + keys.y;
  keys.where(b * kKeyBlock + group * keyTile < count(p, t, h));
  sumKeys = keys.x;
  sumGroups = keys.y;
  values(d, j, g, h, b) = operands.value(h, position(j, g, b), d);
  sum(d, i, s, p, t, h, b) = 0.0f;
  sum(d, i, s, p, t, h, b) += weight(i, keys.x, group, p, t, h, b) * values(d, keys.x, group, h, b);
  RDom sums(0, kKeyBlock / kSumKeys);
  sums.where(b * kKeyBlock + sums.x * kSumKeys < count(p, t, h));
  mixedSums = sums.x;
  mixed(d, i, p, t, h, b) = 0.0f;
  mixed(d, i, p, t, h, b) += sum(d, i, mixedSums, p, t, h, b);
}

/// The state of a query: its sums, a vector of features each, then the maximum and the total. As values of
/// one Func over the features of a vector, because a loop over blocks has to carry all of them. The total is
/// kept in double: an error in it scales the whole row, and errors that agree add up in the products after
/// it.
void TensorAttention::defineRunning() {
  std::vector<Expr> none(groups() + 2, Halide::undef<float>()), start(groups(), Expr(0.0f)), update;
  start.push_back(AttentionOperands::kInvisible);
  start.push_back(Halide::cast<double>(0));
  none.back() = Halide::undef<double>();
  firstParts = existingParts();
  running(d, i, p, t, h) = Halide::Tuple(none);
  running(d, i, firstParts, t, h) = Halide::Tuple(start);

  RDom all(0, kParts, 0, (operands.keyExtent + (kKeyBlock - 1)) / kKeyBlock);
  all.where(t * tileRows + all.x * partRows < operands.rows && all.y * kKeyBlock < count(all.x, t, h));
  parts = all.x;
  blocks = all.y;
  Halide::FuncRef old = running(d, i, parts, t, h);
  // Of the two factors one is 1.
  Expr maximum = old[groups()], blockTop = top(i, parts, t, h, blocks), rises = blockTop > maximum;
  Expr factor = negativePowerOfTwo(-Halide::abs(blockTop - maximum));
  Expr keep = Halide::select(rises, factor, 1.0f), add = Halide::select(rises, 1.0f, factor);
  for (int group = 0; group < groups(); ++group)
    update.push_back(old[group] * keep + mixed(group * groupWidth + d, i, parts, t, h, blocks) * add);
  update.push_back(Halide::max(maximum, blockTop));
  update.push_back(old[groups() + 1] * Halide::cast<double>(keep) +
                   mass(i, parts, t, h, blocks) * Halide::cast<double>(add));
  running(d, i, parts, t, h) = Halide::Tuple(update);
  Expr total = running(0, i, p, t, h)[groups() + 1];
  Expr zero = Halide::cast<double>(0);
  inverse(i, p, t, h) = Halide::select(total > zero, Halide::cast<double>(1) / total, zero);
}

/// Element `feature` of a head's result.
Expr TensorAttention::normalised(Expr row, Expr head, Expr feature) const {
  Expr tile = row / tileRows, part = row % tileRows / partRows, inPart = row - base(tile, part);
  Halide::FuncRef state = running(feature % groupWidth, inPart, part, tile, head);
  std::vector<Expr> sums;
  for (int group = 0; group < groups(); ++group)
    sums.push_back(state[group]);
  Expr total = groups() == 1 ? sums.front() : Halide::mux(feature / groupWidth, sums);
  return Halide::cast<float>(Halide::cast<double>(total) * inverse(inPart, part, tile, head));
}

Stage TensorAttention::build() {
  operands.define(stage, [&](Expr row, Expr head, Expr feature) { return normalised(row, head, feature); });
  stage.extents[0] = Expr(); // open
  // A copy shares the Funcs.
  auto self = std::make_shared<TensorAttention>(*this);
  Stage built = stage;
  built.schedule = [self](Stage &, const CpuShape &) { self->schedule(); };
  return built;
}

//===-- schedules ----------------------------------------------------------------------------------===//

/// Constant extents on the stack, said explicitly: of a tile, a head and a block at a time, and of all parts
/// or of one.
void TensorAttention::onStack(Func &func) {
  func.store_in(kStackStorage);
  const std::string name = func.name();
  bool ofTile = llvm::is_contained({count.name(), queries.name(), running.name(), inverse.name()}, name);
  for (const Var &argument : func.args()) {
    if (argument.same_as(t))
      func.bound_extent(t, 1);
    else if (argument.same_as(h) || argument.same_as(b))
      func.bound_storage(argument, 1);
    else if (argument.same_as(p))
      ofTile ? func.bound_storage(p, kParts) : func.bound_extent(p, 1);
    else if (argument.same_as(j))
      func.bound(j, 0, keyTile);
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
      .reorder(i, j, weightGroups)
      .vectorize(i, lanes)
      .unroll(i)
      .unroll(j)
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
  queries.compute_at(level).bound(d, 0, operands.width);
  queries.update()
      .reorder(i, d, queryParts)
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
  scheduleRunning(Halide::LoopLevel(stage.func, task));
  scheduleScores();
  scheduleWeights();
  scheduleMixed();
  for (Func *func :
       {&count, &queries, &score, &top, &weight, &mass, &values, &sum, &mixed, &running, &inverse})
    onStack(*func);
}

Stage halyard::kernels::translateAttention(seq::AttentionOp op, ArrayRef<TensorView> views,
                                           const TensorView *keyRows, const CpuShape &shape,
                                           const std::string &name) {
  AttentionOperands operands(op, views, keyRows);
  if (shape.isGpu)
    return translateBlockAttention(operands, name);
  CpuShape tiled = shape;
  tiled.lanes = std::max(shape.lanes, 4); // tiles of queries and keys pay without vectors as well
  if (operands.isRagged)
    return translateCacheAttention(operands, tiled, name);
  if (op.getBfloatProducts() && shape.hasMatrixTiles && !shape.isDeterministic && fitsMatrixTiles(operands))
    return translateMatrixAttention(operands, name);
  return TensorAttention(operands, tiled, name).build();
}

// For every block b of keys:
//
//   score(j) = softcap(scale * q . k(j)) + bias, -inf where key j is not visible
//   top      = max of score,  weight(j) = exp(score(j) - top),  mass = sum of weight,  mixed(d) = sum of
//   weight(j) v(j, d)
//
// and over the blocks a running maximum m, with sums that are rescaled when it rises:
//
//   m' = max(m, top),  sum(d)' = sum(d) exp(m - m') + mixed(d) exp(top - m'),  total' likewise with mass.
//
// The running values are one Func of three values (a loop over blocks has to carry all of them). Over whole
// tensors a block of queries shares the block of keys, transposed on the stack so that scores are vectorised
// over keys. Over caches each row reads its own slot: there the dot products are vectorised over features,
// and blocks beyond the row's keys are not visited.
#include "targets/Common/Algorithms/Attention.h"

#include "targets/Common/Algorithms/AttentionOperands.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"
#include "targets/Common/Schedules/CpuSchedule.h"

#include "targets/Common/Schedules/StackStorage.h"
#include <limits>
#include <numeric>

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::Func;
using Halide::TailStrategy;
using Halide::Var;

static constexpr float kLowest = std::numeric_limits<float>::lowest();
static constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
/// Keys of a block and queries that share it.
static constexpr int kKeyBlock = 64, kQueryBlock = 192, kRaggedKeyBlock = 32;
/// Features that share one copy of a row's running maximum.
static constexpr int kGroupWidth = 16;
/// Lanes that the scores of a block are reduced to by vectors, before the rest goes one by one.
static constexpr int kReducedLanes = 8;
/// Elements of a cache from which its heads are worth a thread each.
static constexpr int64_t kParallelElements = 65536;

namespace {
class Attention {
public:
  Attention(seq::AttentionOp op, ArrayRef<TensorView> operands, const TensorView *keyRows, int lanes,
            const std::string &name);

  Stage build();

private:
  void defineScores();
  void defineWeights();
  void defineRunning();
  Expr query(Expr i, Expr h, Expr feature);
  Expr key(Expr i, Expr h, Expr j, Expr feature);
  Expr value(Expr i, Expr h, Expr j, Expr feature);
  Expr group(Expr h);
  Expr bias(Expr h, Expr at, Expr j);
  Expr normalised(Expr row, Expr head, Expr feature);
  Expr slotOf(Expr i);
  Expr positionOf(Expr i);
  Expr visibleKeys(Expr i);
  /// Position of a key of a block; those beyond the end read the last one and are masked.
  Expr keyOf(Expr inBlock, Expr ofBlock) const {
    return Halide::min(ofBlock * keyBlock + inBlock, keyExtent - 1);
  }

  void schedule(Stage &stage, const CpuShape &shape);
  void scheduleTensors(Stage &stage, const CpuShape &shape);
  void scheduleCaches(Stage &stage, const CpuShape &shape);
  void scheduleRunning(int lanes, int rowsAtOnce, int tile);
  void scheduleWeights(int lanes, int tile);
  void scheduleMixed(const CpuShape &shape, int tile);
  void onStack(Func &func, int tile);

  seq::AttentionOp op;
  SmallVector<TensorView> operands;
  std::optional<TensorView> keyRows;
  const TensorView *biasView = nullptr, *maskView = nullptr, *slotView = nullptr, *positionView = nullptr;
  bool isRagged;
  int lanes, heads, kvHeads, width, valueWidth, groupWidth, keyBlock;
  Expr rows, keyExtent;
  std::string name;

  // Arguments: key in block or feature, row, head, block.
  Var j{"j"}, d{"d"}, i{"i"}, h{"h"}, b{"b"}, lane{"lane"}, rowOfTile{"rowOfTile"};
  Halide::RVar ofFeatures, ofKeys, blocks;
  Func transposed, dot, score, laneTop, top, weight, laneMass, mass, mixed, running;
  std::optional<LaneSum> dotSum;
};
} // namespace

Attention::Attention(seq::AttentionOp op, ArrayRef<TensorView> views, const TensorView *rowsOfKeys, int lanes,
                     const std::string &name)
    : op(op), operands(views), isRagged(static_cast<bool>(op.getSlot())), lanes(lanes), heads(op.getHeads()),
      kvHeads(op.getKvHeads()), keyBlock(isRagged ? kRaggedKeyBlock : kKeyBlock), name(name),
      transposed(name + "_keys"), dot(name + "_dot"), score(name + "_score"), laneTop(name + "_lane_top"),
      top(name + "_top"), weight(name + "_weight"), laneMass(name + "_lane_mass"), mass(name + "_mass"),
      mixed(name + "_mixed"), running(name + "_running") {
  if (rowsOfKeys)
    keyRows = *rowsOfKeys;
  width = cast<RankedTensorType>(op.getQuery().getType()).getDimSize(1) / heads;
  valueWidth = cast<RankedTensorType>(op.getType()).getDimSize(1) / heads;
  groupWidth = std::gcd(valueWidth, kGroupWidth);
  rows = operands[0].extents[0];
  keyExtent = operands[1].extents[isRagged ? 1 : 0];
  unsigned next = 3;
  if (op.getBias())
    biasView = &operands[next++];
  if (op.getMask())
    maskView = &operands[next++];
  if (isRagged) {
    slotView = &operands[next++];
    positionView = &operands[next++];
  }
}

//===-- reading operands ---------------------------------------------------------------------------===//

static Expr asFloat(Expr value) { return Halide::cast<float>(std::move(value)); }

Expr Attention::group(Expr head) {
  return op.getHeadMap() == seq::HeadMap::tiled ? head % kvHeads : head / (heads / kvHeads);
}

Expr Attention::query(Expr row, Expr head, Expr feature) {
  // Register tiles of rows may reach beyond the last one.
  Expr inside = isRagged ? row : Halide::clamp(row, 0, rows - 1);
  return asFloat(operands[0].at({inside, head * width + feature}));
}

Expr Attention::key(Expr row, Expr head, Expr position, Expr feature) {
  Expr column = group(head) * width + feature;
  return asFloat(isRagged ? operands[1].at({slotOf(row), position, column})
                          : operands[1].at({position, column}));
}

Expr Attention::value(Expr row, Expr head, Expr position, Expr feature) {
  Expr column = group(head) * valueWidth + feature;
  return asFloat(isRagged ? operands[2].at({slotOf(row), position, column})
                          : operands[2].at({position, column}));
}

/// Slots are the caller's: no clamp is computed, only the bound is known.
Expr Attention::slotOf(Expr row) {
  return Halide::unsafe_promise_clamped(slotView->at({row}), 0, operands[1].extents[0] - 1);
}

Expr Attention::positionOf(Expr row) { return isRagged ? positionView->at({row}) : row; }

Expr Attention::visibleKeys(Expr row) {
  if (op.getCausal())
    return Halide::min(positionOf(row) + 1, keyExtent);
  return isRagged ? Halide::min(keyRows->at({slotOf(row)}), keyExtent) : keyExtent;
}

Expr Attention::bias(Expr head, Expr at, Expr position) {
  const Exprs &extents = biasView->extents;
  Expr first = Halide::Internal::is_const_one(extents[0]) ? Expr(0) : head;
  if (op.getByDistance()) {
    Expr distance = at - position + extents[1] / 2; // of 2L - 1 distances, L - 1 is the middle
    return asFloat(biasView->at({first, clampedIndex(distance, extents[1])}));
  }
  return asFloat(biasView->at({first, clampedIndex(at, extents[1]), position}));
}

//===-- algorithm ----------------------------------------------------------------------------------===//

void Attention::defineScores() {
  if (isRagged) {
    dotSum.emplace(name + "_dot", std::vector<Var>{j, i, h, b}, Expr(width), std::min(lanes, 16),
                   [this](const std::vector<Expr> &at, Expr k) {
                     return query(at[1], at[2], k) * key(at[1], at[2], keyOf(at[0], at[3]), k);
                   });
    dot = dotSum->total;
  } else {
    transposed(j, d, h, b) = key(Expr(0), h, keyOf(j, b), d);
    Halide::RDom features(0, width);
    ofFeatures = features.x;
    dot(j, i, h, b) = 0.0f;
    dot(j, i, h, b) += query(i, h, features.x) * transposed(j, features.x, h, b);
  }
  Expr value = dot(j, i, h, b) * static_cast<float>(op.getScale().convertToDouble());
  if (auto cap = op.getSoftcap()) {
    auto limit = static_cast<float>(cap->convertToDouble());
    value = limit * rationalTanh(value * (1.0f / limit));
  }
  // A bias or a mask may be -inf, which fast arithmetic may not meet.
  if (biasView)
    value = Halide::strict_float(value + bias(h, positionOf(i), keyOf(j, b)));
  if (maskView)
    value = Halide::strict_float(value + asFloat(maskView->at({keyOf(j, b), Expr(0)})));
  score(j, i, h, b) = Halide::select(b * keyBlock + j < visibleKeys(i), value, kMinusInfinity);
}

/// Combines `count` values pairwise; `at` gives one of them.
template <typename At, typename Combine>
static Expr combineTree(int start, int count, At at, Combine combine) {
  if (count == 1)
    return at(start);
  int half = count / 2;
  return combine(combineTree(start, half, at, combine), combineTree(start + half, count - half, at, combine));
}

/// Maximum and mass of a block: a vector of partial results first, then across its lanes.
void Attention::defineWeights() {
  auto larger = [](Expr x, Expr y) { return Halide::select(Halide::strict_float(x > y), x, y); };
  auto sum = [](Expr x, Expr y) { return x + y; };
  auto acrossVectors = [&](Func &of, auto combine) {
    auto vector = [&](int index) { return of(index * kReducedLanes + lane, i, h, b); };
    return combineTree(0, keyBlock / kReducedLanes, vector, combine);
  };
  auto acrossLanes = [&](Func &of, auto combine) {
    return combineTree(0, kReducedLanes, [&](int index) { return of(index, i, h, b); }, combine);
  };
  laneTop(lane, i, h, b) = acrossVectors(score, larger);
  top(i, h, b) = larger(acrossLanes(laneTop, larger), kLowest);
  Expr masked = Halide::strict_float(score(j, i, h, b) < kLowest);
  Expr finite = Halide::select(masked, kLowest, score(j, i, h, b));
  weight(j, i, h, b) = Halide::select(masked, 0.0f, Halide::exp(finite - top(i, h, b)));
  laneMass(lane, i, h, b) = acrossVectors(weight, sum);
  mass(i, h, b) = acrossLanes(laneMass, sum);

  Halide::RDom keys(0, keyBlock);
  ofKeys = keys.x;
  mixed(d, i, h, b) = 0.0f;
  mixed(d, i, h, b) += weight(keys.x, i, h, b) * value(i, h, keyOf(keys.x, b), d);
}

/// The state of a row: its sums, `group` features at a time, then the maximum and the total. As values of one
/// Func over the features of a group, so that the maximum is kept (and exponentials are taken) once per
/// group's width, not once per feature.
void Attention::defineRunning() {
  Halide::RDom all(0, (keyExtent + (keyBlock - 1)) / keyBlock);
  if (isRagged)
    all.where(all.x * keyBlock < visibleKeys(i));
  blocks = all.x;
  const int groups = valueWidth / groupWidth;
  std::vector<Expr> start(groups, Expr(0.0f)), update;
  start.push_back(kLowest);
  start.push_back(0.0f);
  running(d, i, h) = Halide::Tuple(start);
  Halide::FuncRef old = running(d, i, h);
  Expr maximum = old[groups], blockTop = top(i, h, all.x), next = Halide::max(maximum, blockTop);
  Expr keep = Halide::exp(maximum - next), add = Halide::exp(blockTop - next);
  for (int group = 0; group < groups; ++group)
    update.push_back(old[group] * keep + mixed(group * groupWidth + d, i, h, all.x) * add);
  update.push_back(next);
  update.push_back(old[groups + 1] * keep + mass(i, h, all.x) * add);
  running(d, i, h) = Halide::Tuple(update);
}

/// Element `feature` of a head's result.
Expr Attention::normalised(Expr row, Expr head, Expr feature) {
  const int groups = valueWidth / groupWidth;
  Halide::FuncRef state = running(feature % groupWidth, row, head);
  std::vector<Expr> sums;
  for (int group = 0; group < groups; ++group)
    sums.push_back(state[group]);
  Expr sum = groups == 1 ? sums.front() : Halide::mux(feature / groupWidth, sums);
  return Halide::select(state[groups + 1] > 0.0f, sum / state[groups + 1], 0.0f);
}

Stage Attention::build() {
  defineScores();
  defineWeights();
  defineRunning();
  Stage stage;
  stage.op = op;
  stage.func = Func(name);
  stage.vars = {Var("row"), Var("feature")};
  stage.extents = {rows, Expr(heads * valueWidth)};
  Var row = stage.vars[0], feature = stage.vars[1];
  Type elementType = cast<RankedTensorType>(op.getType()).getElementType();
  stage.func(feature, row) =
      toStorage(normalised(row, feature / valueWidth, feature % valueWidth), elementType);
  stage.results.push_back(viewOf(stage.func, 0, stage.extents, elementType));
  // A copy shares the Funcs; what it reads of the operands is read while building only.
  auto self = std::make_shared<Attention>(*this);
  stage.schedule = [self](Stage &stage, const CpuShape &shape) { self->schedule(stage, shape); };
  return stage;
}

//===-- schedules ----------------------------------------------------------------------------------===//

void Attention::schedule(Stage &stage, const CpuShape &shape) {
  isRagged ? scheduleCaches(stage, shape) : scheduleTensors(stage, shape);
}

/// Stack storage, with extents said explicitly: Halide cannot see that the bounds of a partial block are no
/// larger. Rows of a tile that do not exist are computed from clamped ones and dropped.
void Attention::onStack(Func &func, int tile) {
  func.store_in(kStackStorage);
  for (const Var &argument : func.args()) {
    if (argument.same_as(i))
      func.bound_extent(i, tile);
    else if (argument.same_as(h) || argument.same_as(b))
      func.bound_storage(argument, 1);
    else if (argument.same_as(j))
      func.bound(j, 0, keyBlock);
  }
}

/// Groups of features, then the rows of a block in tiles, for each block of keys.
void Attention::scheduleRunning(int lanes, int rowsAtOnce, int tile) {
  const int vector = std::min(lanes, groupWidth);
  running.store_in(kStackStorage).bound(d, 0, groupWidth).bound_storage(i, rowsAtOnce).bound_storage(h, 1);
  running.vectorize(d, vector);
  running.update()
      .split(i, i, rowOfTile, tile, TailStrategy::GuardWithIf)
      .reorder(d, rowOfTile, i, blocks, h)
      .vectorize(d, vector);
}

/// Maximum, weights and mass of each block.
void Attention::scheduleWeights(int lanes, int tile) {
  for (Func *func : {&laneTop, &laneMass}) {
    func->compute_at(running, i)
        .bound(lane, 0, kReducedLanes)
        .vectorize(lane, std::min(lanes, kReducedLanes));
    onStack(*func, tile);
  }
  for (Func *func : {&top, &mass}) {
    func->compute_at(running, i);
    onStack(*func, tile);
  }
  weight.compute_at(running, i).vectorize(j, lanes);
  onStack(weight, tile);
}

/// Weighted sum of a block's values: a register tile of features in vectors and rows, over all keys of the
/// block.
void Attention::scheduleMixed(const CpuShape &shape, int tile) {
  const int vector = std::min<int>(shape.lanes, llvm::PowerOf2Ceil(valueWidth));
  const int vectors = std::min<int>(shape.tileVectors, llvm::divideCeil(valueWidth, vector));
  Var lanesOfD("lanesOfD"), vectorOfD("vectorOfD");
  mixed.compute_at(running, i).bound(d, 0, valueWidth);
  onStack(mixed, tile);
  mixed.vectorize(d, vector, TailStrategy::GuardWithIf);
  mixed.update()
      .split(d, d, lanesOfD, vector * vectors, TailStrategy::GuardWithIf)
      .split(lanesOfD, vectorOfD, lanesOfD, vector)
      .reorder(lanesOfD, vectorOfD, i, ofKeys, d)
      .vectorize(lanesOfD)
      .unroll(vectorOfD)
      .unroll(i);
}

void Attention::scheduleTensors(Stage &stage, const CpuShape &shape) {
  Var row = stage.vars[0], feature = stage.vars[1], group("group"), head("head"), rowBlock("rowBlock"),
      task("task");
  const int vector = shape.lanes, tile = std::max(shape.packedAccumulators / shape.tileVectors, 1);
  // A static number of rows is cut into equal blocks, the last of which overlaps by a few rows.
  auto known = Halide::Internal::as_const_int(rows);
  const int block = known ? llvm::divideCeil(*known, llvm::divideCeil(*known, kQueryBlock)) : kQueryBlock;
  stage.func.split(feature, head, feature, valueWidth)
      .split(feature, group, feature, groupWidth)
      .split(row, rowBlock, row, block, known ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf)
      .reorder(feature, group, row, rowBlock, head)
      .fuse(rowBlock, head, task)
      .parallel(task)
      .unroll(group)
      .vectorize(feature, std::min(vector, groupWidth));
  running.compute_at(stage.func, task);
  scheduleRunning(vector, block, tile);

  transposed.compute_at(running, blocks).vectorize(j, vector);
  onStack(transposed, 1);
  // Scores: a tile of keys in vectors and rows stays in registers over all features.
  Var keys("keys"), lanesOfJ("lanesOfJ");
  score.compute_at(running, i);
  onStack(score, tile);
  score.split(j, keys, j, vector * shape.tileVectors).reorder(j, i, keys).vectorize(j, vector).unroll(i);
  dot.compute_at(score, keys).store_in(kStackStorage);
  dot.bound_extent(j, vector * shape.tileVectors).bound_extent(i, tile);
  dot.vectorize(j, vector).unroll(j).unroll(i);
  dot.update()
      .split(j, j, lanesOfJ, vector)
      .reorder(lanesOfJ, j, i, ofFeatures)
      .vectorize(lanesOfJ)
      .unroll(j)
      .unroll(i);
  scheduleWeights(vector, tile);
  scheduleMixed(shape, tile);
}

void Attention::scheduleCaches(Stage &stage, const CpuShape &shape) {
  Var row = stage.vars[0], feature = stage.vars[1], group("group"), head("head");
  const int vector = shape.lanes;
  stage.func.split(feature, head, feature, valueWidth)
      .split(feature, group, feature, groupWidth)
      .reorder(feature, group, row, head)
      .unroll(group)
      .vectorize(feature, std::min(vector, groupWidth));
  auto cache = cast<seq::CacheType>(op.getKey().getType());
  if (cache.getLength() * cache.getFeatures() >= kParallelElements)
    stage.func.parallel(head);
  running.compute_at(stage.func, row);
  scheduleRunning(vector, 1, 1);

  score.compute_at(running, i).vectorize(j, vector);
  onStack(score, 1);
  dotSum->computeAt(Halide::LoopLevel(running, i));
  for (Func *func : {&dotSum->partial, &dotSum->total})
    onStack(*func, 1);
  scheduleWeights(vector, 1);
  scheduleMixed(shape, 1);
}

Stage halyard::kernels::translateAttention(seq::AttentionOp op, ArrayRef<TensorView> operands,
                                           const TensorView *keyRows, int lanes, const std::string &name) {
  if (op.getSlot())
    return translateCacheAttention(AttentionOperands(op, operands, keyRows), lanes, name);
  return Attention(op, operands, keyRows, lanes, name).build();
}

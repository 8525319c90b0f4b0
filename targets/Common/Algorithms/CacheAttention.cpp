// Attention of rows that each read the keys of a slot of a cache:
//
//   score(j) = score of q . k(j),  top = max of score,  weight(j) = 2^(score(j) - top)
//   result(d) = sum of weight(j) v(j, d) / sum of weight(j)
//
// A row's scores and weights lie on the stack, so that the maximum is known before any exponential is taken.
// Keys are taken in blocks, one vector of scores each, as many as the row sees. Rows of the caches are read
// where they are, in vectors of features: a block's dot products are as many accumulators, which are
// transposed and added up at once. The last block of a full cache without blocks of its own is shifted
// inwards, and keys that the block before it had are hidden. Sums over keys go block by block, so that
// rounding errors grow with the block and the number of blocks only.
//
// Caches of 8-bit codes are multiplied in integers: the query, and the weights with the scales of the values,
// become codes of 16 bits, and an instruction multiplies and adds up pairs of them, of two features of a key
// and of two keys of a feature. That is exact, and the codes have the precision of the other factor and more.
#include "targets/Common/Algorithms/Attention.h"

#include "targets/Common/Algorithms/AttentionOperands.h"
#include "targets/Common/CpuShape.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"
#include "targets/Common/Schedules/StackStorage.h"

#include <numeric>

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::Func;
using Halide::RVar;
using Halide::Var;

/// Most features of a register tile of sums, in vectors.
static constexpr int kSumVectors = 8;
/// Elements of a cache from which its heads are worth a thread each.
static constexpr int64_t kParallelElements = 8192;
/// Largest codes of queries and weights, and of keys and values.
static constexpr int64_t kWideCode = 32767, kCode = 127;
/// Smaller weights than two to the power of it have codes of zero.
static constexpr float kSmallestExponent = -64;
/// Sums of products of codes that do not wait for one another.
static constexpr int kChains = 4;
/// The inverse of a smaller maximum could overflow; such rows count as zero.
static constexpr float kSmallestTop = 1e-30f;

namespace {
class CacheAttention {
public:
  CacheAttention(const AttentionOperands &operands, const CpuShape &shape, const std::string &name);

  Stage build(const std::string &name);

private:
  void defineScores();
  void defineQueryCodes();
  Expr codedScore(Expr block);
  Expr floatScore(Expr block);
  void defineWeights();
  void defineWeightCodes();
  void defineSums();
  void schedule(Stage &stage, const CpuShape &shape);
  void scheduleScores(const Halide::LoopLevel &row);
  void scheduleProducts(const Halide::LoopLevel &row);
  void scheduleWeightCodes(const Halide::LoopLevel &row);
  void scheduleSums(const Halide::LoopLevel &row, int lanes);
  void onStack(Func &func);

  /// The blocks that a row sees.
  RVar visibleBlocks() const {
    Halide::RDom all(0, blocks);
    all.where(all.x * keyBlock < count(i, h));
    return all.x;
  }
  /// Position of a block's first key. Blocks of the cache are whole numbers of blocks.
  Expr first(Expr block) const {
    return hasBlocks() ? block * keyBlock : Halide::min(block * keyBlock, length - keyBlock);
  }
  bool hasBlocks() const { return operands.keys.hasBlocks(); }
  bool isCoded() const { return operands.keys.isCoded(); }
  /// An element of the scales of a block's keys or values.
  Expr scaleOf(const CacheView &scales, Expr block) const {
    return scales.at(operands.slotOf(i), operands.group(h), first(block), j, 0);
  }

  Expr distance(Expr block) const;

  AttentionOperands operands;
  bool isDeterministic;
  /// Keys of a cache, of a block; blocks; features of a vector.
  int length, keyBlock, blocks, features, chains = 1;

  // Arguments: lane, key in block, feature, row, head, block.
  Var lane{"lane"}, j{"j"}, d{"d"}, i{"i"}, h{"h"}, b{"b"};
  RVar ofFeatures, ofKeys, ofSteps, scoreBlocks, topBlocks, weightBlocks, massBlocks, sumBlocks;
  RVar sideOfFeatures, sideOfKeys, codeBlocks, codeTopBlocks;
  Func count, products, score, laneTop, weight, laneMass, mixed, sum, inverse;
  Func queryLaneTop, queryCode, codeLaneTop, weightCode;
  std::unique_ptr<LaneReduction> dot, top, mass, queryTop, codeTop;
};
} // namespace

CacheAttention::CacheAttention(const AttentionOperands &operands, const CpuShape &shape,
                               const std::string &name)
    : operands(operands), isDeterministic(shape.isDeterministic), count(name + "_count"),
      products(name + "_products"), score(name + "_score"), laneTop(name + "_lane_top"),
      weight(name + "_weight"), laneMass(name + "_lane_mass"), mixed(name + "_mixed"), sum(name + "_sum"),
      inverse(name + "_inverse"), queryLaneTop(name + "_query_lane_top"), queryCode(name + "_query_code"),
      codeLaneTop(name + "_code_lane_top"), weightCode(name + "_weight_code") {
  seq::AttentionOp op = operands.op;
  length = cast<seq::CacheType>(op.getKey().getType()).getLength();
  const int lanes = shape.partialSums();
  keyBlock = std::min<int>(lanes, llvm::bit_floor(unsigned(length)));
  if (hasBlocks()) // a vector of keys does not leave its tile
    keyBlock = std::min<int>(keyBlock, seq::BlocksAttr::kTileRows);
  blocks = llvm::divideCeil(length, keyBlock);
  features = AttentionOperands::powerOfTwo(operands.width, lanes);
  defineScores();
  defineWeights();
  defineSums();
}

/// products(lane, j) are sums over every `features`-th feature; across the lanes they make the dot product.
Expr CacheAttention::floatScore(Expr block) {
  Halide::RDom steps(0, operands.width / features);
  ofFeatures = steps.x;
  Expr feature = steps.x * features + lane;
  Expr key = operands.keys.at(operands.slotOf(i), operands.group(h), first(b), j, feature);
  products(lane, j, i, h, b) = 0.0f;
  products(lane, j, i, h, b) += operands.query(i, h, feature) * Halide::cast<float>(key);
  dot = std::make_unique<LaneReduction>(score.name() + "_dot", products, std::vector<Var>{j, i, h, b},
                                        features, LaneReduction::Kind::sum, isDeterministic);
  return (*dot)({j, i, h, block});
}

/// A sum over all features must fit 32 bits.
void CacheAttention::defineQueryCodes() {
  Halide::RDom steps(0, operands.width / features);
  ofSteps = steps.x;
  queryLaneTop(lane, i, h) = 0.0f;
  queryLaneTop(lane, i, h) =
      Halide::max(queryLaneTop(lane, i, h), Halide::abs(operands.query(i, h, steps.x * features + lane)));
  queryTop = std::make_unique<LaneReduction>(queryCode.name() + "_top", queryLaneTop, std::vector<Var>{i, h},
                                             features, LaneReduction::Kind::largest, isDeterministic);
  auto largest = static_cast<float>(std::min(kWideCode, INT32_MAX / (kCode * operands.width)));
  Expr top = (*queryTop)({i, h});
  Expr scaled = operands.query(i, h, d) * Halide::select(top > kSmallestTop, largest / top, 0.0f);
  queryCode(d, i, h) = Halide::cast<int16_t>(nearestCode(scaled));
}

Expr CacheAttention::codedScore(Expr block) {
  defineQueryCodes();
  chains = std::gcd(operands.width / 2, kChains);
  Halide::RDom pairs(0, 2, 0, operands.width / 2 / chains);
  sideOfFeatures = pairs.x;
  ofFeatures = pairs.y;
  Expr pair = pairs.y * chains + lane;
  Expr key = operands.keys.inFeaturePair(operands.slotOf(i), operands.group(h), first(b), j, pair, pairs.x);
  products(j, lane, i, h, b) = 0;
  products(j, lane, i, h, b) +=
      Halide::cast<int32_t>(queryCode(2 * pair + pairs.x, i, h)) * Halide::cast<int32_t>(key);
  Expr product = products(j, 0, i, h, block);
  for (int chain = 1; chain < chains; ++chain)
    product += products(j, chain, i, h, block);
  auto largest = static_cast<float>(std::min(kWideCode, INT32_MAX / (kCode * operands.width)));
  return Halide::cast<float>(product) *
         (scaleOf(operands.keyScales, block) * ((*queryTop)({i, h}) * (1 / largest)));
}

void CacheAttention::defineScores() {
  count(i, h) = operands.visibleKeys(i);
  scoreBlocks = visibleBlocks();
  Expr block = scoreBlocks, position = first(block) + j;
  Expr visible = position < count(i, h);
  if (length % keyBlock && !hasBlocks())
    visible = visible && position >= block * keyBlock;
  // A mask and a bias have no more keys than the cache.
  Expr within = length % keyBlock && hasBlocks() ? Halide::min(position, length - 1) : position;
  Expr product = isCoded() ? codedScore(block) : floatScore(block);
  score(j, b, i, h) = Halide::undef<float>();
  score(j, block, i, h) =
      operands.score(product, i, h, within, distance(block), AttentionOperands::limit(visible));
}

/// Where a bias by distance is read. Clamping the first of a vector keeps it dense.
Expr CacheAttention::distance(Expr block) const {
  Expr start = operands.positionOf(i) - first(block) + operands.middle();
  auto distances = operands.distances();
  if (!distances || *distances < keyBlock)
    return operands.clampedDistance(start - j);
  return Halide::clamp(start, keyBlock - 1, static_cast<int>(*distances) - 1) - j;
}

void CacheAttention::defineWeights() {
  constexpr float invisible = AttentionOperands::kInvisible;
  topBlocks = visibleBlocks();
  laneTop(j, i, h) = invisible;
  laneTop(j, i, h) = Halide::max(laneTop(j, i, h), score(j, topBlocks, i, h));
  top = std::make_unique<LaneReduction>(score.name() + "_top", laneTop, std::vector<Var>{i, h}, keyBlock,
                                        LaneReduction::Kind::maximum, isDeterministic);
  weightBlocks = visibleBlocks();
  Expr own = score(j, weightBlocks, i, h);
  weight(j, b, i, h) = Halide::undef<float>();
  Expr exponent = own - (*top)({i, h});
  if (isCoded()) // processors are slow with numbers so small that they lose digits
    exponent = Halide::max(exponent, kSmallestExponent);
  weight(j, weightBlocks, i, h) = Halide::select(own > invisible, negativePowerOfTwo(exponent), 0.0f);
  massBlocks = visibleBlocks();
  laneMass(j, i, h) = 0.0f;
  laneMass(j, i, h) += weight(j, massBlocks, i, h);
  mass = std::make_unique<LaneReduction>(score.name() + "_mass", laneMass, std::vector<Var>{i, h}, keyBlock,
                                         LaneReduction::Kind::sum, isDeterministic);
  Expr total = (*mass)({i, h}), scale = 1.0f;
  if (isCoded()) {
    defineWeightCodes();
    scale = (*codeTop)({i, h}) * (1.0f / kWideCode);
  }
  inverse(i, h) = Halide::select(total > 0.0f, scale / total, 0.0f);
}

/// Weights times the scales of their values. A block's sum fits 32 bits.
void CacheAttention::defineWeightCodes() {
  codeTopBlocks = visibleBlocks();
  auto scaled = [&](Expr block) { return weight(j, block, i, h) * scaleOf(operands.valueScales, block); };
  codeLaneTop(j, i, h) = 0.0f;
  codeLaneTop(j, i, h) = Halide::max(codeLaneTop(j, i, h), scaled(codeTopBlocks));
  codeTop = std::make_unique<LaneReduction>(weightCode.name() + "_top", codeLaneTop, std::vector<Var>{i, h},
                                            keyBlock, LaneReduction::Kind::largest, isDeterministic);
  codeBlocks = visibleBlocks();
  Expr top = (*codeTop)({i, h});
  Expr factor = Halide::select(top > kSmallestTop, static_cast<float>(kWideCode) / top, 0.0f);
  weightCode(j, b, i, h) = Halide::undef<int16_t>();
  weightCode(j, codeBlocks, i, h) = Halide::cast<int16_t>(nearestCode(scaled(codeBlocks) * factor));
}

void CacheAttention::defineSums() {
  const CacheView &values = operands.values;
  Expr slot = operands.slotOf(i), head = operands.group(h);
  if (isCoded()) {
    Halide::RDom pairs(0, 2, 0, keyBlock / 2);
    sideOfKeys = pairs.x;
    ofKeys = pairs.y;
    Expr value = values.inRowPair(slot, head, first(b), pairs.y, pairs.x, d);
    mixed(d, i, h, b) = 0;
    mixed(d, i, h, b) +=
        Halide::cast<int32_t>(weightCode(2 * pairs.y + pairs.x, b, i, h)) * Halide::cast<int32_t>(value);
  } else {
    Halide::RDom keys(0, keyBlock);
    ofKeys = keys.x;
    Expr value = values.at(slot, head, first(b), keys.x, d);
    mixed(d, i, h, b) = 0.0f;
    mixed(d, i, h, b) += weight(keys.x, b, i, h) * Halide::cast<float>(value);
  }
  sumBlocks = visibleBlocks();
  sum(d, i, h) = 0.0f;
  sum(d, i, h) += Halide::cast<float>(mixed(d, i, h, sumBlocks));
}

Stage CacheAttention::build(const std::string &name) {
  Stage stage = operands.stage(name);
  operands.define(
      stage, [&](Expr row, Expr head, Expr feature) { return sum(feature, row, head) * inverse(row, head); });
  stage.keysOfTurn = keyBlock;
  // A copy shares the Funcs.
  auto self = std::make_shared<CacheAttention>(std::move(*this));
  stage.schedule = [self](Stage &stage, const CpuShape &shape) { self->schedule(stage, shape); };
  return stage;
}

/// Constant extents on the stack, said explicitly: of a row, a head and a block at a time, or all blocks.
void CacheAttention::onStack(Func &func) {
  func.store_in(kStackStorage);
  bool holdsScores =
      func.name() == score.name() || func.name() == weight.name() || func.name() == weightCode.name();
  for (const Var &argument : func.args()) {
    if (argument.same_as(i) || argument.same_as(h))
      func.bound_storage(argument, 1);
    else if (argument.same_as(b))
      holdsScores ? func.bound(b, 0, blocks) : func.bound_storage(b, 1);
    else if (argument.same_as(j))
      func.bound(j, 0, keyBlock);
    else if (argument.same_as(lane))
      func.bound(lane, 0, isCoded() && func.name() == products.name() ? chains : features);
  }
}

void CacheAttention::scheduleProducts(const Halide::LoopLevel &row) {
  if (!isCoded()) {
    dot->computeAt(Halide::LoopLevel(score, scoreBlocks));
    dot->func.vectorize(j);
    if (dot->lanes)
      dot->func.update().reorder(*dot->lanes, j).vectorize(j);
    products.compute_at(score, scoreBlocks).vectorize(lane).unroll(j);
    products.update().reorder(lane, j, ofFeatures).vectorize(lane).unroll(j).unroll(ofFeatures);
    onStack(dot->func);
    onStack(products);
    return;
  }
  queryLaneTop.compute_at(row)
      .vectorize(lane)
      .update()
      .reorder(lane, ofSteps)
      .vectorize(lane)
      .unroll(ofSteps);
  queryTop->computeAt(row);
  queryCode.compute_at(row).bound(d, 0, operands.width).vectorize(d, features);
  products.compute_at(score, scoreBlocks).vectorize(j).unroll(lane);
  products.update()
      .reorder(sideOfFeatures, j, lane, ofFeatures)
      .vectorize(j)
      .unroll(lane)
      .unroll(ofFeatures)
      .atomic()
      .vectorize(sideOfFeatures);
  for (Func *func : {&queryLaneTop, &queryTop->func, &queryCode, &products})
    onStack(*func);
}

void CacheAttention::scheduleWeightCodes(const Halide::LoopLevel &row) {
  codeLaneTop.compute_at(row).vectorize(j).update().reorder(j, codeTopBlocks).vectorize(j);
  codeTop->computeAt(row);
  weightCode.compute_at(row);
  weightCode.update().reorder(j, codeBlocks).vectorize(j);
  for (Func *func : {&codeLaneTop, &codeTop->func, &weightCode})
    onStack(*func);
}

void CacheAttention::scheduleScores(const Halide::LoopLevel &row) {
  count.compute_at(row);
  score.compute_at(row);
  score.update().reorder(j, scoreBlocks).vectorize(j).partition(scoreBlocks, Halide::Partition::Never);
  scheduleProducts(row);
  laneTop.compute_at(row).vectorize(j).update().reorder(j, topBlocks).vectorize(j);
  weight.compute_at(row);
  weight.update().reorder(j, weightBlocks).vectorize(j);
  laneMass.compute_at(row).vectorize(j).update().reorder(j, massBlocks).vectorize(j);
  top->computeAt(row);
  mass->computeAt(row);
  inverse.compute_at(row);
  for (Func *func : {&count, &score, &laneTop, &weight, &laneMass, &top->func, &mass->func, &inverse})
    onStack(*func);
  if (isCoded())
    scheduleWeightCodes(row);
}

/// Tiles of features in registers over all keys of a block, and over all blocks.
void CacheAttention::scheduleSums(const Halide::LoopLevel &row, int lanes) {
  const int vector = AttentionOperands::powerOfTwo(operands.valueWidth, lanes);
  int count = std::min(kSumVectors, operands.valueWidth / vector);
  while (operands.valueWidth / vector % count)
    --count;
  const int tile = vector * count;
  Var tiles("tiles"), vectors("vectors");
  auto tiled = [&](Halide::Stage stage, std::vector<Halide::VarOrRVar> outer) {
    stage.split(d, tiles, d, tile).split(d, vectors, d, vector);
    std::vector<Halide::VarOrRVar> order{d, vectors};
    order.insert(order.end(), outer.begin(), outer.end());
    order.push_back(tiles);
    stage.reorder(order).vectorize(d).unroll(vectors);
  };
  sum.compute_at(row).bound(d, 0, operands.valueWidth);
  tiled(sum, {});
  tiled(sum.update(), {sumBlocks});
  mixed.compute_at(sum, sumBlocks).bound_extent(d, tile);
  mixed.vectorize(d, vector).unroll(d);
  Halide::Stage update = mixed.update();
  update.split(d, vectors, d, vector);
  if (isCoded())
    update.reorder(sideOfKeys, d, vectors, ofKeys)
        .vectorize(d)
        .unroll(vectors)
        .atomic()
        .vectorize(sideOfKeys);
  else
    update.reorder(d, vectors, ofKeys).vectorize(d).unroll(vectors);
  update.unroll(ofKeys);
  onStack(sum);
  onStack(mixed);
}

void CacheAttention::schedule(Stage &stage, const CpuShape &shape) {
  Var row = stage.vars[0], feature = stage.vars[1], head("head"), task("task");
  // All heads of a row before the next row: their keys and values lie one after the other.
  Halide::Stage output = stage.func.update();
  output.split(feature, head, feature, operands.valueWidth)
      .reorder(feature, head, row)
      .fuse(head, row, task)
      .vectorize(feature, AttentionOperands::powerOfTwo(operands.valueWidth, shape.lanes));
  auto cache = cast<seq::CacheType>(operands.op.getKey().getType());
  if (cache.getLength() * cache.getFeatures() >= kParallelElements)
    output.parallel(task);
  Halide::LoopLevel level(stage.func, task);
  scheduleScores(level);
  scheduleSums(level, shape.lanes);
}

Stage halyard::kernels::translateCacheAttention(const AttentionOperands &operands, const CpuShape &shape,
                                                const std::string &name) {
  return CacheAttention(operands, shape, name).build(name);
}

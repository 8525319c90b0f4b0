// Attention of rows that each read the keys of a slot of a cache:
//
//   score(j) = score of q . k(j),  top = max of score,  weight(j) = 2^(score(j) - top)
//   result(d) = sum of weight(j) v(j, d) / sum of weight(j)
//
// A row's scores and weights lie on the stack, so that the maximum is known before any exponential is taken.
// Keys are taken in blocks, one vector of scores each, as many as the row sees. Rows of the caches are read
// where they are, in vectors of features: a block's dot products are as many accumulators, which are
// transposed and added up at once. The last block of a full cache is shifted inwards, and keys that the block
// before it had are hidden. Sums over keys go block by block, so that rounding errors grow with the block and
// the number of blocks only.
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
using Halide::RVar;
using Halide::Var;

/// Most features of a register tile of sums, in vectors.
static constexpr int kSumVectors = 8;
/// Elements of a cache from which its heads are worth a thread each.
static constexpr int64_t kParallelElements = 65536;

namespace {
class CacheAttention {
public:
  CacheAttention(const AttentionOperands &operands, int lanes, const std::string &name);

  Stage build(const std::string &name);

private:
  void defineScores();
  void defineWeights();
  void defineSums();
  void schedule(Stage &stage, const CpuShape &shape);
  void scheduleScores(const Halide::LoopLevel &row);
  void scheduleSums(const Halide::LoopLevel &row, int lanes);
  void onStack(Func &func);

  /// The blocks that a row sees.
  RVar visibleBlocks() const {
    Halide::RDom all(0, blocks);
    all.where(all.x * keyBlock < count(i, h));
    return all.x;
  }
  /// Position of a block's first key.
  Expr first(Expr block) const { return Halide::min(block * keyBlock, length - keyBlock); }

  Expr distance(Expr block) const;

  AttentionOperands operands;
  /// Keys of a cache, of a block; blocks; features of a vector.
  int length, keyBlock, blocks, features;

  // Arguments: lane, key in block, feature, row, head, block.
  Var lane{"lane"}, j{"j"}, d{"d"}, i{"i"}, h{"h"}, b{"b"};
  RVar ofFeatures, ofKeys, scoreBlocks, topBlocks, weightBlocks, massBlocks, sumBlocks;
  Func count, products, score, laneTop, weight, laneMass, mixed, sum, inverse;
  std::unique_ptr<LaneReduction> dot, top, mass;
};
} // namespace

CacheAttention::CacheAttention(const AttentionOperands &operands, int lanes, const std::string &name)
    : operands(operands), count(name + "_count"), products(name + "_products"), score(name + "_score"),
      laneTop(name + "_lane_top"), weight(name + "_weight"), laneMass(name + "_lane_mass"),
      mixed(name + "_mixed"), sum(name + "_sum"), inverse(name + "_inverse") {
  seq::AttentionOp op = operands.op;
  length = cast<seq::CacheType>(op.getKey().getType()).getLength();
  keyBlock = std::min<int>(lanes, llvm::bit_floor(unsigned(length)));
  blocks = llvm::divideCeil(length, keyBlock);
  features = AttentionOperands::powerOfTwo(operands.width, lanes);
  defineScores();
  defineWeights();
  defineSums();
}

/// products(lane, j) are sums over every `features`-th feature; across the lanes they make the dot product.
void CacheAttention::defineScores() {
  count(i, h) = operands.visibleKeys(i);
  Halide::RDom steps(0, operands.width / features);
  ofFeatures = steps.x;
  Expr feature = steps.x * features + lane;
  products(lane, j, i, h, b) = 0.0f;
  products(lane, j, i, h, b) += operands.query(i, h, feature) * operands.key(i, h, first(b) + j, feature);
  dot = std::make_unique<LaneReduction>(score.name() + "_dot", products, std::vector<Var>{j, i, h, b},
                                        features, /*isMaximum=*/false);
  scoreBlocks = visibleBlocks();
  Expr block = scoreBlocks, position = first(block) + j;
  Expr visible = position < count(i, h);
  if (length % keyBlock)
    visible = visible && position >= block * keyBlock;
  score(j, b, i, h) = Halide::undef<float>();
  score(j, block, i, h) = operands.score(dot->func(j, i, h, block), i, h, position, distance(block),
                                         AttentionOperands::limit(visible));
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
                                        /*isMaximum=*/true);
  weightBlocks = visibleBlocks();
  Expr own = score(j, weightBlocks, i, h);
  weight(j, b, i, h) = Halide::undef<float>();
  weight(j, weightBlocks, i, h) =
      Halide::select(own > invisible, negativePowerOfTwo(own - top->func(i, h)), 0.0f);
  massBlocks = visibleBlocks();
  laneMass(j, i, h) = 0.0f;
  laneMass(j, i, h) += weight(j, massBlocks, i, h);
  mass = std::make_unique<LaneReduction>(score.name() + "_mass", laneMass, std::vector<Var>{i, h}, keyBlock,
                                         /*isMaximum=*/false);
  Expr total = mass->func(i, h);
  inverse(i, h) = Halide::select(total > 0.0f, 1.0f / total, 0.0f);
}

void CacheAttention::defineSums() {
  Halide::RDom keys(0, keyBlock);
  ofKeys = keys.x;
  mixed(d, i, h, b) = 0.0f;
  mixed(d, i, h, b) += weight(keys.x, b, i, h) * operands.value(i, h, first(b) + keys.x, d);
  sumBlocks = visibleBlocks();
  sum(d, i, h) = 0.0f;
  sum(d, i, h) += mixed(d, i, h, sumBlocks);
}

Stage CacheAttention::build(const std::string &name) {
  Stage stage = operands.stage(name);
  operands.define(
      stage, [&](Expr row, Expr head, Expr feature) { return sum(feature, row, head) * inverse(row, head); });
  // A copy shares the Funcs.
  auto self = std::make_shared<CacheAttention>(std::move(*this));
  stage.schedule = [self](Stage &stage, const CpuShape &shape) { self->schedule(stage, shape); };
  return stage;
}

/// Constant extents on the stack, said explicitly: of a row, a head and a block at a time, or all blocks.
void CacheAttention::onStack(Func &func) {
  func.store_in(kStackStorage);
  bool holdsScores = func.name() == score.name() || func.name() == weight.name();
  for (const Var &argument : func.args()) {
    if (argument.same_as(i) || argument.same_as(h))
      func.bound_storage(argument, 1);
    else if (argument.same_as(b))
      holdsScores ? func.bound(b, 0, blocks) : func.bound_storage(b, 1);
    else if (argument.same_as(j))
      func.bound(j, 0, keyBlock);
    else if (argument.same_as(lane))
      func.bound(lane, 0, features);
  }
}

void CacheAttention::scheduleScores(const Halide::LoopLevel &row) {
  count.compute_at(row);
  score.compute_at(row);
  score.update().reorder(j, scoreBlocks).vectorize(j).partition(scoreBlocks, Halide::Partition::Never);
  dot->computeAt(Halide::LoopLevel(score, scoreBlocks));
  dot->func.vectorize(j).update().reorder(dot->lanes, j).vectorize(j);
  products.compute_at(score, scoreBlocks).vectorize(lane).unroll(j);
  products.update().reorder(lane, j, ofFeatures).vectorize(lane).unroll(j).unroll(ofFeatures);
  laneTop.compute_at(row).vectorize(j).update().reorder(j, topBlocks).vectorize(j);
  weight.compute_at(row);
  weight.update().reorder(j, weightBlocks).vectorize(j);
  laneMass.compute_at(row).vectorize(j).update().reorder(j, massBlocks).vectorize(j);
  top->computeAt(row);
  mass->computeAt(row);
  inverse.compute_at(row);
  for (Func *func : {&count, &score, &dot->func, &products, &laneTop, &weight, &laneMass, &top->func,
                     &mass->func, &inverse})
    onStack(*func);
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
  mixed.update().split(d, vectors, d, vector).reorder(d, vectors, ofKeys).vectorize(d).unroll(vectors);
  mixed.update().unroll(ofKeys);
  onStack(sum);
  onStack(mixed);
}

void CacheAttention::schedule(Stage &stage, const CpuShape &shape) {
  Var row = stage.vars[0], feature = stage.vars[1], head("head"), task("task");
  // All rows of a head before the next: they may be of one slot, and a thread keeps to its heads.
  Halide::Stage output = stage.func.update();
  output.split(feature, head, feature, operands.valueWidth)
      .reorder(feature, row, head)
      .fuse(row, head, task)
      .vectorize(feature, AttentionOperands::powerOfTwo(operands.valueWidth, shape.lanes));
  auto cache = cast<seq::CacheType>(operands.op.getKey().getType());
  if (cache.getLength() * cache.getFeatures() >= kParallelElements)
    output.parallel(task);
  Halide::LoopLevel level(stage.func, task);
  scheduleScores(level);
  scheduleSums(level, shape.lanes);
}

Stage halyard::kernels::translateCacheAttention(const AttentionOperands &operands, int lanes,
                                                const std::string &name) {
  return CacheAttention(operands, lanes, name).build(name);
}

// Attention over whole tensors whose products are multiplied in the processor's matrix tiles, of operands
// rounded to bf16. For a tile of queries, over all blocks of keys twice:
//
//   score(j) = score of q . k(j),  top = max of score
//   weight(j) = 2^(score(j) - top),  sum(d) += sum of weight(j) v(j, d)
//
// The second time all weights are at most 1, and nothing has to be rescaled; a product costs less than that.
// Values have one feature more that is 1 everywhere: its sum is the sum of the weights as they were rounded.
// The lanes of all vectors are queries: maximum and powers need nothing across lanes. A tile holds pairs of
// terms as words, of which the lower half comes first.
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

/// Keys of a block, and terms that fill a tile's row.
static constexpr int kKeyBlock = 128, kTerms = 32;
/// Queries of a part, in two vectors, and parts of a tile.
static constexpr int kLanes = 16, kPartRows = 2 * kLanes, kParts = 12, kTileRows = kParts * kPartRows;
/// Most features of a head: what a thread keeps on its stack.
static constexpr int kMostFeatures = 128;

namespace {
class MatrixAttention {
public:
  MatrixAttention(const AttentionOperands &operands, const std::string &name);

  Stage build();

private:
  /// What is made of a block of keys: once for the maximum, once for the sums.
  struct Scores {
    Func keys, dot;
  };

  Scores defineDots(const std::string &suffix);
  Expr score(const Scores &scores, Expr key, Expr part, Expr block) const;
  void defineTop();
  void defineSums();
  Expr normalised(Expr row, Expr head, Expr feature) const;
  void schedule();
  void scheduleScores(Scores &scores, Func &consumer, const RVar &part, const RVar &block);
  void scheduleSums();
  void onStack(Func &func, bool isOfTile) const;

  /// Keys beyond the end read the last one, which leaves the maximum as it is; their values are zero.
  Expr position(Expr inBlock, Expr block) const {
    return Halide::min(block * kKeyBlock + inBlock, operands.keyExtent - 1);
  }
  /// Row of a part's first query: the last part is shifted inwards.
  Expr base(Expr tile, Expr part) const {
    return Halide::max(Halide::min(tile * kTileRows + part * kPartRows, operands.rows - kPartRows), 0);
  }
  Expr blocks() const { return (operands.keyExtent + (kKeyBlock - 1)) / kKeyBlock; }

  AttentionOperands operands;
  Stage stage;
  std::string name;
  /// Rows of sums: features, the one more, and what fills a tile.
  int sumRows;

  // Arguments: query in part, key in block, feature of a key, pair of terms, feature of sums, part, tile,
  // head, block.
  Var i{"i"}, j{"j"}, f{"f"}, k{"k"}, d{"d"}, p{"p"}, t{"t"}, h{"h"}, b{"b"};
  RVar queryParts, topKeys, topParts, topBlocks, valueRows, sumParts, sumBlocks;
  Scores first, second;
  Func queries, top, weights, pairs, values, mixed, sums, inverse;
};
} // namespace

/// The bits of a float rounded to bf16, in the upper half of a word: the nearest, of two the even one.
static Expr roundedBits(const Expr &value) {
  Expr bits = Halide::reinterpret<uint32_t>(value);
  return bits + (Halide::cast<uint32_t>(0x7fff) + ((bits >> 16) & Halide::cast<uint32_t>(1)));
}

static const Expr upperHalf() { return Halide::Internal::make_const(Halide::UInt(32), 0xffff0000); }

static Expr pairOf(const Expr &lower, const Expr &upper) {
  return (roundedBits(lower) >> 16) | (roundedBits(upper) & upperHalf());
}

/// Half 0 or 1 of a pair.
static Expr halfOf(const Expr &pair, const Expr &half) {
  return Halide::reinterpret<float>(Halide::select(half == 0, pair << 16, pair & upperHalf()));
}

MatrixAttention::MatrixAttention(const AttentionOperands &operands, const std::string &name)
    : operands(operands), stage(operands.stage(name)), name(name),
      sumRows(llvm::alignTo(operands.valueWidth + 1, kLanes)), queries(name + "_queries"), top(name + "_top"),
      weights(name + "_weights"), pairs(name + "_pairs"), values(name + "_values"), mixed(name + "_mixed"),
      sums(name + "_sums"), inverse(name + "_inverse") {
  this->operands.hideExtents(stage);
  RDom parts(0, kParts);
  parts.where(t * kTileRows + parts.x * kPartRows < this->operands.rows);
  queryParts = parts.x;
  queries(i, k, p, t, h) = Halide::undef<uint32_t>();
  Expr row = Halide::min(base(t, queryParts) + i, this->operands.rows - 1);
  queries(i, k, queryParts, t, h) =
      pairOf(this->operands.query(row, h, 2 * k), this->operands.query(row, h, 2 * k + 1));
  first = defineDots("_first");
  second = defineDots("_second");
  defineTop();
  defineSums();
}

//===-- algorithm ----------------------------------------------------------------------------------===//

MatrixAttention::Scores MatrixAttention::defineDots(const std::string &suffix) {
  Scores scores{Func(name + "_keys" + suffix), Func(name + "_dot" + suffix)};
  Expr key = operands.key(h, position(j, b), f);
  scores.keys(f, j, h, b) = Halide::cast<uint16_t>(roundedBits(key) >> 16);
  RDom terms(0, 2, 0, operands.width / 2);
  Expr element =
      Halide::reinterpret<float>(Halide::cast<uint32_t>(scores.keys(2 * terms.y + terms.x, j, h, b)) << 16);
  scores.dot(i, j, p, t, h, b) = 0.0f;
  scores.dot(i, j, p, t, h, b) += element * halfOf(queries(i, terms.y, p, t, h), terms.x);
  stage.products.push_back(
      {scores.dot.name(), scores.keys.name(), queries.name(), kKeyBlock, operands.width});
  return scores;
}

Expr MatrixAttention::score(const Scores &scores, Expr key, Expr part, Expr block) const {
  Expr row = base(t, part) + i, at = position(key, block);
  Expr distance = operands.distance(row, at, kPartRows);
  return operands.score(scores.dot(i, key, part, t, h, block), row, h, at, distance, Expr());
}

void MatrixAttention::defineTop() {
  RDom all(0, kKeyBlock, 0, kParts, 0, blocks());
  all.where(t * kTileRows + all.y * kPartRows < operands.rows);
  topKeys = all.x;
  topParts = all.y;
  topBlocks = all.z;
  top(i, p, t, h) = AttentionOperands::kInvisible;
  top(i, topParts, t, h) = Halide::max(top(i, topParts, t, h), score(first, topKeys, topParts, topBlocks));
}

void MatrixAttention::defineSums() {
  // At least 2^-126 for a key that is hidden, which is nothing beside the 1 of the largest.
  auto weight = [&](Expr key) {
    Expr power = roughNegativePowerOfTwo(score(second, key, p, b) - top(i, p, t, h));
    return Halide::reinterpret<uint32_t>(power) + Halide::cast<uint32_t>(0x8000);
  };
  weights(i, k, p, t, h, b) = (weight(2 * k) >> 16) | (weight(2 * k + 1) & upperHalf());
  auto ofKey = [&](int half, auto value) {
    Expr key = 2 * k + half;
    return Halide::select(b * kKeyBlock + key < operands.keyExtent, value(position(key, b)), 0.0f);
  };
  auto valueOf = [&](Expr at) { return operands.value(h, at, d); };
  auto one = [&](Expr) { return Expr(1.0f); };
  pairs(d, k, h, b) = pairOf(ofKey(0, valueOf), ofKey(1, valueOf));
  values(k, d, h, b) = Halide::select(d == operands.valueWidth, pairOf(ofKey(0, one), ofKey(1, one)),
                                      Halide::cast<uint32_t>(0));
  RDom features(0, operands.valueWidth);
  valueRows = features.x;
  values(k, valueRows, h, b) = pairs(valueRows, k, h, b);
  RDom terms(0, 2, 0, kKeyBlock / 2);
  mixed(i, d, p, t, h, b) = 0.0f;
  mixed(i, d, p, t, h, b) +=
      halfOf(values(terms.y, d, h, b), terms.x) * halfOf(weights(i, terms.y, p, t, h, b), terms.x);
  stage.products.push_back({mixed.name(), values.name(), weights.name(), sumRows, kKeyBlock});

  RDom all(0, kParts, 0, blocks());
  all.where(t * kTileRows + all.x * kPartRows < operands.rows);
  sumParts = all.x;
  sumBlocks = all.y;
  sums(i, d, p, t, h) = 0.0f;
  sums(i, d, sumParts, t, h) += mixed(i, d, sumParts, t, h, sumBlocks);
  Expr total = sums(i, operands.valueWidth, p, t, h);
  inverse(i, p, t, h) = Halide::select(top(i, p, t, h) > AttentionOperands::kInvisible, 1.0f / total, 0.0f);
}

/// Element `feature` of a head's result.
Expr MatrixAttention::normalised(Expr row, Expr head, Expr feature) const {
  Expr tile = row / kTileRows, part = row % kTileRows / kPartRows, inPart = row - base(tile, part);
  return sums(inPart, feature, part, tile, head) * inverse(inPart, part, tile, head);
}

Stage MatrixAttention::build() {
  operands.define(stage, [&](Expr row, Expr head, Expr feature) { return normalised(row, head, feature); });
  stage.extents[0] = Expr(); // open
  // A copy shares the Funcs.
  auto self = std::make_shared<MatrixAttention>(*this);
  Stage built = stage;
  built.schedule = [self](Stage &, const CpuShape &) { self->schedule(); };
  return built;
}

//===-- schedules ----------------------------------------------------------------------------------===//

/// Constant extents on the stack, said explicitly: of a tile, a head and a block at a time, and of all parts
/// or of one.
void MatrixAttention::onStack(Func &func, bool isOfTile) const {
  func.store_in(kStackStorage);
  for (const Var &argument : func.args()) {
    if (argument.same_as(t))
      func.bound_extent(t, 1);
    else if (argument.same_as(h) || argument.same_as(b))
      func.bound_storage(argument, 1);
    else if (argument.same_as(p))
      isOfTile ? func.bound_storage(p, kParts) : func.bound_extent(p, 1);
    else if (argument.same_as(i))
      func.bound(i, 0, kPartRows);
    else if (argument.same_as(j))
      func.bound(j, 0, kKeyBlock);
  }
}

void MatrixAttention::scheduleScores(Scores &scores, Func &consumer, const RVar &part, const RVar &block) {
  scores.keys.compute_at(consumer, block).bound(f, 0, operands.width).vectorize(f, kLanes);
  scores.dot.compute_at(consumer, part);
  onStack(scores.keys, false);
  onStack(scores.dot, false);
}

void MatrixAttention::scheduleSums() {
  Var vectors("vectors");
  weights.compute_at(sums, sumParts).bound(k, 0, kKeyBlock / 2).vectorize(i, kLanes).unroll(i);
  pairs.compute_at(sums, sumBlocks).bound(d, 0, operands.valueWidth).vectorize(d, kLanes);
  values.compute_at(sums, sumBlocks).bound(k, 0, kKeyBlock / 2).bound(d, 0, sumRows).vectorize(k, kLanes);
  values.update().reorder(k, valueRows).vectorize(k, kLanes);
  mixed.compute_at(sums, sumParts).bound(d, 0, sumRows);
  sums.bound(d, 0, sumRows).vectorize(i, kLanes);
  sums.update()
      .split(i, vectors, i, kLanes)
      .reorder(i, vectors, d, sumParts, sumBlocks)
      .vectorize(i)
      .unroll(vectors)
      .partition(sumParts, Halide::Partition::Never)
      .partition(sumBlocks, Halide::Partition::Never);
  for (Func *func : {&weights, &pairs, &values, &mixed})
    onStack(*func, false);
}

void MatrixAttention::schedule() {
  Var row = stage.vars[0], feature = stage.vars[1], head("head"), part("part"), tile("tile"), task("task"),
      vectors("vectors"), vector("vector");
  // All rows of a head before the next, so that its keys and values stay in the cache.
  stage.func.update()
      .split(feature, head, feature, operands.valueWidth)
      .split(feature, vector, feature, kLanes)
      .split(row, tile, row, kTileRows, TailStrategy::GuardWithIf)
      .split(row, part, row, kPartRows, TailStrategy::GuardWithIf)
      .reorder(feature, vector, row, part, tile, head)
      .fuse(tile, head, task)
      .parallel(task)
      .vectorize(feature);
  Halide::LoopLevel level(stage.func, task);
  for (Func *func : {&queries, &top, &sums, &inverse}) {
    func->compute_at(level);
    onStack(*func, true);
  }
  queries.bound(k, 0, operands.width / 2);
  queries.update()
      .reorder(i, k, queryParts)
      .vectorize(i, kLanes)
      .partition(queryParts, Halide::Partition::Never);
  top.vectorize(i, kLanes);
  top.update()
      .split(i, vectors, i, kLanes)
      .reorder(i, vectors, topKeys, topParts, topBlocks)
      .vectorize(i)
      .unroll(vectors)
      .partition(topParts, Halide::Partition::Never)
      .partition(topBlocks, Halide::Partition::Never);
  inverse.vectorize(i, kLanes);
  scheduleScores(first, top, topParts, topBlocks);
  scheduleScores(second, sums, sumParts, sumBlocks);
  scheduleSums();
}

bool halyard::kernels::fitsMatrixTiles(const AttentionOperands &operands) {
  return !operands.isRagged && !operands.op.getCausal() && operands.width % kTerms == 0 &&
         operands.valueWidth % kLanes == 0 && operands.width <= kMostFeatures &&
         operands.valueWidth <= kMostFeatures;
}

Stage halyard::kernels::translateMatrixAttention(const AttentionOperands &operands, const std::string &name) {
  return MatrixAttention(operands, name).build();
}

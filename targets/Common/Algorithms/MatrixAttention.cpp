// Attention over whole tensors whose products are multiplied in the processor's matrix tiles, of operands
// rounded to bf16. For a tile of queries, block by block of keys:
//
//   score(j) = score of q . k(j),  top = max of score
//   weight(j) = 2^(score(j) - top),  mass = sum of weight,  mixed(d) = sum of weight(j) v(j, d)
//
// and over the blocks a running maximum m, with sums that are rescaled when it rises:
//
//   m' = max(m, top),  sum(d)' = sum(d) 2^(m - m') + mixed(d) 2^(top - m'),  total' likewise with mass.
//
// Features are filled up with zeros to whole tiles. The mass is that of the weights as they were rounded. The
// lanes of all vectors are queries: maximum, powers and mass need nothing across lanes. A tile holds pairs of
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
static constexpr int kKeyBlock = 64, kTerms = 32;
/// Queries of a part, a vector: what is made of them and a block of keys stays in the first-level cache with
/// the block. Parts of a tile.
static constexpr int kLanes = 16, kPartRows = kLanes, kParts = 32, kTileRows = kParts * kPartRows;
/// Maxima and sums over the keys of a block that do not wait for each other.
static constexpr int kShares = 4;
/// Most features of a head: what a thread keeps on its stack.
static constexpr int kMostFeatures = 128;
/// What is smaller than two to the power of it beside the largest is raised to it: processors are slow with
/// numbers so small that they lose digits.
static constexpr float kSmallestExponent = -64;

namespace {
class MatrixAttention {
public:
  MatrixAttention(const AttentionOperands &operands, const std::string &name);

  Stage build();

private:
  void defineQueries();
  void defineDots();
  Expr score(Expr key) const;
  void defineWeights();
  void defineMixed();
  void defineRunning();
  void schedule();
  void scheduleScores();
  void scheduleSums();
  void onStack(Func &func, bool isOfTile) const;

  /// Keys beyond the end read the last one, which leaves the maximum as it is; their values are zero.
  Expr position(Expr inBlock) const { return Halide::min(b * kKeyBlock + inBlock, operands.keyExtent - 1); }
  /// The parts of a tile that have rows.
  RVar existingParts() const {
    RDom all(0, kParts);
    all.where(t * kTileRows + all.x * kPartRows < operands.rows);
    return all.x;
  }
  /// Row of a part's first query: the last part is shifted inwards.
  Expr base(Expr tile, Expr part) const {
    return Halide::max(Halide::min(tile * kTileRows + part * kPartRows, operands.rows - kPartRows), 0);
  }

  /// Lanes in which elements of an operand are read.
  static int lanesOf(int features) { return AttentionOperands::powerOfTwo(features, kLanes); }
  /// What a Func of whole tiles holds where no operand is copied to.
  template <typename T> static Expr filling(int features, int ofTiles) {
    return features == ofTiles ? Halide::undef<T>() : Halide::cast<T>(0);
  }

  AttentionOperands operands;
  Stage stage;
  /// Features of queries and keys, and of values, in whole tiles.
  int terms, columns;

  // Arguments: query in part, key in block, feature of a key, pair of terms, feature of sums, part, tile,
  // head, block.
  Var i{"i"}, j{"j"}, f{"f"}, k{"k"}, d{"d"}, p{"p"}, t{"t"}, h{"h"}, b{"b"};
  /// Share of a block's keys.
  Var s{"s"};
  RVar queryPairs, queryParts, keyFeatures, topKeys, massPairs, valueFeatures, firstParts, rowsOfState, parts,
      blocks;
  Func queryRows, queries, keys, dot, shareTop, top, weights, shareMass, mass, pairs, values, mixed, running,
      inverse;
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
    : operands(operands), stage(operands.stage(name)), terms(llvm::alignTo(operands.width, kTerms)),
      columns(llvm::alignTo(operands.valueWidth, kLanes)), queryRows(name + "_query_rows"),
      queries(name + "_queries"), keys(name + "_keys"), dot(name + "_dot"), shareTop(name + "_share_top"),
      top(name + "_top"), weights(name + "_weights"), shareMass(name + "_share_mass"), mass(name + "_mass"),
      pairs(name + "_pairs"), values(name + "_values"), mixed(name + "_mixed"), running(name + "_running"),
      inverse(name + "_inverse") {
  this->operands.hideExtents(stage);
  defineQueries();
  defineDots();
  defineWeights();
  defineMixed();
  defineRunning();
}

//===-- algorithm ----------------------------------------------------------------------------------===//

void MatrixAttention::defineQueries() {
  queryParts = existingParts();
  Expr row = Halide::min(base(t, p) + i, operands.rows - 1);
  queryPairs = RDom(0, operands.width / 2).x;
  queryRows(k, i, p, t, h) = filling<uint32_t>(operands.width, terms);
  queryRows(queryPairs, i, p, t, h) =
      pairOf(operands.query(row, h, 2 * queryPairs), operands.query(row, h, 2 * queryPairs + 1));
  queries(i, k, p, t, h) = Halide::undef<uint32_t>();
  queries(i, k, queryParts, t, h) = queryRows(k, i, queryParts, t, h);
}

void MatrixAttention::defineDots() {
  keyFeatures = RDom(0, operands.width).x;
  Expr key = operands.key(h, position(j), keyFeatures);
  keys(f, j, h, b) = filling<uint16_t>(operands.width, terms);
  keys(keyFeatures, j, h, b) = Halide::cast<uint16_t>(roundedBits(key) >> 16);
  RDom all(0, 2, 0, terms / 2);
  Expr element = Halide::reinterpret<float>(Halide::cast<uint32_t>(keys(2 * all.y + all.x, j, h, b)) << 16);
  dot(i, j, p, t, h, b) = 0.0f;
  dot(i, j, p, t, h, b) += element * halfOf(queries(i, all.y, p, t, h), all.x);
  stage.products.push_back({dot.name(), keys.name(), queries.name(), kKeyBlock, terms});
}

Expr MatrixAttention::score(Expr key) const {
  Expr row = base(t, p) + i, at = position(key);
  Expr distance = operands.distance(row, at, kPartRows);
  Expr limit;
  if (operands.op.getCausal())
    limit = AttentionOperands::limit(at < operands.visibleKeys(row));
  return operands.score(dot(i, key, p, t, h, b), row, h, at, distance, limit);
}

void MatrixAttention::defineWeights() {
  topKeys = RDom(0, kKeyBlock / kShares).x;
  shareTop(i, s, p, t, h, b) = AttentionOperands::kInvisible;
  shareTop(i, s, p, t, h, b) = Halide::max(shareTop(i, s, p, t, h, b), score(topKeys * kShares + s));
  Expr largest = shareTop(i, 0, p, t, h, b);
  for (int share = 1; share < kShares; ++share)
    largest = Halide::max(largest, shareTop(i, share, p, t, h, b));
  top(i, p, t, h, b) = largest;
  auto weight = [&](Expr key) {
    return Halide::reinterpret<uint32_t>(bfloatNegativePowerOfTwo(score(key) - top(i, p, t, h, b)));
  };
  weights(i, k, p, t, h, b) = (weight(2 * k) >> 16) | (weight(2 * k + 1) & upperHalf());

  RDom ofBlock(0, kKeyBlock / 2 / kShares);
  massPairs = ofBlock.x;
  ofBlock.where(b * kKeyBlock + massPairs * (2 * kShares) < operands.keyExtent);
  Expr pair = massPairs * kShares + s, word = weights(i, pair, p, t, h, b);
  auto bitsOf = [&](int half) {
    Expr isKey = b * kKeyBlock + 2 * pair + half < operands.keyExtent;
    return Halide::select(isKey, Halide::Internal::make_const(Halide::UInt(32), 0xffff0000),
                          Halide::cast<uint32_t>(0));
  };
  shareMass(i, s, p, t, h, b) = 0.0f;
  shareMass(i, s, p, t, h, b) +=
      Halide::reinterpret<float>((word << 16) & bitsOf(0)) + Halide::reinterpret<float>(word & bitsOf(1));
  Expr total = shareMass(i, 0, p, t, h, b);
  for (int share = 1; share < kShares; ++share)
    total += shareMass(i, share, p, t, h, b);
  mass(i, p, t, h, b) = total;
}

void MatrixAttention::defineMixed() {
  auto value = [&](Expr key) {
    return Halide::select(b * kKeyBlock + key < operands.keyExtent, operands.value(h, position(key), d),
                          0.0f);
  };
  pairs(d, k, h, b) = pairOf(value(2 * k), value(2 * k + 1));
  valueFeatures = RDom(0, operands.valueWidth).x;
  values(k, d, h, b) = filling<uint32_t>(operands.valueWidth, columns);
  values(k, valueFeatures, h, b) = pairs(valueFeatures, k, h, b);
  RDom all(0, 2, 0, kKeyBlock / 2);
  mixed(i, d, p, t, h, b) = 0.0f;
  mixed(i, d, p, t, h, b) +=
      halfOf(values(all.y, d, h, b), all.x) * halfOf(weights(i, all.y, p, t, h, b), all.x);
  stage.products.push_back({mixed.name(), values.name(), weights.name(), columns, kKeyBlock});
}

/// The state of a query: its sums, the total and the maximum, as rows of one Func, because a loop over blocks
/// has to carry all of them. The maximum is the last, so that the others meet the old one.
void MatrixAttention::defineRunning() {
  const int total = operands.valueWidth, maximum = total + 1;
  firstParts = existingParts();
  running(i, d, p, t, h) = Halide::undef<float>();
  running(i, d, firstParts, t, h) = Halide::select(d == maximum, AttentionOperands::kInvisible, 0.0f);

  RDom all(0, maximum + 1, 0, kParts, 0, (operands.keyExtent + (kKeyBlock - 1)) / kKeyBlock);
  all.where(t * kTileRows + all.y * kPartRows < operands.rows);
  if (operands.op.getCausal())
    all.where(all.z * kKeyBlock < base(t, all.y) + kPartRows);
  rowsOfState = all.x;
  parts = all.y;
  blocks = all.z;
  Expr old = running(i, rowsOfState, parts, t, h), oldTop = running(i, maximum, parts, t, h);
  Expr blockTop = top(i, parts, t, h, blocks);
  Expr ofBlock = Halide::select(rowsOfState == total, mass(i, parts, t, h, blocks),
                                mixed(i, Halide::min(rowsOfState, total - 1), parts, t, h, blocks));
  // Of the two factors one is 1, unless the block is hidden.
  auto factor = [](Expr exponent) {
    return roughNegativePowerOfTwo(Halide::clamp(exponent, kSmallestExponent, 0.0f));
  };
  Expr keep = factor(oldTop - blockTop);
  Expr add = Halide::select(blockTop > AttentionOperands::kInvisible, factor(blockTop - oldTop), 0.0f);
  running(i, rowsOfState, parts, t, h) =
      Halide::select(rowsOfState == maximum, Halide::max(old, blockTop), old * keep + ofBlock * add);

  inverse(i, p, t, h) = Halide::select(running(i, maximum, p, t, h) > AttentionOperands::kInvisible,
                                       1.0f / running(i, total, p, t, h), 0.0f);
}

Stage MatrixAttention::build() {
  operands.define(stage, [&](Expr row, Expr head, Expr feature) {
    Expr tile = row / kTileRows, part = row % kTileRows / kPartRows, inPart = row - base(tile, part);
    return running(inPart, feature, part, tile, head) * inverse(inPart, part, tile, head);
  });
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

void MatrixAttention::scheduleScores() {
  const int features = lanesOf(operands.width);
  keys.compute_at(running, blocks).bound(f, 0, terms).vectorize(f, kLanes);
  keys.update().reorder(keyFeatures, j).vectorize(keyFeatures, features).unroll(keyFeatures);
  dot.compute_at(running, parts);
  for (auto [func, reduction] : {std::pair(&shareTop, topKeys), std::pair(&shareMass, massPairs)}) {
    func->compute_at(running, parts).bound(s, 0, kShares).vectorize(i).unroll(s);
    func->update()
        .reorder(i, s, reduction)
        .vectorize(i)
        .unroll(s)
        .partition(reduction, Halide::Partition::Never);
  }
  top.compute_at(running, parts).vectorize(i);
  mass.compute_at(running, parts).vectorize(i);
  weights.compute_at(running, parts).bound(k, 0, kKeyBlock / 2).vectorize(i).unroll(k, kShares);
}

/// Blocks of keys, then the parts of the tile, which share them.
void MatrixAttention::scheduleSums() {
  pairs.compute_at(running, blocks)
      .bound(d, 0, operands.valueWidth)
      .vectorize(d, lanesOf(operands.valueWidth))
      .unroll(d);
  values.compute_at(running, blocks).bound(k, 0, kKeyBlock / 2).bound(d, 0, columns).vectorize(k, kLanes);
  values.update().reorder(k, valueFeatures).vectorize(k, kLanes);
  mixed.compute_at(running, parts).bound(d, 0, columns);
  running.bound(d, 0, operands.valueWidth + 2);
  running.update(0).reorder(i, d, firstParts).vectorize(i).partition(firstParts, Halide::Partition::Never);
  running.update(1)
      .reorder(i, rowsOfState, parts, blocks)
      .vectorize(i)
      .unroll(rowsOfState)
      .partition(parts, Halide::Partition::Never)
      .partition(blocks, Halide::Partition::Never);
  inverse.vectorize(i);
}

void MatrixAttention::schedule() {
  Var row = stage.vars[0], feature = stage.vars[1], head("head"), part("part"), tile("tile"), task("task"),
      vector("vector");
  // All rows of a head before the next, so that its keys and values stay in the cache.
  stage.func.update()
      .split(feature, head, feature, operands.valueWidth)
      .split(feature, vector, feature, lanesOf(operands.valueWidth))
      .split(row, tile, row, kTileRows, TailStrategy::GuardWithIf)
      .split(row, part, row, kPartRows, TailStrategy::GuardWithIf)
      .reorder(feature, vector, row, part, tile, head)
      .fuse(tile, head, task)
      .parallel(task)
      .vectorize(feature);
  Halide::LoopLevel level(stage.func, task);
  for (Func *func : {&queries, &running, &inverse}) {
    func->compute_at(level);
    onStack(*func, true);
  }
  queries.bound(k, 0, terms / 2);
  queries.update()
      .reorder(i, k, queryParts)
      .vectorize(i, kLanes)
      .partition(queryParts, Halide::Partition::Never);
  queryRows.compute_at(queries, queryParts).bound(k, 0, terms / 2).vectorize(k, kLanes);
  queryRows.update().reorder(queryPairs, i).vectorize(queryPairs, lanesOf(operands.width / 2));
  scheduleScores();
  scheduleSums();
  for (Func *func :
       {&queryRows, &keys, &dot, &shareTop, &top, &weights, &shareMass, &mass, &pairs, &values, &mixed})
    onStack(*func, false);
}

bool halyard::kernels::fitsMatrixTiles(const AttentionOperands &operands) {
  return !operands.isRagged && operands.width % 2 == 0 && operands.width <= kMostFeatures &&
         operands.valueWidth <= kMostFeatures;
}

Stage halyard::kernels::translateMatrixAttention(const AttentionOperands &operands, const std::string &name) {
  return MatrixAttention(operands, name).build();
}

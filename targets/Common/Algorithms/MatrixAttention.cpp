// Attention over whole tensors whose products are multiplied in the processor's matrix tiles, of operands
// rounded to bf16, or of the three parts that f32 is the sum of (seq.split). For a tile of queries, block by
// block of keys:
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
// terms as words, of which the lower half comes first; all pairs of a part come before those of the next.
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

/// Keys of a block, of bf16 and of parts, and terms that fill a tile's row.
static constexpr int kKeysOfBfloats = 64, kKeysOfParts = 32, kTerms = 32;
/// Queries from which parts pay.
static constexpr int kFewestQueriesOfParts = 256;
/// Queries of a strip, a vector: what is made of them and a block of keys stays in the first-level cache with
/// the block. Most strips of a tile, and bytes of their queries and state, which a thread keeps on its stack.
static constexpr int kLanes = 16, kStripRows = kLanes, kMostStrips = 32, kMostTileBytes = 400 * 1024;
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
  MatrixAttention(const AttentionOperands &operands, bool isRounded, const std::string &name);

  Stage build();

private:
  void defineQueries();
  void defineDots();
  Expr score(Expr key) const;
  void defineTops();
  void defineWeights();
  void defineMass();
  void defineMixed();
  void defineRunning();
  void schedule();
  void scheduleScores();
  void scheduleSums();
  void onStack(Func &func, bool isOfTile) const;

  /// Keys beyond the end read the last one, which leaves the maximum as it is; their values are zero.
  Expr position(Expr inBlock) const { return Halide::min(b * keyBlock + inBlock, operands.keyExtent - 1); }
  Expr isKey(Expr inBlock) const { return b * keyBlock + inBlock < operands.keyExtent; }
  Expr digits(const Expr &value, const Expr &part) const;
  Expr pairOf(const Expr &lower, const Expr &upper, const Expr &part) const;
  /// The strips of a tile that have rows.
  RVar existingStrips() const {
    RDom all(0, tileStrips);
    all.where(t * tileRows() + all.x * kStripRows < operands.rows);
    return all.x;
  }
  /// Row of a strip's first query: the last strip is shifted inwards.
  Expr base(Expr tile, Expr strip) const {
    return Halide::max(Halide::min(tile * tileRows() + strip * kStripRows, operands.rows - kStripRows), 0);
  }

  int tileRows() const { return tileStrips * kStripRows; }
  /// Lanes in which elements of an operand are read.
  static int lanesOf(int features) { return AttentionOperands::powerOfTwo(features, kLanes); }
  /// What a Func of whole tiles holds where no operand is copied to.
  template <typename T> static Expr filling(int features, int ofTiles) {
    return features == ofTiles ? Halide::undef<T>() : Halide::cast<T>(0);
  }

  AttentionOperands operands;
  Stage stage;
  /// Parts of a number, keys of a block, strips of a tile.
  int parts, keyBlock, tileStrips;
  /// Features of queries and keys, and of values, in whole tiles.
  int terms, columns;

  // Arguments: query in strip, key in block, feature of a key, pair of terms, feature of sums, strip, tile,
  // head, block.
  Var i{"i"}, j{"j"}, f{"f"}, k{"k"}, d{"d"}, p{"p"}, t{"t"}, h{"h"}, b{"b"};
  /// Share of a block's keys.
  Var s{"s"};
  RVar queryPairs, existing, keyFeatures, topKeys, massPairs, valueFeatures, firstStrips, rowsOfState, strips,
      blocks;
  Func queryRows, queries, keys, dot, shareTop, top, weights, words, shareMass, mass, pairs, values, mixed,
      running, inverse;
};
} // namespace

/// The bits of a float rounded to bf16, in the upper half of a word: the nearest, of two the even one.
static Expr roundedBits(const Expr &value) {
  Expr bits = Halide::reinterpret<uint32_t>(value);
  return bits + (Halide::cast<uint32_t>(0x7fff) + ((bits >> 16) & Halide::cast<uint32_t>(1)));
}

static const Expr upperHalf() { return Halide::Internal::make_const(Halide::UInt(32), 0xffff0000); }

/// Half 0 or 1 of a pair.
static Expr halfOf(const Expr &pair, const Expr &half) {
  return Halide::reinterpret<float>(Halide::select(half == 0, pair << 16, pair & upperHalf()));
}

MatrixAttention::MatrixAttention(const AttentionOperands &operands, bool isRounded, const std::string &name)
    : operands(operands), stage(operands.stage(name)), parts(isRounded ? 1 : seq::SplitOp::kParts),
      keyBlock(isRounded ? kKeysOfBfloats : kKeysOfParts), tileStrips(kMostStrips),
      terms(llvm::alignTo(operands.width, kTerms)), columns(llvm::alignTo(operands.valueWidth, kLanes)),
      queryRows(name + "_query_rows"), queries(name + "_queries"), keys(name + "_keys"), dot(name + "_dot"),
      shareTop(name + "_share_top"), top(name + "_top"), weights(name + "_weights"), words(name + "_words"),
      shareMass(name + "_share_mass"), mass(name + "_mass"), pairs(name + "_pairs"), values(name + "_values"),
      mixed(name + "_mixed"), running(name + "_running"), inverse(name + "_inverse") {
  const int stripBytes = kStripRows * (parts * terms * 2 + (operands.valueWidth + 2) * 4);
  while (tileStrips * stripBytes > kMostTileBytes)
    tileStrips /= 2;
  this->operands.hideExtents(stage);
  defineQueries();
  defineDots();
  defineTops();
  defineWeights();
  defineMass();
  defineMixed();
  defineRunning();
}

//===-- algorithm ----------------------------------------------------------------------------------===//

/// The digits of a part, in the upper half of a word.
Expr MatrixAttention::digits(const Expr &value, const Expr &part) const {
  if (parts == 1)
    return roundedBits(value);
  Expr rest = withoutBfloat(value);
  return Halide::reinterpret<uint32_t>(
      Halide::select(part == 0, value, part == 1, rest, withoutBfloat(rest)));
}

Expr MatrixAttention::pairOf(const Expr &lower, const Expr &upper, const Expr &part) const {
  return (digits(lower, part) >> 16) | (digits(upper, part) & upperHalf());
}

void MatrixAttention::defineQueries() {
  const int pairsOfPart = terms / 2;
  existing = existingStrips();
  Expr row = Halide::min(base(t, p) + i, operands.rows - 1);
  queryPairs = RDom(0, operands.width / 2).x;
  Expr lower = operands.query(row, h, 2 * queryPairs), upper = operands.query(row, h, 2 * queryPairs + 1);
  queryRows(k, i, p, t, h) = filling<uint32_t>(operands.width, terms);
  for (int part = 0; part < parts; ++part)
    queryRows(part * pairsOfPart + queryPairs, i, p, t, h) = pairOf(lower, upper, part);
  queries(i, k, p, t, h) = Halide::undef<uint32_t>();
  queries(i, k, existing, t, h) = queryRows(k, i, existing, t, h);
}

/// A product of first parts stands for that of all: where they begin, the runtime finds the others.
void MatrixAttention::defineDots() {
  keyFeatures = RDom(0, operands.width).x;
  Expr key = operands.key(h, position(j), keyFeatures);
  keys(f, j, h, b) = filling<uint16_t>(operands.width, terms);
  for (int part = 0; part < parts; ++part)
    keys(part * terms + keyFeatures, j, h, b) = Halide::cast<uint16_t>(digits(key, part) >> 16);
  RDom all(0, 2, 0, terms / 2);
  Expr element = Halide::reinterpret<float>(Halide::cast<uint32_t>(keys(2 * all.y + all.x, j, h, b)) << 16);
  dot(i, j, p, t, h, b) = 0.0f;
  dot(i, j, p, t, h, b) += element * halfOf(queries(i, all.y, p, t, h), all.x);
  stage.products.push_back({dot.name(), keys.name(), queries.name(), keyBlock, terms, parts});
}

Expr MatrixAttention::score(Expr key) const {
  Expr row = base(t, p) + i, at = position(key);
  Expr distance = operands.distance(row, at, kStripRows);
  Expr limit;
  if (operands.op.getCausal())
    limit = AttentionOperands::limit(at < operands.visibleKeys(row));
  return operands.score(dot(i, key, p, t, h, b), row, h, at, distance, limit);
}

void MatrixAttention::defineTops() {
  topKeys = RDom(0, keyBlock / kShares).x;
  shareTop(i, s, p, t, h, b) = AttentionOperands::kInvisible;
  shareTop(i, s, p, t, h, b) = Halide::max(shareTop(i, s, p, t, h, b), score(topKeys * kShares + s));
  Expr largest = shareTop(i, 0, p, t, h, b);
  for (int share = 1; share < kShares; ++share)
    largest = Halide::max(largest, shareTop(i, share, p, t, h, b));
  top(i, p, t, h, b) = largest;
}

/// Weights of f32 are computed once for all of their parts; those of bf16 are words at once.
void MatrixAttention::defineWeights() {
  Expr own = score(j), exponent = own - top(i, p, t, h, b);
  const bool hidesKeys = operands.op.getCausal() || operands.op.getBias() || operands.op.getMask();
  Expr exact = negativePowerOfTwo(Halide::max(exponent, kSmallestExponent));
  if (hidesKeys)
    exact = Halide::select(own > AttentionOperands::kInvisible, exact, 0.0f);
  weights(i, j, p, t, h, b) = parts == 1 ? bfloatNegativePowerOfTwo(exponent) : exact;
  const int pairsOfPart = keyBlock / 2;
  Expr pair = parts == 1 ? Expr(k) : k % pairsOfPart;
  Expr lower = weights(i, 2 * pair, p, t, h, b), upper = weights(i, 2 * pair + 1, p, t, h, b);
  if (parts == 1) // cut off, as they were made for
    words(i, k, p, t, h, b) =
        (Halide::reinterpret<uint32_t>(lower) >> 16) | (Halide::reinterpret<uint32_t>(upper) & upperHalf());
  else
    words(i, k, p, t, h, b) = pairOf(lower, upper, k / pairsOfPart);
}

/// Of weights as they are multiplied.
void MatrixAttention::defineMass() {
  RDom ofBlock(0, keyBlock / 2 / kShares);
  massPairs = ofBlock.x;
  ofBlock.where(b * keyBlock + massPairs * (2 * kShares) < operands.keyExtent);
  Expr pair = massPairs * kShares + s, word = words(i, pair, p, t, h, b);
  auto weight = [&](int half) -> Expr {
    Expr key = 2 * pair + half;
    if (parts > 1)
      return Halide::select(isKey(key), weights(i, key, p, t, h, b), 0.0f);
    Expr mask = Halide::select(isKey(key), upperHalf(), Halide::cast<uint32_t>(0));
    return Halide::reinterpret<float>((half == 0 ? word << 16 : word) & mask);
  };
  shareMass(i, s, p, t, h, b) = 0.0f;
  shareMass(i, s, p, t, h, b) += weight(0) + weight(1);
  Expr total = shareMass(i, 0, p, t, h, b);
  for (int share = 1; share < kShares; ++share)
    total += shareMass(i, share, p, t, h, b);
  mass(i, p, t, h, b) = total;
}

void MatrixAttention::defineMixed() {
  const int pairsOfPart = keyBlock / 2;
  auto value = [&](Expr key) {
    return Halide::select(isKey(key), operands.value(h, position(key), d), 0.0f);
  };
  Expr pair = parts == 1 ? Expr(k) : k % pairsOfPart;
  pairs(d, k, h, b) = pairOf(value(2 * pair), value(2 * pair + 1), k / pairsOfPart);
  valueFeatures = RDom(0, operands.valueWidth).x;
  values(k, d, h, b) = filling<uint32_t>(operands.valueWidth, columns);
  values(k, valueFeatures, h, b) = pairs(valueFeatures, k, h, b);
  RDom all(0, 2, 0, pairsOfPart);
  mixed(i, d, p, t, h, b) = 0.0f;
  mixed(i, d, p, t, h, b) +=
      halfOf(values(all.y, d, h, b), all.x) * halfOf(words(i, all.y, p, t, h, b), all.x);
  stage.products.push_back({mixed.name(), values.name(), words.name(), columns, keyBlock, parts});
}

/// The state of a query: its sums, the total and the maximum, as rows of one Func, because a loop over blocks
/// has to carry all of them. The maximum is the last, so that the others meet the old one.
void MatrixAttention::defineRunning() {
  const int total = operands.valueWidth, maximum = total + 1;
  firstStrips = existingStrips();
  running(i, d, p, t, h) = Halide::undef<float>();
  running(i, d, firstStrips, t, h) = Halide::select(d == maximum, AttentionOperands::kInvisible, 0.0f);

  RDom all(0, maximum + 1, 0, tileStrips, 0, (operands.keyExtent + (keyBlock - 1)) / keyBlock);
  all.where(t * tileRows() + all.y * kStripRows < operands.rows);
  if (operands.op.getCausal())
    all.where(all.z * keyBlock < base(t, all.y) + kStripRows);
  rowsOfState = all.x;
  strips = all.y;
  blocks = all.z;
  Expr old = running(i, rowsOfState, strips, t, h), oldTop = running(i, maximum, strips, t, h);
  Expr blockTop = top(i, strips, t, h, blocks);
  Expr ofBlock = Halide::select(rowsOfState == total, mass(i, strips, t, h, blocks),
                                mixed(i, Halide::min(rowsOfState, total - 1), strips, t, h, blocks));
  // Of the two factors one is 1, unless the block is hidden.
  auto factor = [&](Expr exponent) {
    Expr limited = Halide::clamp(exponent, kSmallestExponent, 0.0f);
    return parts == 1 ? roughNegativePowerOfTwo(limited) : negativePowerOfTwo(limited);
  };
  Expr keep = factor(oldTop - blockTop);
  Expr add = Halide::select(blockTop > AttentionOperands::kInvisible, factor(blockTop - oldTop), 0.0f);
  running(i, rowsOfState, strips, t, h) =
      Halide::select(rowsOfState == maximum, Halide::max(old, blockTop), old * keep + ofBlock * add);

  inverse(i, p, t, h) = Halide::select(running(i, maximum, p, t, h) > AttentionOperands::kInvisible,
                                       1.0f / running(i, total, p, t, h), 0.0f);
}

Stage MatrixAttention::build() {
  operands.define(stage, [&](Expr row, Expr head, Expr feature) {
    Expr tile = row / tileRows(), strip = row % tileRows() / kStripRows, inStrip = row - base(tile, strip);
    return running(inStrip, feature, strip, tile, head) * inverse(inStrip, strip, tile, head);
  });
  stage.extents[0] = Expr(); // open
  // A copy shares the Funcs.
  auto self = std::make_shared<MatrixAttention>(*this);
  Stage built = stage;
  built.schedule = [self](Stage &, const CpuShape &) { self->schedule(); };
  return built;
}

//===-- schedules ----------------------------------------------------------------------------------===//

/// Constant extents on the stack, said explicitly: of a tile, a head and a block at a time, and of all strips
/// or of one.
void MatrixAttention::onStack(Func &func, bool isOfTile) const {
  func.store_in(kStackStorage);
  for (const Var &argument : func.args()) {
    if (argument.same_as(t))
      func.bound_extent(t, 1);
    else if (argument.same_as(h) || argument.same_as(b))
      func.bound_storage(argument, 1);
    else if (argument.same_as(p))
      isOfTile ? func.bound_storage(p, tileStrips) : func.bound_extent(p, 1);
    else if (argument.same_as(i))
      func.bound(i, 0, kStripRows);
    else if (argument.same_as(j))
      func.bound(j, 0, keyBlock);
  }
}

void MatrixAttention::scheduleScores() {
  const int features = lanesOf(operands.width);
  keys.compute_at(running, blocks).bound(f, 0, parts * terms).vectorize(f, kLanes);
  for (int part = 0; part < parts; ++part)
    keys.update(part).reorder(keyFeatures, j).vectorize(keyFeatures, features).unroll(keyFeatures);
  dot.compute_at(running, strips);
  for (auto [func, reduction] : {std::pair(&shareTop, topKeys), std::pair(&shareMass, massPairs)}) {
    func->compute_at(running, strips).bound(s, 0, kShares).vectorize(i).unroll(s);
    func->update()
        .reorder(i, s, reduction)
        .vectorize(i)
        .unroll(s)
        .partition(reduction, Halide::Partition::Never);
  }
  top.compute_at(running, strips).vectorize(i);
  mass.compute_at(running, strips).vectorize(i);
  words.compute_at(running, strips).bound(k, 0, parts * keyBlock / 2).vectorize(i);
  if (parts == 1) {
    words.unroll(k, kShares);
    return;
  }
  Var part("part");
  weights.compute_at(running, strips).vectorize(i).unroll(j, kShares);
  words.split(k, part, k, keyBlock / 2).reorder(i, part, k).unroll(part);
}

/// Blocks of keys, then the strips of the tile, which share them.
void MatrixAttention::scheduleSums() {
  pairs.compute_at(running, blocks)
      .bound(d, 0, operands.valueWidth)
      .bound(k, 0, parts * keyBlock / 2)
      .vectorize(d, lanesOf(operands.valueWidth))
      .unroll(d);
  if (parts > 1) {
    Var part("part");
    pairs.split(k, part, k, keyBlock / 2).unroll(part);
  }
  values.compute_at(running, blocks)
      .bound(k, 0, parts * keyBlock / 2)
      .bound(d, 0, columns)
      .vectorize(k, kLanes);
  values.update().reorder(k, valueFeatures).vectorize(k, kLanes);
  mixed.compute_at(running, strips).bound(d, 0, columns);
  running.bound(d, 0, operands.valueWidth + 2);
  running.update(0).reorder(i, d, firstStrips).vectorize(i).partition(firstStrips, Halide::Partition::Never);
  running.update(1)
      .reorder(i, rowsOfState, strips, blocks)
      .vectorize(i)
      .unroll(rowsOfState)
      .partition(strips, Halide::Partition::Never)
      .partition(blocks, Halide::Partition::Never);
  inverse.vectorize(i);
}

void MatrixAttention::schedule() {
  Var row = stage.vars[0], feature = stage.vars[1], head("head"), strip("strip"), tile("tile"), task("task"),
      vector("vector");
  // All rows of a head before the next, so that its keys and values stay in the cache.
  stage.func.update()
      .split(feature, head, feature, operands.valueWidth)
      .split(feature, vector, feature, lanesOf(operands.valueWidth))
      .split(row, tile, row, tileRows(), TailStrategy::GuardWithIf)
      .split(row, strip, row, kStripRows, TailStrategy::GuardWithIf)
      .reorder(feature, vector, row, strip, tile, head)
      .fuse(tile, head, task)
      .parallel(task)
      .vectorize(feature);
  Halide::LoopLevel level(stage.func, task);
  for (Func *func : {&queries, &running, &inverse}) {
    func->compute_at(level);
    onStack(*func, true);
  }
  queries.bound(k, 0, parts * terms / 2);
  queries.update().reorder(i, k, existing).vectorize(i, kLanes).partition(existing, Halide::Partition::Never);
  queryRows.compute_at(queries, existing).bound(k, 0, parts * terms / 2).vectorize(k, kLanes);
  for (int part = 0; part < parts; ++part)
    queryRows.update(part).reorder(queryPairs, i).vectorize(queryPairs, lanesOf(operands.width / 2));
  scheduleScores();
  scheduleSums();
  for (Func *func :
       {&queryRows, &keys, &dot, &shareTop, &top, &words, &shareMass, &mass, &pairs, &values, &mixed})
    onStack(*func, false);
  if (parts > 1)
    onStack(weights, false);
}

bool halyard::kernels::fitsMatrixTiles(const AttentionOperands &operands, bool isRounded) {
  auto queries = Halide::Internal::as_const_int(operands.rows);
  return !operands.isRagged && operands.width % 2 == 0 && operands.width <= kMostFeatures &&
         operands.valueWidth <= kMostFeatures &&
         (isRounded || (queries && *queries >= kFewestQueriesOfParts));
}

Stage halyard::kernels::translateMatrixAttention(const AttentionOperands &operands, bool isRounded,
                                                 const std::string &name) {
  return MatrixAttention(operands, isRounded, name).build();
}

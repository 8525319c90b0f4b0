// What is different in attention over whole tensors where products may be of rounded operands, and an
// instruction multiplies pairs of 16 bits: both products are sums of products of codes, which are exact.
//
//   code of q(d) = q(d) / largest of the query     code of k(j, d) = k(j, d) / largest of the key
//   code of weight(j) = weight(j)                  code of v(j, d) = v(j, d) / largest v(., d) of the block
//
// each times the largest code. Keys and values have 13 bits, queries and weights up to 16, which is what sums
// of 32 bits have room for; a float rounded to bf16 has 8 or 9. The mass is that of the codes. Pairs are
// words: of two features of a query or key, and of two keys.
#include "targets/Common/Algorithms/TensorAttention.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"
#include "targets/Common/Schedules/PairProducts.h"
#include "targets/Common/Schedules/StackStorage.h"

using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::RDom;

/// Largest codes of keys and values, and of weights: kSumKeys products of both fit 32 bits.
static constexpr int kCode = 4095, kWeightCode = 16383;
/// The inverse of a smaller maximum could overflow; what has one counts as zero.
static constexpr float kSmallestTop = 1e-30f;

/// Magnitudes as integers, which have no NaN to look for in the maximum of a vector's lanes.
static Expr bitsOf(const Expr &value) { return Halide::reinterpret<int32_t>(Halide::abs(value)); }
static Expr valueOf(const Expr &bits) { return Halide::reinterpret<float>(bits); }

static Expr factorOf(const Expr &top, const Expr &largest) {
  return Halide::select(top > kSmallestTop, largest / top, 0.0f);
}

/// Sums of `width` products fit 32 bits.
Expr TensorAttention::largestQueryCode() const {
  return static_cast<float>(std::min(INT16_MAX, INT32_MAX / (kCode * operands.width)));
}

void TensorAttention::defineCodedScores() {
  static_assert(int64_t(kSumKeys) * kWeightCode * kCode <= INT32_MAX);
  auto query = [&](Expr part, Expr feature) {
    return operands.query(Halide::min(base(t, part) + i, operands.rows - 1), h, std::move(feature));
  };
  const int features = AttentionOperands::powerOfTwo(operands.width, lanes),
            steps = operands.width / features;
  RDom ofQuery(0, features, 0, tileParts), ofKey(0, features), querySteps(0, steps), keySteps(0, steps);
  ofQuery.where(t * tileRows + ofQuery.y * partRows < operands.rows);
  queryFeatures = ofQuery.x;
  queryTopParts = ofQuery.y;
  queryLaneTop(k, i, p, t, h) = 0;
  queryLaneTop(k, i, p, t, h) =
      Halide::max(queryLaneTop(k, i, p, t, h), bitsOf(query(p, querySteps.x * features + k)));
  queryTop(i, p, t, h) = 0;
  queryTop(i, queryTopParts, t, h) =
      Halide::max(queryTop(i, queryTopParts, t, h), queryLaneTop(queryFeatures, i, queryTopParts, t, h));
  Expr queryFactor = factorOf(valueOf(queryTop(i, p, t, h)), largestQueryCode());
  queryRows(k, i, p, t, h) =
      pairOfWords(nearestCode(query(p, 2 * k) * queryFactor), nearestCode(query(p, 2 * k + 1) * queryFactor));
  queries(i, k, p, t, h) = Halide::undef<int32_t>();
  queries(i, k, queryParts, t, h) = queryRows(k, i, queryParts, t, h);

  auto key = [&](Expr feature) { return operands.key(h, position(j, g, b), std::move(feature)); };
  keyFeatures = ofKey.x;
  keyLaneTop(k, j, g, h, b) = 0;
  keyLaneTop(k, j, g, h, b) = Halide::max(keyLaneTop(k, j, g, h, b), bitsOf(key(keySteps.x * features + k)));
  keyTop(j, g, h, b) = 0;
  keyTop(j, g, h, b) = Halide::max(keyTop(j, g, h, b), keyLaneTop(keyFeatures, j, g, h, b));
  Expr keyFactor = factorOf(valueOf(keyTop(j, g, h, b)), static_cast<float>(kCode));
  keys(k, j, g, h, b) =
      pairOfWords(nearestCode(key(2 * k) * keyFactor), nearestCode(key(2 * k + 1) * keyFactor));

  RDom pairs(0, operands.width / 2);
  Piece piece{Func(score.name() + "_dot"), pairs.x, visibleGroups(false).x};
  piece.dot(i, j, g, p, t, h, b) = 0;
  piece.dot(i, j, g, p, t, h, b) += pairProducts(queries(i, pairs.x, p, t, h), keys(pairs.x, j, g, h, b));
  pieces.push_back(piece);
  Expr scale = valueOf(keyTop(j, piece.groups, h, b)) * (1 / (kCode * largestQueryCode()));
  finishScore(piece.groups, Halide::cast<float>(piece.dot(i, j, piece.groups, p, t, h, b)) *
                                (valueOf(queryTop(i, p, t, h)) * scale));
}

/// Hidden keys have codes of zero beside any that is seen; where none is, defineRunning drops all.
void TensorAttention::defineCodedWeights() {
  auto code = [&](int side) {
    Expr exponent = score(i, 2 * m + side, weightGroups, p, t, h, b) - top(i, p, t, h, b);
    return nearestCode(roughNegativePowerOfTwo(exponent) * static_cast<float>(kWeightCode));
  };
  weight(i, m, g, p, t, h, b) = Halide::undef<int32_t>();
  weight(i, m, weightGroups, p, t, h, b) = pairOfWords(code(0), code(1));
  const Expr ones = 0x10001;
  Expr ofGroup = pairProducts(weight(i, 0, massGroups, p, t, h, b), ones);
  for (int pair = 1; pair < keyTile / 2; ++pair)
    ofGroup += pairProducts(weight(i, pair, massGroups, p, t, h, b), ones);
  mass(i, p, t, h, b) = 0;
  mass(i, p, t, h, b) += ofGroup;
}

/// Of pairs of keys `keys.x` of a group.
void TensorAttention::defineCodedSums(const RDom &keys, Expr group) {
  auto value = [&](Expr inGroup, Expr inBlock) {
    return operands.value(h, position(std::move(inGroup), std::move(inBlock), b), d);
  };
  RDom all(0, keyTile, 0, kKeyBlock / keyTile);
  valueKeys = all.x;
  valueGroups = all.y;
  valueTop(d, h, b) = 0.0f;
  valueTop(d, h, b) = Halide::max(valueTop(d, h, b), Halide::abs(value(valueKeys, valueGroups)));
  Expr factor = factorOf(valueTop(d, h, b), static_cast<float>(kCode));
  values(d, m, g, h, b) =
      pairOfWords(nearestCode(value(2 * m, g) * factor), nearestCode(value(2 * m + 1, g) * factor));
  sum(d, i, s, p, t, h, b) = 0;
  sum(d, i, s, p, t, h, b) +=
      pairProducts(weight(i, keys.x, group, p, t, h, b), values(d, keys.x, group, h, b));
}

/// What a sum of codes has to be multiplied by.
Expr TensorAttention::valueScale(Expr feature, Expr block) const {
  return valueTop(std::move(feature), h, std::move(block)) * (1.0f / kCode);
}

/// Of a tile, and of a block of keys.
void TensorAttention::scheduleCodes(const Halide::LoopLevel &level) {
  const int features = AttentionOperands::powerOfTwo(operands.width, lanes);
  const int words = AttentionOperands::powerOfTwo(operands.width / 2, lanes);
  queryTop.compute_at(level).vectorize(i, lanes);
  queryTop.update()
      .reorder(queryFeatures, i, queryTopParts)
      .atomic()
      .vectorize(queryFeatures, features)
      .partition(queryTopParts, Halide::Partition::Never);
  queryRows.compute_at(queries, queryParts).bound(k, 0, operands.width / 2).vectorize(k, words);
  keyTop.compute_at(running, blocks);
  keyTop.update().atomic().vectorize(keyFeatures, features);
  queryLaneTop.compute_at(queryTop, i);
  keyLaneTop.compute_at(keyTop, j);
  for (Func *func : {&queryLaneTop, &keyLaneTop}) {
    for (const Var &argument : func->args())
      func->bound_extent(argument, argument.same_as(k) ? features : 1);
    func->store_in(kStackStorage).vectorize(k).update().vectorize(k);
  }
  keys.compute_at(running, blocks).bound(k, 0, operands.width / 2).vectorize(k, words);
  valueTop.compute_at(running, blocks).bound(d, 0, operands.valueWidth).vectorize(d, groupWidth);
  valueTop.update().reorder(d, valueKeys, valueGroups).vectorize(d, groupWidth).unroll(valueKeys);
  for (Func *func : {&queryTop, &queryRows, &keyTop, &keys, &valueTop})
    onStack(*func);
}

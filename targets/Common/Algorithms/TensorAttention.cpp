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
#include "targets/Common/Algorithms/TensorAttention.h"

#include "targets/Common/Algorithms/Attention.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::RDom;

/// Features that are added up one after the other; rounding errors grow with their number.
static constexpr int kDotTerms = 32;

TensorAttention::TensorAttention(const AttentionOperands &operands, const CpuShape &shape, bool isCoded,
                                 const std::string &name)
    : operands(operands), stage(operands.stage(name)), isCoded(isCoded), lanes(shape.lanes),
      partRows(kPartVectors * lanes), tileParts(isCoded ? kCodedTile / partRows : 6),
      tileRows(tileParts * partRows), keyTile(lanes < 16 || shape.isDeterministic ? 4 : 8),
      sumQueries(lanes < 16 ? 4 : 8), groupWidth(AttentionOperands::powerOfTwo(operands.valueWidth, lanes)),
      count(name + "_count"), queries(name + "_queries"), limits(name + "_limits"), score(name + "_score"),
      top(name + "_top"), weight(name + "_weight"), mass(name + "_mass"), values(name + "_values"),
      sum(name + "_sum"), mixed(name + "_mixed"), running(name + "_running"), inverse(name + "_inverse"),
      queryLaneTop(name + "_query_lane_top"), queryTop(name + "_query_top"),
      keyLaneTop(name + "_key_lane_top"), keyTop(name + "_key_top"), valueTop(name + "_value_top"),
      queryRows(name + "_query_rows"), keys(name + "_keys") {
  this->operands.hideExtents(stage);
  defineScores();
  defineTop();
  defineWeights();
  defineMixed();
  defineRunning();
}

//===-- algorithm ----------------------------------------------------------------------------------===//

void TensorAttention::defineScores() {
  count(p, t, h) = operands.visibleKeys(Halide::min(base(t, p) + partRows, operands.rows) - 1);
  score(i, j, g, p, t, h, b) = Halide::undef<float>();
  queryParts = existingParts();
  if (isCoded)
    return defineCodedScores();
  queries(i, d, p, t, h) = Halide::undef<float>();
  queries(i, d, queryParts, t, h) =
      operands.query(Halide::min(base(t, queryParts) + i, operands.rows - 1), h, d);
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
  Expr group = piece.groups, sum = piece.dot(i, j, group, p, t, h, b);
  if (first > 0)
    sum += score(i, j, group, p, t, h, b);
  pieces.push_back(piece);
  if (first + terms < operands.width)
    score(i, j, group, p, t, h, b) = sum;
  else
    finishScore(group, sum);
}

/// The score that a whole dot product makes.
void TensorAttention::finishScore(Expr group, Expr dot) {
  Expr row = base(t, p) + i, at = position(j, group, b);
  Expr distance = operands.distance(row, at, partRows);
  score(i, j, group, p, t, h, b) = operands.score(dot, row, h, at, distance, limitOf(row, group));
}

/// Causal limits differ by row; otherwise keys are seen by all rows, and their limits lie on the stack.
Expr TensorAttention::limitOf(Expr row, Expr group) {
  if (operands.op.getCausal())
    return AttentionOperands::limit(b * kKeyBlock + group * keyTile + j < operands.visibleKeys(row));
  limits(j, g, b) = AttentionOperands::limit(b * kKeyBlock + g * keyTile + j < operands.keyExtent);
  return limits(j, group, b);
}

void TensorAttention::defineTop() {
  RDom all = visibleGroups(true);
  topKeys = all.x;
  topGroups = all.y;
  top(i, p, t, h, b) = AttentionOperands::kInvisible;
  top(i, p, t, h, b) = Halide::max(top(i, p, t, h, b), score(i, topKeys, topGroups, p, t, h, b));
}

void TensorAttention::defineWeights() {
  weightGroups = visibleGroups(false).x;
  massGroups = visibleGroups(false).x;
  if (isCoded)
    return defineCodedWeights();
  // Hidden keys weigh nothing beside any that is seen; where none is, defineRunning drops all.
  weight(i, j, g, p, t, h, b) = Halide::undef<float>();
  weight(i, j, weightGroups, p, t, h, b) =
      negativePowerOfTwo(score(i, j, weightGroups, p, t, h, b) - top(i, p, t, h, b));
  Expr ofGroup = weight(i, 0, massGroups, p, t, h, b);
  for (int key = 1; key < keyTile; ++key)
    ofGroup += weight(i, key, massGroups, p, t, h, b);
  mass(i, p, t, h, b) = Halide::cast<double>(0);
  mass(i, p, t, h, b) += Halide::cast<double>(ofGroup);
}

void TensorAttention::defineMixed() {
  const int groupsOfSum = kSumKeys / keyTile;
  RDom all(0, isCoded ? keyTile / 2 : keyTile, 0, groupsOfSum);
  Expr group = s * groupsOfSum + all.y;
  all.where(b * kKeyBlock + group * keyTile < count(p, t, h));
  sumKeys = all.x;
  sumGroups = all.y;
  if (isCoded) {
    defineCodedSums(all, group);
  } else {
    values(d, j, g, h, b) = operands.value(h, position(j, g, b), d);
    sum(d, i, s, p, t, h, b) = 0.0f;
    sum(d, i, s, p, t, h, b) += weight(i, all.x, group, p, t, h, b) * values(d, all.x, group, h, b);
  }
  RDom sums(0, kKeyBlock / kSumKeys);
  sums.where(b * kKeyBlock + sums.x * kSumKeys < count(p, t, h));
  mixedSums = sums.x;
  mixed(d, i, p, t, h, b) = 0.0f;
  mixed(d, i, p, t, h, b) += Halide::cast<float>(sum(d, i, mixedSums, p, t, h, b));
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

  RDom all(0, tileParts, 0, (operands.keyExtent + (kKeyBlock - 1)) / kKeyBlock);
  all.where(t * tileRows + all.x * partRows < operands.rows && all.y * kKeyBlock < count(all.x, t, h));
  parts = all.x;
  blocks = all.y;
  Halide::FuncRef old = running(d, i, parts, t, h);
  // Of the two factors one is 1.
  Expr maximum = old[groups()], blockTop = top(i, parts, t, h, blocks), rises = blockTop > maximum;
  Expr factor = negativePowerOfTwo(-Halide::abs(blockTop - maximum));
  Expr keep = Halide::select(rises, factor, 1.0f), add = Halide::select(rises, 1.0f, factor);
  for (int group = 0; group < groups(); ++group) {
    Expr feature = group * groupWidth + d;
    Expr factor = isCoded ? add * valueScale(feature, blocks) : add;
    update.push_back(old[group] * keep + mixed(feature, i, parts, t, h, blocks) * factor);
  }
  update.push_back(Halide::max(maximum, blockTop));
  update.push_back(old[groups() + 1] * Halide::cast<double>(keep) +
                   Halide::cast<double>(mass(i, parts, t, h, blocks)) * Halide::cast<double>(add));
  running(d, i, parts, t, h) = Halide::Tuple(update);
  Expr total = running(0, i, p, t, h)[groups() + 1];
  Expr zero = Halide::cast<double>(0);
  Expr any = running(0, i, p, t, h)[groups()] > AttentionOperands::kInvisible;
  inverse(i, p, t, h) = Halide::select(any, Halide::cast<double>(1) / total, zero);
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

Stage halyard::kernels::translateTensorAttention(const AttentionOperands &operands, const CpuShape &shape,
                                                 bool mayRound, const std::string &name) {
  return TensorAttention(operands, shape, mayRound && operands.width % 2 == 0, name).build();
}

// Attention over whole tensors, as one object for the algorithm (TensorAttention.cpp), what is different
// where products are multiplied as codes (CodedAttention.cpp), and the schedule
// (TensorAttentionSchedule.cpp).
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_TENSORATTENTION_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_TENSORATTENTION_H

#include "targets/Common/Algorithms/AttentionOperands.h"
#include "targets/Common/CpuShape.h"

namespace halyard::kernels {

class TensorAttention {
public:
  /// With `isCoded`, both products are of operands rounded to codes (fitsCodes).
  TensorAttention(const AttentionOperands &operands, const CpuShape &shape, bool isCoded,
                  const std::string &name);

  Stage build();

private:
  using Expr = Halide::Expr;
  using Func = Halide::Func;
  using RVar = Halide::RVar;
  using Var = Halide::Var;

  /// Keys of a block: the scores of a part stay in the first-level cache.
  static constexpr int kKeyBlock = 128;
  /// Queries of a tile that keys and values are made codes for.
  static constexpr int kCodedTile = 384;
  /// Vectors of queries of a part.
  static constexpr int kPartVectors = 2;
  /// Keys that are added up one after the other; rounding errors grow with their number. A multiple of the
  /// keys of a register tile.
  static constexpr int kSumKeys = 32;
  /// Vectors of features of a register tile of sums.
  static constexpr int kSumVectors = 2;

  void defineScores();
  void definePiece(int first, int terms);
  void finishScore(Expr group, Expr dot);
  Expr limitOf(Expr row, Expr group);
  void defineTop();
  void defineWeights();
  void defineMixed();
  void defineRunning();
  Expr normalised(Expr row, Expr head, Expr feature) const;

  void defineCodedScores();
  void defineCodedWeights();
  void defineCodedSums(const Halide::RDom &keys, Expr group);
  Expr largestQueryCode() const;
  Expr valueScale(Expr feature, Expr block) const;

  void schedule();
  void scheduleScores();
  void scheduleWeights();
  void scheduleRunning(const Halide::LoopLevel &level);
  void scheduleMixed();
  void scheduleCodes(const Halide::LoopLevel &level);
  void onStack(Func &func);

  /// Keys of a block in groups of a register tile, up to those that the part sees: x within a group (if there
  /// is to be one), then groups.
  Halide::RDom visibleGroups(bool withKeys) const {
    std::vector<Halide::Range> ranges{{0, kKeyBlock / keyTile}};
    if (withKeys)
      ranges.insert(ranges.begin(), {0, keyTile});
    Halide::RDom all(ranges);
    all.where(b * kKeyBlock + all[withKeys] * keyTile < count(p, t, h));
    return all;
  }
  /// The parts of a tile that have rows.
  RVar existingParts() const {
    Halide::RDom all(0, tileParts);
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
  bool isCoded;
  int lanes, partRows;
  /// Parts of a tile.
  int tileParts, tileRows;
  /// Keys of a register tile of scores, queries of one of sums, features of a vector.
  int keyTile, sumQueries, groupWidth;

  // Arguments: query in part, key in group, group in block, sum of keys in block, feature, part, tile, head,
  // block. Of codes: pair of features, pair of keys in group.
  Var i{"i"}, j{"j"}, g{"g"}, s{"s"}, d{"d"}, p{"p"}, t{"t"}, h{"h"}, b{"b"}, k{"k"}, m{"m"};
  RVar queryParts, topKeys, topGroups, weightGroups, massGroups, sumKeys, sumGroups, mixedSums, firstParts,
      parts, blocks;
  Func count, queries, limits, score, top, weight, mass, values, sum, mixed, running, inverse;
  std::vector<Piece> pieces;

  // Of codes: the largest element of a query, of a key (each lane of its vectors first) and of a feature's
  // values in a block; queries row by row, and keys.
  RVar queryTopParts, queryFeatures, keyFeatures, valueKeys, valueGroups;
  Func queryLaneTop, queryTop, keyLaneTop, keyTop, valueTop, queryRows, keys;
};

} // namespace halyard::kernels

#endif

// What both forms of attention (over whole tensors, over caches) read: elements of operands by row, head and
// key, and what a head's result is made of.
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_ATTENTIONOPERANDS_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_ATTENTIONOPERANDS_H

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/Algorithms/CacheView.h"
#include "targets/Common/Algorithms/LaneSum.h"
#include "targets/Common/LinalgToHalide/Stage.h"

#include <limits>

namespace halyard::kernels {

/// The operands of one seq.attention. Rows, heads, keys and features are given as expressions within the
/// extents.
class AttentionOperands {
public:
  /// Scores of keys that a row does not see. Finite, as fast arithmetic may not meet infinities.
  static constexpr float kInvisible = std::numeric_limits<float>::lowest(), kVisible = -kInvisible;

  AttentionOperands(seq::AttentionOp op, llvm::ArrayRef<TensorView> views, const TensorView *rowsOfKeys);

  Halide::Expr query(Halide::Expr row, Halide::Expr head, Halide::Expr feature) const;
  /// Over tensors.
  Halide::Expr key(Halide::Expr head, Halide::Expr position, Halide::Expr feature) const;
  Halide::Expr value(Halide::Expr head, Halide::Expr position, Halide::Expr feature) const;

  /// Over caches: which slot a row reads, and which head of its keys and values.
  Halide::Expr slotOf(Halide::Expr row) const;
  Halide::Expr group(Halide::Expr head) const;
  CacheView keys, values, keyScales, valueScales;

  /// Scales, caps, biases and masks the dot product of a row with the key at `position`; the result is in
  /// units of log2(e), for powers of two instead of exponentials. `limit` is the most that the score can be:
  /// `kInvisible` for a key that is not seen and `kVisible` otherwise; undefined, all keys are seen unless
  /// bias or mask hide them. `distance` is where a bias by distance is read, within its table.
  Halide::Expr score(Halide::Expr dot, Halide::Expr row, Halide::Expr head, Halide::Expr position,
                     Halide::Expr distance, Halide::Expr limit) const;
  static Halide::Expr limit(const Halide::Expr &visible) {
    return Halide::select(visible, kVisible, kInvisible);
  }

  /// Of a bias by distance: the index of distance 0, the number of distances if known, and an index made to
  /// lie within the table. Clamping makes a gather of a vector, so it is better avoided.
  Halide::Expr middle() const;
  std::optional<int64_t> distances() const;
  Halide::Expr clampedDistance(Halide::Expr index) const;
  /// That of a row and a key, for tiles of `rows` rows, of which those beyond the last one reach no further
  /// than the table if it is longer than a tile.
  Halide::Expr distance(Halide::Expr row, Halide::Expr position, int rows) const;

  /// The position of a row's query among the keys.
  Halide::Expr positionOf(Halide::Expr row) const;

  /// How many keys, from the first on, a row may see.
  Halide::Expr visibleKeys(Halide::Expr row) const;

  /// The stage of the operation, with a Func of which nothing but the arguments and the type is defined.
  Stage stage(const std::string &name) const;
  /// Defines, in update 0 of the stage's Func, element `feature` of a row as element `feature mod valueWidth`
  /// of the head's result that `normalised(row, head, feature)` gives.
  void define(const Stage &stage,
              const std::function<Halide::Expr(Halide::Expr, Halide::Expr, Halide::Expr)> &normalised) const;

  /// Constant extents become ones that are read at run time from the stage's result. From constants Halide
  /// makes indices of tiles that it cannot take apart again, and with the bounds it then finds it drops loops
  /// that are needed.
  void hideExtents(const Stage &stage);

  /// The largest power of two that divides `value`, at most `limit`.
  static int powerOfTwo(int value, int limit);

  mutable seq::AttentionOp op; // a handle, whose getters are not const
  bool isRagged;
  int heads, kvHeads, width, valueWidth;
  Halide::Expr rows, keyExtent;

private:
  Halide::Expr maskOf(Halide::Expr row, Halide::Expr position) const;
  Halide::Expr bias(Halide::Expr head, Halide::Expr at, Halide::Expr position, Halide::Expr distance) const;

  llvm::SmallVector<TensorView> views;
  std::optional<TensorView> keyRows, maskView, biasView, slotView, positionView;
};

/// The sum or the maximum of `count` lanes of `of`, whose first argument is the lane, for the other
/// arguments, of which `arguments` are the variables. Maxima are kept as integers that order as floats do,
/// but have no NaN to look for among a vector's lanes.
struct LaneReduction {
  Halide::Func func;
  /// Over which the update reduces; none in deterministic kernels, which take lanes in pairs.
  std::optional<Halide::RVar> lanes;

  /// Maxima of any floats, or of ones that are at least 0.
  enum class Kind { sum, maximum, largest } kind;

  LaneReduction(const std::string &name, const Halide::Func &of, const std::vector<Halide::Var> &arguments,
                int count, Kind kind, bool isDeterministic);
  Halide::Expr operator()(const std::vector<Halide::Expr> &arguments) const;
  void computeAt(const Halide::LoopLevel &level);

private:
  Halide::Expr bitsOf(const Halide::Expr &value) const;
  Halide::Expr valueOf(const Halide::Expr &bits) const;
};

} // namespace halyard::kernels

#endif

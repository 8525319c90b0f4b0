// What both forms of attention (over whole tensors, over caches) read: elements of operands by row, head and
// key, and what a head's result is made of.
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_ATTENTIONOPERANDS_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_ATTENTIONOPERANDS_H

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/LinalgToHalide/Stage.h"

#include <limits>

namespace halyard::kernels {

/// The operands of one seq.attention. Rows, heads, keys and features are given as expressions within the
/// extents.
class AttentionOperands {
public:
  /// Scores of keys that a row does not see. Finite, as fast arithmetic may not meet infinities.
  static constexpr float kInvisible = std::numeric_limits<float>::lowest();

  AttentionOperands(seq::AttentionOp op, llvm::ArrayRef<TensorView> views, const TensorView *rowsOfKeys);

  Halide::Expr query(Halide::Expr row, Halide::Expr head, Halide::Expr feature) const;
  Halide::Expr key(Halide::Expr row, Halide::Expr head, Halide::Expr position, Halide::Expr feature) const;
  Halide::Expr value(Halide::Expr row, Halide::Expr head, Halide::Expr position, Halide::Expr feature) const;

  /// Scales, caps, biases and masks the dot product of a row with the key at `first + index`, where `index`
  /// is from 0 to `count` - 1, and hides the key unless `visible`. Whole vectors of keys read biases as
  /// vectors.
  Halide::Expr score(Halide::Expr dot, Halide::Expr row, Halide::Expr head, Halide::Expr first,
                     Halide::Expr index, int count, Halide::Expr visible) const;

  /// How many keys, from the first on, a row may see.
  Halide::Expr visibleKeys(Halide::Expr row) const;

  /// The stage of the operation: element (feature, row) of its Func is element `feature mod valueWidth` of
  /// the head's result that `normalised(row, head, feature)` gives.
  Stage stage(const std::string &name,
              const std::function<Halide::Expr(Halide::Expr, Halide::Expr, Halide::Expr)> &normalised) const;

  mutable seq::AttentionOp op; // a handle, whose getters are not const
  bool isRagged;
  int heads, kvHeads, width, valueWidth;
  Halide::Expr rows, keyExtent;

private:
  Halide::Expr element(unsigned operand, Halide::Expr row, Halide::Expr position, Halide::Expr column) const;
  Halide::Expr bias(Halide::Expr head, Halide::Expr at, Halide::Expr first, Halide::Expr index,
                    int count) const;
  Halide::Expr group(Halide::Expr head) const;
  Halide::Expr slotOf(Halide::Expr row) const;
  Halide::Expr positionOf(Halide::Expr row) const;

  llvm::SmallVector<TensorView> views;
  std::optional<unsigned> maskOperand;
  std::optional<TensorView> keyRows, biasView, slotView, positionView;
};

/// The sum or the maximum of `count` lanes of `of`, whose first argument is the lane, as a Func of the other
/// arguments, of which `arguments` are the variables; compute it with `vectorizeLanes`.
struct LaneReduction {
  Halide::Func func;
  Halide::RVar lanes;

  LaneReduction(const std::string &name, const Halide::Func &of, const std::vector<Halide::Var> &arguments,
                int count, bool isMaximum);
  void computeAt(const Halide::LoopLevel &level);
};

} // namespace halyard::kernels

#endif

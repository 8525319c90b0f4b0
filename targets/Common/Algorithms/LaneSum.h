// Sums over an axis that is contiguous in memory, kept in one vector of partial sums until the end. Maxima of
// what is not negative likewise.
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_LANESUM_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_LANESUM_H

#include "targets/Common/CpuShape.h"
#include "targets/Common/LinalgToHalide/TensorView.h"

namespace halyard::kernels {

/// The sum, or the maximum, of expressions, in pairs: the order of a balanced tree.
Halide::Expr inPairs(std::vector<Halide::Expr> values,
                     const std::function<Halide::Expr(Halide::Expr, Halide::Expr)> &combine);

/// `total(rows...) = sum over k < extent of term(rows..., k)`. Lane l of `partial` sums the terms of k = l, l
/// + lanes, ...; what is left of `extent` is added one by one. Rows are given innermost first, as arguments
/// of a Func.
struct LaneSum {
  Halide::Func partial, total;
  Halide::Var lane;
  std::vector<Halide::Var> rows;
  /// Reduction over whole vectors (update 0 of partial), over the lanes (update 0 of total), over the rest
  /// (update 1). Deterministic sums add up their lanes in pairs, in the pure definition of total.
  Halide::RVar step;
  std::optional<Halide::RVar> across;
  int lanes;
  Halide::Expr extent;

  /// The largest term instead of the sum of terms: terms are float32 and at least 0, which their bits as
  /// integers order alike. Integers have no NaN to look for in the maximum of a vector's lanes.
  enum class Kind { sum, maximum } kind;

  using Term = std::function<Halide::Expr(const std::vector<Halide::Expr> &rows, Halide::Expr k)>;
  LaneSum(const std::string &name, const std::vector<Halide::Var> &rows, Halide::Expr extent,
          const CpuShape &shape, const Term &term, Kind kind = Kind::sum);

  /// The sum for given rows.
  Halide::Expr operator()(const std::vector<Halide::Expr> &rows) const {
    return kind == Kind::sum ? Halide::Expr(total(rows)) : Halide::reinterpret<float>(total(rows));
  }

  /// Computes both Funcs at `level`, partial sums in registers; `rows` must have constant extents there.
  void computeAt(const Halide::LoopLevel &level);
};

} // namespace halyard::kernels

#endif

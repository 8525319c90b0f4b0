// A narrower form of a packed matrix, and how far products with it are off.
#ifndef HALYARD_PASSES_TRANSFORMS_SCREENBOUNDS_H
#define HALYARD_PASSES_TRANSFORMS_SCREENBOUNDS_H

#include "dialects/Seq/IR/Seq.h"
#include "passes/Transforms/WeightPacking.h"

namespace halyard {

/// For a row x of inputs, multiplied as codes c of scale s (x = s c where the exact matrix is multiplied with
/// codes as well), and r >= |s c|, every output o fulfils
///
///   computed(x . exact(o)) <= computed(s c . narrow(o)) + error[o] r + rounding[o] s
///
/// This is the inequality of Cauchy and Schwarz: for the difference of the matrices, and for that of the
/// rows, which is at most half a code for each feature. Both terms include what sums of f32 lose, whatever
/// their order.
struct ScreenedMatrix {
  PackedWeight narrow;
  WeightPrecision precision;
  mlir::ElementsAttr error;    // one f32 per output
  mlir::ElementsAttr rounding; // the same; null where x = s c
};

/// 8-bit codes for a matrix of floats, 4-bit codes for one of 8-bit codes. Nothing for a matrix that is as
/// narrow already, or whose rows do not fill groups of codes.
std::optional<ScreenedMatrix> screenMatrix(seq::LinearOp linear, const Target &target);

/// At least the norm of what rounding a row to codes of scale 1 changes.
double halfCode(int64_t features);

} // namespace halyard

#endif

// Constant matrices in the layouts that kernels of linear layers stream.
#ifndef HALYARD_PASSES_TRANSFORMS_WEIGHTPACKING_H
#define HALYARD_PASSES_TRANSFORMS_WEIGHTPACKING_H

#include "passes/Transforms/LinearLayer.h"
#include "targets/Common/Target.h"

namespace halyard {

/// The operands of seq.linear that are constant.
struct PackedWeight {
  mlir::ElementsAttr panels;     // panels x features / terms x columns x terms
  mlir::ElementsAttr scales;     // codes only: one per output, or as packed for groups
  mlir::ElementsAttr columnSums; // one per output; codes with a zero point only
  bool narrowPairs = false;      // as seq.linear has it; codes with a zero point only
};

PackedWeight packFloats(const Matrix &matrix, const LinearLayout &layout);

/// Rounds to the nearest bf16, half to even. `features` is a multiple of `layout.terms`.
PackedWeight packBFloats(const Matrix &matrix, const LinearLayout &layout);

/// Rounds to the nearest f16, half to even; what is beyond its range becomes its largest.
PackedWeight packHalves(const Matrix &matrix, const LinearLayout &layout);

/// Codes from -127 to 127, symmetric, with one scale per output, as `codeScale` finds it; larger where the
/// layout wants narrow pairs, unless that would lose something of values that were codes before.
PackedWeight packCodes(const Matrix &matrix, const LinearLayout &layout);

/// Terms of a group of 4-bit codes.
inline constexpr int64_t kNibbleGroup = 32;

/// Codes from -8 to 7, two to a byte, with a bf16 scale for each group of terms of an output. Of some scales
/// near the one that maps the largest magnitude to -8, the one with the smallest squared error is taken.
PackedWeight packNibbles(const Matrix &matrix, const LinearLayout &layout);

/// The matrix [outputs, features] that a packed weight stands for, as f32. `features` includes what rows of
/// inputs are padded with.
HostTensor unpackWeight(const PackedWeight &weight, int64_t features, int64_t outputs);

/// The bf16 nearest to a value, half to even.
uint16_t toBFloat(float value);
/// The f16 nearest to a value, half to even, infinities excluded.
uint16_t toHalf(float value);

/// The scale of symmetric codes for `count` values: the largest magnitude over 127, or 1 if all are 0. Values
/// that are multiples of a larger step, as those of a file whose weights were codes before, keep it, and lose
/// nothing.
float codeScale(llvm::function_ref<float(int64_t)> valueAt, int64_t count);
/// The code, from -127 to 127, of a value; half to even.
int8_t codeOf(float value, float scale);

} // namespace halyard

#endif

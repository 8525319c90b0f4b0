// seq.quantize: codes need the largest element of their row first. The row they are made from is kept, if it
// is computed at all: the maximum and the codes read it, and possibly a third result.
#include "targets/Common/Algorithms/SeqOps.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;

/// The inverse of a scale below this could overflow; such rows count as zero.
static constexpr float kSmallestMaximum = 1e-30f;

Stage halyard::kernels::translateQuantize(seq::QuantizeOp op, ArrayRef<TensorView> operands,
                                          const CpuShape &shape, const std::string &name) {
  const TensorView &input = operands[0];
  auto type = cast<RankedTensorType>(op.getCodes().getType());
  int32_t features = cast<RankedTensorType>(op.getInput().getType()).getDimSize(1);
  int32_t padded = type.getDimSize(1), zeroPoint = op.getZeroPoint();
  Halide::Var row(Halide::Internal::unique_name("row")), feature(Halide::Internal::unique_name("feature"));
  Stage stage;
  stage.op = op;
  stage.areResultsApart = true;
  stage.vars = {row, feature};
  stage.extents = {input.extents[0], Expr(padded)};

  LaneSum largest(
      name + "_largest", {row}, Expr(features), shape,
      [&](auto &rows, Expr k) { return Halide::abs(input.at({rows[0], k})); }, LaneSum::Kind::maximum);
  stage.rowSums.push_back(largest);
  Halide::Func scale(name + "_scale"), inverse(name + "_inverse");
  Expr maximum = largest({row});
  scale(row) = Halide::select(maximum > kSmallestMaximum, maximum * (1.0f / 127), 1.0f);
  inverse(row) = 1.0f / scale(row);
  stage.rowValues = {scale, inverse};

  Expr element = input.at(
      {row, padded == features ? Expr(feature) : Halide::min(Halide::likely(feature), features - 1)});
  Expr code = nearestCode(element * inverse(row)) + zeroPoint;
  if (padded != features)
    code = Halide::select(Halide::likely(feature < features), code, zeroPoint);
  stage.func = Halide::Func(name);
  stage.func(feature, row) = Halide::cast(storageType(type.getElementType()), code);
  stage.results.push_back(viewOf(stage.func, 0, stage.extents, type.getElementType()));
  stage.results.push_back(viewOf(scale, 0, {input.extents[0]}, op.getScales().getType().getElementType()));
  return stage;
}

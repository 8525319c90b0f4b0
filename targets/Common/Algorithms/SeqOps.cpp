// norm, rotary, prefix_sum and split, and the choice among all seq operations.
#include "targets/Common/Algorithms/SeqOps.h"

#include "targets/Common/Algorithms/Attention.h"
#include "targets/Common/Algorithms/LaneSum.h"
#include "targets/Common/Algorithms/Linear.h"
#include "targets/Common/CpuShape.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;

/// A stage of rank two, [rows, features], whose Func is not defined yet.
static Stage rowsStage(Operation *op, Expr rows, const std::string &name) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Stage stage;
  stage.op = op;
  stage.func = Halide::Func(name);
  stage.vars = {Halide::Var(Halide::Internal::unique_name("row")),
                Halide::Var(Halide::Internal::unique_name("feature"))};
  stage.extents = {std::move(rows), Expr(static_cast<int32_t>(type.getDimSize(1)))};
  return stage;
}

static void finishStage(Stage &stage) {
  auto type = cast<RankedTensorType>(stage.op->getResult(0).getType());
  stage.results.push_back(viewOf(stage.func, 0, stage.extents, type.getElementType()));
}

/// A rounding error in a row's mean square, or in its root, scales the whole row, and errors that agree along
/// a row add up in the products after it. So both are computed, and applied, in double.
Stage halyard::kernels::translateNorm(seq::NormOp op, ArrayRef<TensorView> operands, const CpuShape &shape,
                                      const std::string &name) {
  const TensorView &input = operands[0], &scale = operands[1];
  Stage stage = rowsStage(op, input.extents[0], name);
  Halide::Var row = stage.vars[0], feature = stage.vars[1];
  Expr features = stage.extents[1];
  auto asFloat = [](Expr value) { return value.type().bits() == 64 ? value : Halide::cast<float>(value); };
  auto wide = [](Expr value) { return Halide::cast<double>(std::move(value)); };
  auto element = [=](Expr r, Expr k) { return asFloat(input.at({r, k})); };
  Halide::Type type = element(Expr(0), Expr(0)).type();
  auto rowValue = [&](const char *suffix, const Expr &value) {
    Halide::Func func(name + suffix);
    func(row) = value;
    stage.rowValues.push_back(func);
    return func;
  };

  std::function<Expr(Expr, Expr)> centred = element;
  if (op.getKind() == seq::NormKind::layer) {
    LaneSum sum(name + "_sum", {row}, features, shape,
                [=](auto &rows, Expr k) { return wide(element(rows[0], k)); });
    stage.rowSums.push_back(sum);
    Halide::Func mean = rowValue("_mean", Halide::cast(type, sum({row}) / wide(features)));
    centred = [=](Expr r, Expr k) { return element(r, k) - mean(r); };
  }
  LaneSum squares(name + "_squares", {row}, features, shape, [=](auto &rows, Expr k) {
    Expr value = wide(centred(rows[0], k));
    return value * value;
  });
  stage.rowSums.push_back(squares);
  // One division and root per row, not per element.
  Expr mean = squares({row}) / wide(features) + Expr(op.getEpsilon().convertToDouble());
  Halide::Func inverse = rowValue("_inverse", wide(1) / Halide::sqrt(mean));
  Expr value = Halide::cast(type, wide(centred(row, feature)) * inverse(row)) * asFloat(scale.at({feature}));
  if (op.getBias())
    value += asFloat(operands[2].at({feature}));
  stage.func(feature, row) = toStorage(value, input.elementType);
  finishStage(stage);
  return stage;
}

/// Elements of a task of a rotation.
static constexpr int kParallelElements = 32768;

/// Tasks of whole rows, if there are many.
static void cutRows(Stage &stage) {
  Halide::Var row = stage.vars[0], task("task");
  auto features = Halide::Internal::as_const_int(stage.extents[1]);
  int rows = std::max<int64_t>(1, kParallelElements / features.value_or(kParallelElements));
  stage.func.specialize(stage.extents[0] >= 2 * rows)
      .split(row, task, row, rows, Halide::TailStrategy::GuardWithIf)
      .parallel(task);
}

/// Where pairs are halves of a head, the halves one after the other, in vectors: within one nothing depends
/// on the place but the angle.
static void scheduleHalves(Stage &stage, int half, int vector) {
  Halide::Var row = stage.vars[0], feature = stage.vars[1], side("side"), head("head");
  stage.func.split(feature, side, feature, half)
      .split(side, head, side, 2)
      .reorder(feature, side, head, row)
      .unroll(side)
      .vectorize(feature, vector);
  cutRows(stage);
}

Stage halyard::kernels::translateRotary(seq::RotaryOp op, ArrayRef<TensorView> operands,
                                        const std::string &name) {
  const TensorView &input = operands[0], &cosine = operands[1], &sine = operands[2];
  Stage stage = rowsStage(op, input.extents[0], name);
  Halide::Var row = stage.vars[0], feature = stage.vars[1];
  int32_t width = cast<RankedTensorType>(op.getType()).getDimSize(1) / op.getHeads();
  int32_t rotary = op.getRotary(), half = rotary / 2;
  const int vectorOfHalf = std::gcd(half, 16);
  const bool inHalves = !op.getInterleaved() && rotary == width && vectorOfHalf >= 4;
  Expr within = feature % width;
  // Feature f of a pair is f itself and its partner; the second of a pair has the sine's sign turned.
  Expr isFirst = op.getInterleaved() ? within % 2 == 0 : within < half;
  Expr partner = op.getInterleaved() ? Halide::select(isFirst, 1, -1) : Halide::select(isFirst, half, -half);
  Expr rotates = within < rotary;
  Expr pair = op.getInterleaved() ? within / 2 : within % std::max(half, 1);
  pair = Halide::clamp(pair, 0, half - 1);
  if (inHalves) {
    isFirst = feature / half % 2 == 0;
    partner = half * (1 - feature / half % 2 * 2);
    rotates = Halide::Internal::const_true();
    pair = feature % half;
  }
  Expr own = input.at({row, feature});
  // Within its head, hence within the row.
  Expr partnerAt = Halide::unsafe_promise_clamped(Halide::select(rotates, feature + partner, Expr(feature)),
                                                  0, stage.extents[1] - 1);
  Expr other = input.at({row, partnerAt});
  Expr turned = Halide::select(isFirst, -other, other);
  Expr value = Halide::select(rotates, own * cosine.at({row, pair}) + turned * sine.at({row, pair}), own);
  stage.func(feature, row) = toStorage(value, input.elementType);
  if (inHalves)
    stage.schedule = [half, vectorOfHalf](Stage &stage, const CpuShape &shape) {
      scheduleHalves(stage, half, std::min(vectorOfHalf, shape.lanes));
    };
  finishStage(stage);
  return stage;
}

/// A part is cut off, and what remains is exact: of 24 binary digits each part takes eight. Without matrix
/// tiles nobody reads them.
Stage halyard::kernels::translateSplit(seq::SplitOp op, ArrayRef<TensorView> operands, const CpuShape &shape,
                                       const std::string &name) {
  const TensorView &input = operands[0];
  Stage stage = rowsStage(op, input.extents[0], name);
  Halide::Var row = stage.vars[0], feature = stage.vars[1];
  const Halide::Type type = storageType(op.getParts().getType().getElementType());
  if (!shape.hasMatrixTiles) {
    stage.func(feature, row) = Halide::undef(type);
    finishStage(stage);
    return stage;
  }
  const auto features = static_cast<int32_t>(cast<RankedTensorType>(op.getInput().getType()).getDimSize(1));
  const auto terms = static_cast<int32_t>(seq::SplitOp::termsOfPart(features));
  Expr part = feature / terms, term = feature % terms, isTerm = Halide::likely(term < features);
  Expr first = input.at({row, terms == features ? term : Halide::min(term, features - 1)});
  Expr second = withoutBfloat(first), third = withoutBfloat(second);
  Expr digits =
      Halide::reinterpret<uint32_t>(Halide::select(part == 0, first, part == 1, second, third)) >> 16;
  digits = Halide::cast<uint16_t>(
      terms == features ? digits : Halide::select(isTerm, digits, Halide::cast<uint32_t>(0)));
  stage.func(feature, row) = Halide::reinterpret(type, digits);
  stage.schedule = [terms](Stage &stage, const CpuShape &shape) {
    Halide::Var row = stage.vars[0], feature = stage.vars[1], part("part");
    stage.func.split(feature, part, feature, terms)
        .reorder(feature, part, row)
        .unroll(part)
        .vectorize(feature, shape.lanes);
    cutRows(stage);
  };
  finishStage(stage);
  return stage;
}

Stage halyard::kernels::translatePrefixSum(seq::PrefixSumOp op, ArrayRef<TensorView> operands,
                                           const std::string &name) {
  const TensorView &input = operands[0];
  bool isRagged = static_cast<bool>(op.getSlot());
  Stage stage = rowsStage(op, isRagged ? operands[1].extents[0] : input.extents[0], name);
  Halide::Var row = stage.vars[0], feature = stage.vars[1];
  Expr zero = toStorage(Halide::cast(computeType(input.elementType), 0), input.elementType);
  int exclusive = op.getExclusive();
  auto accumulate = [&](Expr at, Expr previous, Expr value) {
    stage.func(feature, at) = toStorage(fromStorage(previous, input.elementType) + value, input.elementType);
  };
  if (isRagged) {
    Halide::RDom domain(0, input.extents[1]);
    domain.where(domain.x + exclusive <= operands[2].at({row}));
    stage.func(feature, row) = zero;
    Expr slot = Halide::unsafe_promise_clamped(operands[1].at({row}), 0, input.extents[0] - 1);
    accumulate(row, stage.func(feature, row), input.at({slot, domain.x, feature}));
    stage.reductions = {domain.x};
    stage.isRagged = true;
  } else {
    Halide::RDom domain(1, Halide::max(input.extents[0] - 1, 0));
    Expr first = exclusive ? zero : toStorage(input.at({Expr(0), feature}), input.elementType);
    stage.func(feature, row) = first;
    accumulate(domain.x, stage.func(feature, domain.x - 1), input.at({domain.x - exclusive, feature}));
    stage.reductions = {domain.x};
    stage.isScan = true;
  }
  finishStage(stage);
  return stage;
}

FailureOr<Stage> halyard::kernels::translateSeqOp(Operation *op, ArrayRef<TensorView> operands,
                                                  const CpuShape &shape, const std::string &name,
                                                  const TensorView *keyRows) {
  return llvm::TypeSwitch<Operation *, FailureOr<Stage>>(op)
      .Case([&](seq::AttentionOp attention) -> FailureOr<Stage> {
        bool needsCounts = attention.getSlot() && !attention.getCausal();
        if (needsCounts && !keyRows)
          return attention.emitOpError(
                     "over caches needs the keys of each slot: an argument of its kernel with the "
                     "attribute seq.source_rows"),
                 failure();
        return translateAttention(attention, operands, keyRows, shape, name);
      })
      .Case([&](seq::NormOp norm) { return translateNorm(norm, operands, shape, name); })
      .Case([&](seq::QuantizeOp quantize) { return translateQuantize(quantize, operands, shape, name); })
      .Case([&](seq::SplitOp split) { return translateSplit(split, operands, shape, name); })
      .Case([&](seq::LinearOp linear) { return translateLinear(linear, operands, shape, name); })
      .Case([&](seq::RotaryOp rotary) { return translateRotary(rotary, operands, name); })
      .Case([&](seq::PrefixSumOp sum) { return translatePrefixSum(sum, operands, name); })
      .Default([](Operation *other) -> FailureOr<Stage> { return other->emitOpError("has no kernel"); });
}

// Reading the operands of attention.
#include "targets/Common/Algorithms/AttentionOperands.h"

#include "targets/Common/LinalgToHalide/ScalarOps.h"
#include "targets/Common/Schedules/StackStorage.h"

#include <numeric>

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;

AttentionOperands::AttentionOperands(seq::AttentionOp op, ArrayRef<TensorView> operands,
                                     const TensorView *rowsOfKeys)
    : op(op), isRagged(static_cast<bool>(op.getSlot())), heads(op.getHeads()), kvHeads(op.getKvHeads()),
      views(operands) {
  if (rowsOfKeys)
    keyRows = *rowsOfKeys;
  width = cast<RankedTensorType>(op.getQuery().getType()).getDimSize(1) / heads;
  valueWidth = cast<RankedTensorType>(op.getType()).getDimSize(1) / heads;
  rows = views[0].extents[0];
  keyExtent = views[1].extents[isRagged ? 1 : 0];
  unsigned next = 3;
  if (op.getBias())
    biasView = views[next++];
  if (op.getMask())
    maskOperand = next++;
  if (isRagged) {
    slotView = views[next++];
    positionView = views[next++];
  }
}

static Expr asFloat(Expr value) { return Halide::cast<float>(std::move(value)); }

Expr AttentionOperands::group(Expr head) const {
  return op.getHeadMap() == seq::HeadMap::tiled ? head % kvHeads : head / (heads / kvHeads);
}

Expr AttentionOperands::element(unsigned operand, Expr row, Expr position, Expr column) const {
  const TensorView &view = views[operand];
  return asFloat(isRagged ? view.at({slotOf(row), position, column}) : view.at({position, column}));
}

Expr AttentionOperands::query(Expr row, Expr head, Expr feature) const {
  return asFloat(views[0].at({row, head * width + feature}));
}

Expr AttentionOperands::key(Expr row, Expr head, Expr position, Expr feature) const {
  return element(1, row, position, group(head) * width + feature);
}

Expr AttentionOperands::value(Expr row, Expr head, Expr position, Expr feature) const {
  return element(2, row, position, group(head) * valueWidth + feature);
}

/// Slots are the caller's: no clamp is computed, only the bound is known.
Expr AttentionOperands::slotOf(Expr row) const {
  return Halide::unsafe_promise_clamped(slotView->at({row}), 0, views[1].extents[0] - 1);
}

Expr AttentionOperands::positionOf(Expr row) const { return isRagged ? positionView->at({row}) : row; }

Expr AttentionOperands::visibleKeys(Expr row) const {
  if (op.getCausal())
    return Halide::min(positionOf(row) + 1, keyExtent);
  return isRagged ? Halide::min(keyRows->at({slotOf(row)}), keyExtent) : keyExtent;
}

Expr AttentionOperands::middle() const { return biasView ? biasView->extents[1] / 2 : Expr(0); }

std::optional<int64_t> AttentionOperands::distances() const {
  auto known = biasView ? Halide::Internal::as_const_int(biasView->extents[1]) : std::nullopt;
  return known ? std::optional<int64_t>(*known) : std::nullopt;
}

Expr AttentionOperands::clampedDistance(Expr index) const {
  return biasView ? clampedIndex(index, biasView->extents[1]) : index;
}

Expr AttentionOperands::bias(Expr head, Expr at, Expr position, Expr distance) const {
  const Exprs &extents = biasView->extents;
  Expr plane = Halide::Internal::is_const_one(extents[0]) ? Expr(0) : head;
  if (op.getByDistance())
    return asFloat(biasView->at({plane, distance}));
  return asFloat(biasView->at({plane, clampedIndex(at, extents[1]), position}));
}

Expr AttentionOperands::score(Expr dot, Expr row, Expr head, Expr position, Expr distance,
                              Expr visible) const {
  Expr value = dot * static_cast<float>(op.getScale().convertToDouble());
  if (auto cap = op.getSoftcap()) {
    auto limit = static_cast<float>(cap->convertToDouble());
    value = limit * rationalTanh(value * (1.0f / limit));
  }
  // A bias or a mask may be -inf.
  if (biasView)
    value = Halide::strict_float(value + bias(head, positionOf(row), position, distance));
  if (maskOperand)
    value = Halide::strict_float(value + element(*maskOperand, row, position, 0));
  if (biasView || maskOperand)
    value = Halide::strict_float(Halide::max(value, kInvisible));
  // Not a choice between values: Halide would compute the product under that condition only, and then it
  // does not see that a loop over keys ends where they do.
  return Halide::min(value, Halide::select(visible, -kInvisible, kInvisible));
}

Stage AttentionOperands::stage(const std::string &name,
                               const std::function<Expr(Expr, Expr, Expr)> &normalised) const {
  Stage stage;
  stage.op = op;
  stage.func = Halide::Func(name);
  stage.vars = {Halide::Var("row"), Halide::Var("feature")};
  stage.extents = {rows, Expr(heads * valueWidth)};
  Halide::Var row = stage.vars[0], feature = stage.vars[1];
  Type elementType = cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
  stage.func(feature, row) =
      toStorage(normalised(row, feature / valueWidth, feature % valueWidth), elementType);
  stage.results.push_back(viewOf(stage.func, 0, stage.extents, elementType));
  return stage;
}

int AttentionOperands::powerOfTwo(int value, int limit) {
  return std::gcd(value, static_cast<int>(llvm::bit_floor(static_cast<unsigned>(limit))));
}

Expr halyard::kernels::exponential(Expr x) {
  // x = n ln 2 + r with |r| <= ln 2 / 2, and e^r by its series to the sixth power, fitted.
  Expr limited = Halide::max(x, -87.0f);
  Expr n = Halide::round(limited * 1.44269504f);
  Expr r = limited - n * 0.693359375f + n * 2.12194440e-4f;
  Expr p = 1.38145406e-3f;
  for (float coefficient : {8.36874545e-3f, 4.16683890e-2f, 1.66665211e-1f, 4.99999940e-1f, 1.0f, 1.0f})
    p = p * r + coefficient;
  return p * Halide::reinterpret<float>((Halide::cast<int32_t>(n) + 127) << 23);
}

LaneReduction::LaneReduction(const std::string &name, const Halide::Func &of,
                             const std::vector<Halide::Var> &arguments, int count, bool isMaximum)
    : func(name) {
  Halide::RDom domain(0, count);
  lanes = domain.x;
  std::vector<Expr> plain(arguments.begin(), arguments.end()), inner{domain.x};
  inner.insert(inner.end(), plain.begin(), plain.end());
  if (isMaximum) {
    func(plain) = AttentionOperands::kInvisible;
    func(plain) = Halide::max(func(plain), of(inner));
  } else {
    func(plain) = 0.0f;
    func(plain) += of(inner);
  }
}

void LaneReduction::computeAt(const Halide::LoopLevel &level) {
  func.compute_at(level).store_in(kStackStorage);
  func.update().atomic().vectorize(lanes);
}

// Reading the operands of attention.
#include "targets/Common/Algorithms/AttentionOperands.h"

#include "targets/Common/LinalgToHalide/ScalarOps.h"
#include "targets/Common/Schedules/StackStorage.h"

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
  // Register tiles of rows may reach beyond the last one.
  Expr inside = isRagged ? row : Halide::clamp(row, 0, rows - 1);
  return asFloat(views[0].at({inside, head * width + feature}));
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

Expr AttentionOperands::bias(Expr head, Expr at, Expr first, Expr index, int count) const {
  const Exprs &extents = biasView->extents;
  Expr plane = Halide::Internal::is_const_one(extents[0]) ? Expr(0) : head;
  if (!op.getByDistance())
    return asFloat(biasView->at({plane, clampedIndex(at, extents[1]), first + index}));
  // Of 2L - 1 distances, L - 1 is the middle. Clamping where the vector starts keeps it dense.
  Expr distance = at - first + extents[1] / 2;
  auto known = Halide::Internal::as_const_int(extents[1]);
  if (known && *known >= count)
    return asFloat(biasView->at({plane, Halide::clamp(distance, count - 1, extents[1] - 1) - index}));
  return asFloat(biasView->at({plane, clampedIndex(distance - index, extents[1])}));
}

Expr AttentionOperands::score(Expr dot, Expr row, Expr head, Expr first, Expr index, int count,
                              Expr visible) const {
  Expr value = dot * static_cast<float>(op.getScale().convertToDouble());
  if (auto cap = op.getSoftcap()) {
    auto limit = static_cast<float>(cap->convertToDouble());
    value = limit * rationalTanh(value * (1.0f / limit));
  }
  // A bias or a mask may be -inf.
  if (biasView)
    value = Halide::strict_float(value + bias(head, positionOf(row), first, index, count));
  if (maskOperand)
    value = Halide::strict_float(value + element(*maskOperand, row, first + index, 0));
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

// Reading the operands of attention.
#include "targets/Common/Algorithms/AttentionOperands.h"

#include "targets/Common/LinalgToHalide/ScalarOps.h"
#include "targets/Common/Schedules/StackStorage.h"

#include <cmath>
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
  unsigned next = 3;
  auto cache = [&](Value operand, unsigned index) {
    return CacheView(cast<seq::CacheType>(operand.getType()), views[index], kvHeads);
  };
  if (op.getKeyScale()) {
    keyScales = cache(op.getKeyScale(), next++);
    valueScales = cache(op.getValueScale(), next++);
  }
  if (op.getBias())
    biasView = views[next++];
  if (op.getMask())
    maskView = views[next++];
  if (!isRagged) {
    keyExtent = views[1].extents[0];
  } else {
    keys = cache(op.getKey(), 1);
    values = cache(op.getValue(), 2);
    keyExtent = static_cast<int32_t>(cast<seq::CacheType>(op.getKey().getType()).getLength());
    slotView = views[next++];
    positionView = views[next++];
  }
}

static Expr asFloat(Expr value) { return Halide::cast<float>(std::move(value)); }

Expr AttentionOperands::group(Expr head) const {
  return op.getHeadMap() == seq::HeadMap::tiled ? head % kvHeads : head / (heads / kvHeads);
}

Expr AttentionOperands::maskOf(Expr row, Expr position) const {
  return asFloat(isRagged ? maskView->at({slotOf(row), position, 0}) : maskView->at({position, 0}));
}

Expr AttentionOperands::query(Expr row, Expr head, Expr feature) const {
  return asFloat(views[0].at({row, head * width + feature}));
}

Expr AttentionOperands::key(Expr head, Expr position, Expr feature) const {
  return asFloat(views[1].at({position, group(head) * width + feature}));
}

Expr AttentionOperands::value(Expr head, Expr position, Expr feature) const {
  return asFloat(views[2].at({position, group(head) * valueWidth + feature}));
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

Expr AttentionOperands::distance(Expr row, Expr position, int rows) const {
  Expr index = std::move(row) - std::move(position) + middle();
  std::optional<int64_t> count = distances();
  if (count && *count >= 2 * rows - 1)
    return Halide::unsafe_promise_clamped(index, 0, static_cast<int>(*count) - 1);
  return clampedDistance(index);
}

void AttentionOperands::hideExtents(const Stage &stage) {
  Expr zero = stage.func.output_buffer().dim(1).extent() - rows;
  rows += zero;
  keyExtent += zero;
}

Expr AttentionOperands::bias(Expr head, Expr at, Expr position, Expr distance) const {
  const Exprs &extents = biasView->extents;
  Expr plane = clampedIndex(head, extents[0]); // of all heads, or one for all
  if (op.getByDistance())
    return asFloat(biasView->at({plane, distance}));
  return asFloat(biasView->at({plane, clampedIndex(at, extents[1]), position}));
}

Expr AttentionOperands::score(Expr dot, Expr row, Expr head, Expr position, Expr distance, Expr limit) const {
  constexpr float log2e = 1.44269504f;
  Expr value;
  if (auto cap = op.getSoftcap()) {
    auto bound = static_cast<float>(cap->convertToDouble());
    auto scale = static_cast<float>(op.getScale().convertToDouble() / cap->convertToDouble());
    value = rationalTanh(dot * scale) * (bound * log2e);
  } else {
    value = dot * static_cast<float>(op.getScale().convertToDouble() * M_LOG2E);
  }
  // What is added may be -inf, which hides the key.
  Exprs added;
  if (biasView)
    added.push_back(bias(head, positionOf(row), position, distance));
  if (maskView)
    added.push_back(maskOf(row, position));
  if (!added.empty() && !limit.defined())
    limit = kVisible;
  for (const Expr &term : added) {
    value += Halide::strict_float(Halide::max(term, -1e38f)) * log2e;
    limit = Halide::select(Halide::strict_float(term >= kInvisible), limit, kInvisible);
  }
  // Not a choice between values: Halide would compute the product under that condition only, and then it
  // does not see that a loop over keys ends where they do.
  return limit.defined() ? Halide::min(value, limit) : value;
}

Stage AttentionOperands::stage(const std::string &name) const {
  Stage stage;
  stage.op = op;
  stage.func = Halide::Func(name);
  stage.vars = {Halide::Var("row"), Halide::Var("feature")};
  stage.extents = {rows, Expr(heads * valueWidth)};
  Type elementType = cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
  stage.func(stage.vars[1], stage.vars[0]) = Halide::undef(storageType(elementType));
  stage.results.push_back(viewOf(stage.func, 0, stage.extents, elementType));
  return stage;
}

void AttentionOperands::define(const Stage &stage,
                               const std::function<Expr(Expr, Expr, Expr)> &normalised) const {
  Halide::Var row = stage.vars[0], feature = stage.vars[1];
  stage.func(feature, row) = toStorage(normalised(row, feature / valueWidth, feature % valueWidth),
                                       stage.results.front().elementType);
}

int AttentionOperands::powerOfTwo(int value, int limit) {
  return std::gcd(value, static_cast<int>(llvm::bit_floor(static_cast<unsigned>(limit))));
}

/// All but the sign of a negative number inverted: its own inverse.
static Expr orderOf(const Expr &bits) { return bits ^ ((bits >> 31) & INT32_MAX); }

Expr LaneReduction::bitsOf(const Expr &value) const {
  Expr bits = Halide::reinterpret<int32_t>(value);
  return kind == Kind::maximum ? orderOf(bits) : bits;
}

Expr LaneReduction::valueOf(const Expr &bits) const {
  return Halide::reinterpret<float>(kind == Kind::maximum ? orderOf(bits) : bits);
}

LaneReduction::LaneReduction(const std::string &name, const Halide::Func &of,
                             const std::vector<Halide::Var> &arguments, int count, Kind kind,
                             bool isDeterministic)
    : func(name), kind(kind) {
  std::vector<Expr> plain(arguments.begin(), arguments.end());
  auto ofLane = [&](Expr lane) -> Expr {
    std::vector<Expr> inner{std::move(lane)};
    inner.insert(inner.end(), plain.begin(), plain.end());
    return kind == Kind::sum ? Expr(of(inner)) : bitsOf(of(inner));
  };
  auto combined = [kind](Expr a, Expr b) { return kind == Kind::sum ? a + b : Halide::max(a, b); };
  if (isDeterministic) {
    std::vector<Expr> values;
    for (int i = 0; i < count; ++i)
      values.push_back(ofLane(i));
    func(plain) = inPairs(values, combined);
    return;
  }
  Halide::RDom domain(0, count);
  lanes = domain.x;
  func(plain) = kind == Kind::sum ? Expr(0.0f) : kind == Kind::largest ? Expr(0) : Expr(INT32_MIN);
  func(plain) = combined(func(plain), ofLane(domain.x));
}

Expr LaneReduction::operator()(const std::vector<Expr> &arguments) const {
  Expr value = func(arguments);
  return kind == Kind::sum ? value : valueOf(value);
}

void LaneReduction::computeAt(const Halide::LoopLevel &level) {
  func.compute_at(level).store_in(kStackStorage);
  if (lanes)
    func.update().atomic().vectorize(*lanes);
}

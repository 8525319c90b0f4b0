// Row axes follow from indexing maps: along a linalg operation, time must be one parallel loop that indexes
// every operand and result that has a row axis by itself, and nothing else. Views keep the axis if they leave
// it alone.
#include "passes/Analysis/RowAxes.h"

#include "dialects/Seq/IR/Seq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace halyard {

RowAxes::RowAxes(Block &block, const BindingTimes &times, ArrayRef<std::optional<int64_t>> argumentAxes)
    : times(times) {
  for (auto [argument, axis] : llvm::zip(block.getArguments(), argumentAxes))
    if (axis)
      axes[argument] = *axis;
  for (Operation &op : block.without_terminator()) {
    if (offending)
      return;
    if (times.of(&op) == BindingTime::step)
      visit(&op);
  }
}

std::optional<int64_t> RowAxes::of(Value value) const {
  auto found = axes.find(value);
  if (found == axes.end())
    return std::nullopt;
  return found->second;
}

void RowAxes::fail(Operation *op, const Twine &reason) {
  offending = op;
  why = reason.str();
}

/// Whether every value of the source that `op` reads can be had row by row, each of the row's own slot.
static bool readsSourceByRow(Operation *op) {
  for (OpOperand &operand : op->getOpOperands()) {
    auto load = operand.get().getDefiningOp<seq::LoadOp>();
    if (!load)
      continue;
    if (auto attention = dyn_cast<seq::AttentionOp>(op)) {
      if (operand.get() != attention.getKey() && operand.get() != attention.getValue() &&
          operand.get() != attention.getMask())
        return false;
      continue;
    }
    auto type = dyn_cast<RankedTensorType>(load.getResult().getType());
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!type || !type.hasStaticShape() || !generic || !generic.isDpsInput(&operand))
      return false;
  }
  return true;
}

void RowAxes::visit(Operation *op) {
  if (!readsSourceByRow(op))
    return fail(op, "it reads rows of the source outside attention");
  if (auto generic = dyn_cast<linalg::LinalgOp>(op))
    return visitGeneric(generic);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    return visitSlice(slice);
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return visitReshape(op, expand.getSrc(), expand.getResult(), expand.getReassociationIndices(), false);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
    return visitReshape(op, collapse.getSrc(), collapse.getResult(), collapse.getReassociationIndices(),
                        true);
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return visitInsertSlice(insert);
  if (auto concat = dyn_cast<tensor::ConcatOp>(op))
    return visitConcat(concat);
  if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    if (auto axis = of(cast.getSource()))
      axes[cast.getResult()] = *axis;
    return;
  }
  // Destinations and sizes hold no data: the operations that write them say where time is.
  if (isa<tensor::EmptyOp, seq::LengthOp, seq::ExtentsOp, affine::AffineApplyOp, tensor::DimOp>(op) ||
      op->getResultTypes().front().isIndex())
    return;
  if (op->getDialect() == op->getContext()->getLoadedDialect<seq::SeqDialect>())
    return visitNamed(op);
  fail(op, "'" + op->getName().getStringRef() + "' is not known to treat rows independently");
}

/// The loop that indexes axis `axis` of an operand by itself, or -1.
static int64_t loopOf(AffineMap map, int64_t axis) {
  auto dim = dyn_cast<AffineDimExpr>(map.getResult(axis));
  return dim ? static_cast<int64_t>(dim.getPosition()) : -1;
}

void RowAxes::visitGeneric(linalg::LinalgOp op) {
  int64_t time = -1;
  for (OpOperand *input : op.getDpsInputOperands()) {
    auto axis = of(input->get());
    if (!axis)
      continue;
    int64_t loop = loopOf(op.getMatchingIndexingMap(input), *axis);
    if (loop < 0 || (time >= 0 && time != loop))
      return fail(op, "its operands index time in different ways");
    time = loop;
  }
  if (time < 0) {
    // A splat of any extent is row-wise along each of its axes; the first dynamic one is time.
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    bool fills = isa<linalg::FillOp>(op) && type;
    for (int64_t axis = 0; fills && axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis)) {
        axes[op->getResult(0)] = axis;
        return;
      }
    if (fills)
      return;
    return fail(op, "it computes over time without reading any row");
  }
  if (op.getIteratorTypesArray()[time] != utils::IteratorType::parallel)
    return fail(op, "it reduces over time");
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    auto axis = op.isDpsInput(&operand) ? of(operand.get()) : std::nullopt;
    for (auto [position, expr] : llvm::enumerate(map.getResults()))
      if (expr.isFunctionOfDim(time) && (op.isDpsInput(&operand) ? axis != std::optional<int64_t>(position)
                                                                 : loopOf(map, position) != time))
        return fail(op, "an operand without rows is indexed by time");
  }
  WalkResult walk = op->walk([&](Operation *inner) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner); index && static_cast<int64_t>(index.getDim()) == time)
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return fail(op, "it computes with row numbers");
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  for (Value value : captured)
    if (of(value))
      return fail(op, "it gathers from other rows");
  for (auto [result, init] : llvm::zip_equal(op->getResults(), op.getDpsInits())) {
    AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(result.getResultNumber()));
    bool found = false;
    for (int64_t position = 0; position < static_cast<int64_t>(map.getNumResults()); ++position)
      if (loopOf(map, position) == time) {
        axes[result] = position;
        found = true;
      }
    if (!found)
      return fail(op, "its result has no row axis");
  }
}

bool RowAxes::isPositional(tensor::ExtractSliceOp slice, const BindingTimes &times, int64_t &axis) {
  if (times.of(slice.getSource()) != BindingTime::constant || !slice.hasUnitStride() ||
      !slice.hasZeroOffset())
    return false;
  axis = -1;
  for (auto [position, size] : llvm::enumerate(slice.getMixedSizes())) {
    auto dynamic = dyn_cast<Value>(size);
    if (!dynamic)
      continue;
    auto length = dynamic.getDefiningOp<seq::LengthOp>();
    if (axis >= 0 || !length || length.getAxis() != seq::Axis::target)
      return false;
    axis = position;
  }
  return axis >= 0 && slice.getType().getRank() == slice.getSourceType().getRank();
}

void RowAxes::visitSlice(tensor::ExtractSliceOp op) {
  auto source = of(op.getSource());
  if (!source) {
    int64_t axis;
    if (!isPositional(op, times, axis))
      return fail(op, "it takes part of a table in another way than the first rows");
    axes[op.getResult()] = axis;
    return;
  }
  auto dynamic = dyn_cast<Value>(op.getMixedSizes()[*source]);
  if (!dynamic || getConstantIntValue(op.getMixedOffsets()[*source]) != 0 ||
      getConstantIntValue(op.getMixedStrides()[*source]) != 1)
    return fail(op, "it takes some rows only");
  llvm::SmallBitVector dropped = op.getDroppedDims();
  axes[op.getResult()] =
      *source - static_cast<int64_t>(llvm::count_if(llvm::seq<int64_t>(0, *source),
                                                    [&](int64_t d) { return dropped.test(d); }));
}

void RowAxes::visitReshape(Operation *op, Value from, Value to, ArrayRef<ReassociationIndices> groups,
                           bool collapses) {
  auto axis = of(from);
  if (!axis)
    return fail(op, "it reshapes a value without rows");
  auto wide = cast<RankedTensorType>(collapses ? from.getType() : to.getType());
  for (auto [index, group] : llvm::enumerate(groups)) {
    if (collapses ? !llvm::is_contained(group, *axis) : static_cast<int64_t>(index) != *axis)
      continue;
    // Time may lie beside unit extents only, otherwise rows are mixed with features.
    int64_t time = -1;
    for (int64_t dim : group) {
      if (wide.getDimSize(dim) == 1)
        continue;
      if (time >= 0)
        return fail(op, "it merges time with another axis");
      time = dim;
    }
    if (time < 0)
      return fail(op, "it loses time");
    axes[to] = collapses ? static_cast<int64_t>(index) : time;
    return;
  }
}

void RowAxes::visitInsertSlice(tensor::InsertSliceOp op) {
  auto source = of(op.getSource());
  if (!source || op.getSourceType().getRank() != op.getDestType().getRank())
    return fail(op, "it inserts a value without rows");
  if (getConstantIntValue(op.getMixedOffsets()[*source]) != 0)
    return fail(op, "it moves rows");
  auto into = of(op.getDest());
  if (into && *into != *source)
    return fail(op, "its operands have time in different axes");
  axes[op.getResult()] = *source;
}

void RowAxes::visitConcat(tensor::ConcatOp op) {
  std::optional<int64_t> axis;
  for (Value input : op.getInputs()) {
    auto own = of(input);
    if (!own || (axis && *axis != *own))
      return fail(op, "its operands have time in different axes");
    axis = own;
  }
  if (static_cast<int64_t>(op.getDim()) == *axis)
    return fail(op, "it concatenates along time");
  axes[op.getResult()] = *axis;
}

void RowAxes::visitNamed(Operation *op) {
  if (auto attention = dyn_cast<seq::AttentionOp>(op)) {
    if (of(attention.getQuery()) != std::optional<int64_t>(0))
      return fail(op, "its queries are not rows of the step");
    bool self = of(attention.getKey()) || of(attention.getValue());
    if (self && !attention.getCausal())
      return fail(op, "its mask is not causal");
    if (self && (!of(attention.getKey()) || !of(attention.getValue())))
      return fail(op, "its keys are of the step and its values are not, or the other way round");
    if (attention.getBias() && times.of(attention.getBias()) != BindingTime::constant)
      return fail(op, "its bias is computed while running");
    if (attention.getMask() && (self || times.of(attention.getMask()) == BindingTime::step))
      return fail(op, "its mask is computed while running");
    axes[attention.getResult()] = 0;
    return;
  }
  if (!isa<seq::NormOp, seq::RotaryOp, seq::PrefixSumOp, seq::CacheAppendOp, seq::LinearOp, seq::QuantizeOp,
           seq::SplitOp>(op))
    return fail(op, "'" + op->getName().getStringRef() + "' is not known to treat rows independently");
  for (Value operand : op->getOperands())
    if (times.of(operand) == BindingTime::step && of(operand) != std::optional<int64_t>(0))
      return fail(op, "its operands are not rows of the step");
  if (!of(op->getOperand(0)))
    return fail(op, "it computes over time without reading any row");
  for (Value result : op->getResults())
    axes[result] = 0;
}

} // namespace halyard

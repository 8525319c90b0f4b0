// Symbolic shapes of operators that read or write at computed positions.
#include "passes/Analysis/SymbolicInference.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace halyard;

namespace {

LengthExprs concatenated(std::initializer_list<ArrayRef<AffineExpr>> parts) {
  LengthExprs all;
  for (ArrayRef<AffineExpr> part : parts)
    llvm::append_range(all, part);
  return all;
}

/// Elements of a vector (of slices, if axis 0 of several) at constant indices.
void gatherContents(onnx::GatherOp op, SymbolicInference &in, ArrayRef<AffineExpr> data) {
  std::optional<LengthExprs> contents = in.contents(op.getData());
  std::optional<SmallVector<int64_t>> indices = in.constants(op.getIndices());
  std::optional<int64_t> slice = constantCount(data.drop_front());
  if (!contents || !indices || !slice || contents->empty())
    return;
  int64_t extent = contents->size() / std::max<int64_t>(*slice, 1);
  LengthExprs elements;
  for (int64_t index : *indices) {
    int64_t position = fromFront(index, extent);
    if (position < 0 || position >= extent)
      return in.error(op, "expects indices below " + Twine(extent) + ", got " + Twine(index));
    llvm::append_range(elements, ArrayRef(*contents).slice(position * *slice, *slice));
  }
  in.setContents(op.getResult(), elements);
}

void visitGather(onnx::GatherOp op, SymbolicInference &in) {
  std::optional<LengthExprs> data = in.shape(op.getData()), indices = in.shape(op.getIndices());
  if (!data || !indices)
    return;
  size_t axis = fromFront(op.getAxis(), data->size());
  if (axis >= data->size())
    return in.error(op,
                    "expects axis within the rank " + Twine(data->size()) + ", got " + Twine(op.getAxis()));
  ArrayRef<AffineExpr> extents(*data);
  in.setShape(op.getResult(),
              concatenated({extents.take_front(axis), *indices, extents.drop_front(axis + 1)}));
  if (axis == 0)
    gatherContents(op, in, extents);
}

void visitGatherND(onnx::GatherNDOp op, SymbolicInference &in) {
  std::optional<LengthExprs> data = in.shape(op.getData()), indices = in.shape(op.getIndices());
  if (!data || !indices || indices->empty())
    return;
  std::optional<int64_t> depth = LengthAlgebra::value(indices->back());
  size_t used = op.getBatchDims() + depth.value_or(0);
  if (!depth || used > data->size())
    return;
  in.setShape(op.getResult(),
              concatenated({ArrayRef(*indices).drop_back(), ArrayRef(*data).drop_front(used)}));
}

void visitNonZero(onnx::NonZeroOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getInput());
  if (!shape)
    return;
  AffineExpr rank = in.constant(shape->size());
  std::optional<SmallVector<int64_t>> elements = in.constants(op.getInput());
  if (!elements || !constantCount(*shape))
    return in.setShape(op.getResult(), {rank, AffineExpr()});
  SmallVector<LengthExprs> rows(shape->size());
  for (auto [index, element] : llvm::enumerate(*elements)) {
    if (element == 0)
      continue;
    int64_t rest = index;
    for (size_t axis = shape->size(); axis-- > 0;) {
      int64_t extent = *LengthAlgebra::value((*shape)[axis]);
      rows[axis].push_back(in.constant(rest % extent));
      rest /= extent;
    }
  }
  LengthExprs contents;
  for (const LengthExprs &row : rows)
    llvm::append_range(contents, row);
  in.setShape(op.getResult(), {rank, in.constant(rows.empty() ? 0 : rows.front().size())});
  in.setContents(op.getResult(), contents);
}

void visitCompress(onnx::CompressOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getInput());
  AffineExpr count;
  if (std::optional<SmallVector<int64_t>> condition = in.constants(op.getCondition()))
    count = in.constant(condition->size() - llvm::count(*condition, 0));
  if (!op.getAxis())
    return in.setShape(op.getResult(), {count});
  if (!shape)
    return;
  (*shape)[fromFront(*op.getAxis(), shape->size())] = count;
  in.setShape(op.getResult(), *shape);
}

void visitOneHot(onnx::OneHotOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getIndices());
  if (!shape)
    return;
  int64_t axis = fromFront(op.getAxis(), shape->size() + 1);
  shape->insert(shape->begin() + axis, in.scalar(op.getDepth()));
  in.setShape(op.getResult(), *shape);
}

void visitTopK(onnx::TopKOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getX());
  if (!shape)
    return;
  (*shape)[fromFront(op.getAxis(), shape->size())] = in.scalar(op.getK());
  for (Value result : op->getResults())
    in.setShape(result, *shape);
}

void visitUnique(onnx::UniqueOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getX());
  if (shape && op.getAxis())
    (*shape)[fromFront(*op.getAxis(), shape->size())] = AffineExpr();
  for (auto [index, result] : llvm::enumerate(op->getResults())) {
    if (index > 0 || !op.getAxis())
      in.setShape(result, {AffineExpr()});
    else if (shape)
      in.setShape(result, *shape);
  }
}

void shapeOfOperand(Operation *op, SymbolicInference &in, unsigned operand) {
  if (std::optional<LengthExprs> shape = in.shape(op->getOperand(operand)))
    in.setShape(op->getResult(0), *shape);
}
} // namespace

void halyard::addIndexingTransfers(TransferTable &table) {
  table.addTyped<onnx::GatherOp>(visitGather);
  table.addTyped<onnx::GatherNDOp>(visitGatherND);
  table.addTyped<onnx::NonZeroOp>(visitNonZero);
  table.addTyped<onnx::CompressOp>(visitCompress);
  table.addTyped<onnx::OneHotOp>(visitOneHot);
  table.addTyped<onnx::TopKOp>(visitTopK);
  table.addTyped<onnx::UniqueOp>(visitUnique);
  table.add<onnx::GatherElementsOp>([](Operation *op, SymbolicInference &in) { shapeOfOperand(op, in, 1); });
  table.add<onnx::ScatterElementsOp, onnx::ScatterNDOp, onnx::TensorScatterOp, onnx::ReverseSequenceOp>(
      [](Operation *op, SymbolicInference &in) { shapeOfOperand(op, in, 0); });
}

// What a stage computes and reads; see the header.
#include "passes/Analysis/Cost.h"

#include "dialects/Runtime/IR/Runtime.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;

namespace halyard {

namespace {

class Counter {
public:
  Counter(const StageExtents &extents, const CostLengths &lengths, bool overRows)
      : extents(extents), lengths(lengths), overRows(overRows) {}

  void count(Operation *op) {
    if (auto generic = dyn_cast<linalg::LinalgOp>(op))
      countLoops(generic);
    else if (auto attending = dyn_cast<seq::AttentionOp>(op))
      countAttention(attending);
    else if (auto linear = dyn_cast<seq::LinearOp>(op))
      return countLinear(linear);
    else if (auto sum = dyn_cast<seq::PrefixSumOp>(op))
      cost.attentionMultiplyAdds += elements(sum.getResult()) * (overRows ? lengths.kept : 1);
    auto attention = dyn_cast<seq::AttentionOp>(op);
    for (Value operand : op->getOperands())
      if (!attention || operand != attention.getBias()) // read along with the keys, as far as there are any
        read(operand);
    // A table that a body indexes is not read whole; other captured constants are scalars.
  }
  StageCost cost;

private:
  int64_t value(AffineExpr expression) const {
    MLIRContext *context = expression.getContext();
    AffineExpr at = expression.replaceSymbols(
        {getAffineConstantExpr(lengths.source, context), getAffineConstantExpr(lengths.target, context)});
    auto constant = dyn_cast<AffineConstantExpr>(simplifyAffineExpr(at, 0, 0));
    return constant ? constant.getValue() : 0;
  }

  int64_t elements(Value tensor) const {
    int64_t product = 1;
    for (AffineExpr extent : extents.shape(tensor))
      product *= value(extent);
    return product;
  }

  /// A multiply-add for each point of a reduction's loops. Elementwise operations are not counted.
  void countLoops(linalg::LinalgOp op) {
    if (!op.getNumReductionLoops())
      return;
    SmallVector<int64_t> loops(op.getNumLoops(), 0);
    for (OpOperand &operand : op->getOpOperands())
      for (auto [dim, result] : llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults()))
        if (auto loop = dyn_cast<AffineDimExpr>(result))
          loops[loop.getPosition()] = value(extents.shape(operand.get())[dim]);
    int64_t points = 1;
    for (int64_t extent : loops)
      points *= std::max<int64_t>(extent, 1);
    cost.multiplyAdds += points;
  }

  /// The matrix that was packed, without what fills its last panel.
  void countLinear(seq::LinearOp op) {
    int64_t terms = op.getTerms();
    cost.multiplyAdds += elements(op.getResult()) * terms;
    Value weight = op.getWeight();
    for (Value operand : {op.getScale(), op.getColumnSums()})
      if (operand)
        read(operand);
    auto constant = weight.getDefiningOp<arith::ConstantOp>();
    if (!constant || !seen.insert(constant.getValue()).second)
      return;
    Type element = cast<RankedTensorType>(weight.getType()).getElementType();
    int64_t bytes = terms * value(extents.shape(op.getResult()).back()) * rt::bytesOfElement(element);
    cost.weightBytes += op.getGroup() ? bytes / 2 : bytes; // 4-bit codes
  }

  /// Each pair of a query row and a key that it sees costs a query's width for scores and a result's width
  /// for values.
  void countAttention(seq::AttentionOp op) {
    ArrayRef<AffineExpr> query = extents.shape(op.getQuery()), result = extents.shape(op.getResult());
    int64_t width = value(query.back()) + value(result.back()), rows = value(query.front()), pairs = 0;
    if (isa<RankedTensorType>(op.getKey().getType())) {
      int64_t keys = value(extents.shape(op.getKey()).front());
      pairs = op.getCausal() ? rows * (keys + 1) / 2 : rows * keys;
    } else {
      AffineExpr sourceRows = extents.memoryRows();
      pairs = rows * (op.getCausal() ? lengths.kept : value(sourceRows));
    }
    cost.attentionMultiplyAdds += pairs * width;
  }

  /// Counts a constant once, also behind reshapes and slices of it.
  void read(Value operand) {
    Operation *op = operand.getDefiningOp();
    while (isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, tensor::ReshapeOp>(
        op))
      op = op->getOperand(0).getDefiningOp();
    auto constant = dyn_cast_or_null<arith::ConstantOp>(op);
    if (!constant || !isa<RankedTensorType>(constant.getType()) || !seen.insert(constant.getValue()).second)
      return;
    auto type = cast<RankedTensorType>(constant.getType());
    cost.weightBytes += type.getNumElements() * rt::bytesOfElement(type.getElementType());
  }

  const StageExtents &extents;
  const CostLengths &lengths;
  bool overRows;
  DenseSet<Attribute> seen;
};

} // namespace

StageCost stageCost(Operation *stage, const StageExtents &extents, const CostLengths &lengths) {
  auto step = dyn_cast<seq::StepOp>(stage);
  Counter counter(extents, lengths, step && step.getMode() == seq::StepMode::incremental);
  for (Operation &op : stage->getRegion(0).front())
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, tensor::ReshapeOp>(op))
      counter.count(&op);
  return counter.cost;
}

DictionaryAttr programCost(seq::ProgramOp program, const StageExtents &extents) {
  Builder builder(program.getContext());
  SmallVector<NamedAttribute> stages;
  for (Operation &op : program.getBody().front()) {
    if (!seq::isStage(&op))
      continue;
    CostLengths lengths;
    lengths.source = program.getMaxSource();
    lengths.kept = program.getMaxTarget();
    if (auto step = dyn_cast<seq::StepOp>(op); step && step.getMode() == seq::StepMode::recompute)
      lengths.target = program.getMaxTarget();
    StageCost cost = stageCost(&op, extents, lengths);
    auto number = [&](StringRef name, int64_t value) {
      return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
    };
    stages.push_back(builder.getNamedAttr(
        op.getName().stripDialect(),
        builder.getDictionaryAttr({number("multiply_adds", cost.multiplyAdds),
                                   number("attention_multiply_adds", cost.attentionMultiplyAdds),
                                   number("weight_bytes", cost.weightBytes)})));
  }
  return builder.getDictionaryAttr(stages);
}

} // namespace halyard

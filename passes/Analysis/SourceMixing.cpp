// What depends on the source, and on the mask, is followed forwards. An axis is one of time if its extent
// depends on the source length. An operator on values of the source leaves rows alone if every axis of time
// is still there in its result and it computes nothing along one. Probabilities of attention, the softmax of
// scores along time, are the exception: they may be multiplied with values along time if the mask has had its
// say in the scores.
#include "passes/Analysis/SourceMixing.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Analysis/Elementwise.h"
#include "passes/Analysis/LengthAlgebra.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace halyard {
namespace {

class Search {
public:
  Search(Value source, Value mask, const SymbolicShapes &shapes) : shapes(shapes) {
    ofSource.insert(source);
    ofMask.insert(mask);
  }

  /// Why the operation mixes rows, or an empty string.
  std::string visit(Operation *op);

private:
  std::string mixing(Operation *op) const;
  std::string mixingAlong(Operation *op, int64_t from, int64_t to) const;
  std::string mixingProduct(Operation *op, Value a, int64_t axisOfA) const;
  std::string mixingEinsum(onnx::EinsumOp op) const;
  std::string losingTime(Operation *op) const;
  bool windowsOverTime(Operation *op) const;

  bool isTime(AffineExpr extent) const { return extent && extent.isFunctionOfSymbol(0); }
  bool isTime(Value value, int64_t axis) const {
    auto shape = shapes.shape(value);
    int64_t rank = shape ? shape->size() : 0;
    axis += axis < 0 ? rank : 0;
    return axis >= 0 && axis < rank && isTime((*shape)[axis]);
  }
  static int64_t integer(Operation *op, StringRef name, int64_t otherwise) {
    auto attribute = op->getAttrOfType<IntegerAttr>(name);
    return attribute ? attribute.getInt() : otherwise;
  }

  const SymbolicShapes &shapes;
  DenseSet<Value> ofSource, ofMask, probabilities;
};

std::string Search::visit(Operation *op) {
  // Extents are the same with any contents.
  if (isa<onnx::ShapeOp, onnx::SizeOp>(op))
    return "";
  auto readsAny = [&](const DenseSet<Value> &set) {
    return llvm::any_of(op->getOperands(), [&](Value operand) { return set.contains(operand); });
  };
  bool passesOn = isElementwise(op) || isa<onnx::ReshapeOp, onnx::TransposeOp, onnx::SqueezeOp,
                                           onnx::UnsqueezeOp, onnx::FlattenOp, onnx::DropoutOp>(op);
  std::string reason = readsAny(ofSource) ? mixing(op) : "";
  for (Value result : op->getResults()) {
    if (readsAny(ofSource))
      ofSource.insert(result);
    if (readsAny(ofMask))
      ofMask.insert(result);
    if (isa<onnx::SoftmaxOp>(op) || (passesOn && readsAny(probabilities)))
      probabilities.insert(result);
  }
  return reason;
}

std::string Search::mixing(Operation *op) const {
  using namespace onnx;
  for (Value value :
       llvm::concat<Value>(SmallVector<Value>(op->getOperands()), SmallVector<Value>(op->getResults())))
    if (!isa<NoneType>(value.getType()) && ofSource.contains(value) && !shapes.shape(value))
      return "the rank of what it reads is not known";
  int64_t rank = shapes.shape(op->getOperand(0)) ? shapes.shape(op->getOperand(0))->size() : 0;
  if (isa<SoftmaxOp>(op)) {
    bool seesMask = ofMask.contains(op->getOperand(0));
    return isTime(op->getOperand(0), integer(op, "axis", -1)) && !seesMask
               ? "it is a softmax without the mask"
               : losingTime(op);
  }
  if (isa<AttentionOp, MSMultiHeadAttentionOp, MSAttentionOp>(op))
    return llvm::any_of(op->getOperands(), [&](Value operand) { return ofMask.contains(operand); })
               ? ""
               : "it is attention without the mask";
  if (auto product = dyn_cast<MatMulOp>(op))
    return mixingProduct(op, product.getA(), -1);
  if (auto product = dyn_cast<MSFusedMatMulOp>(op))
    return mixingProduct(op, product.getA(), integer(op, "transA", 0) ? -2 : -1);
  if (auto product = dyn_cast<GemmOp>(op))
    return mixingProduct(op, product.getA(), integer(op, "transA", 0) ? 0 : 1);
  if (isa<MatMulIntegerOp, QLinearMatMulOp, MSMatMulIntegerToFloatOp, MSDynamicQuantizeMatMulOp>(op))
    return mixingProduct(op, op->getOperand(0), -1);
  if (auto einsum = dyn_cast<EinsumOp>(op))
    return mixingEinsum(einsum);
  if (isa<LayerNormalizationOp, RMSNormalizationOp, MSSimplifiedLayerNormalizationOp>(op))
    return mixingAlong(op, integer(op, "axis", -1), rank);
  if (isa<LpNormalizationOp, LogSoftmaxOp, HardmaxOp>(op))
    return mixingAlong(op, integer(op, "axis", -1), integer(op, "axis", -1) + 1);
  if (isa<InstanceNormalizationOp, GroupNormalizationOp>(op))
    return mixingAlong(op, isa<GroupNormalizationOp>(op) ? 1 : 2, rank);
  if (isa<ConvOp, ConvTransposeOp, ConvIntegerOp, AveragePoolOp, MaxPoolOp>(op))
    return windowsOverTime(op) ? "its windows span rows" : losingTime(op);
  if (isa<CumSumOp, CumProdOp>(op))
    return integer(op, "reverse", 0) ? "it accumulates backwards" : losingTime(op);
  if (isa<GatherOp>(op) && isTime(op->getOperand(0), integer(op, "axis", 0)) &&
      ofSource.contains(op->getOperand(0)))
    return "it gathers rows";
  // The scale of a dynamic quantisation covers all rows, but what it stands for does not depend on them.
  bool leavesRows =
      isElementwise(op) ||
      isa<ReshapeOp, TransposeOp, SqueezeOp, UnsqueezeOp, FlattenOp, ExpandOp, TileOp, SliceOp, SplitOp,
          ConcatOp, PadOp, GatherOp, DropoutOp, CastLikeOp, PReluOp, OneHotOp, BatchNormalizationOp,
          RotaryEmbeddingOp, QuantizeLinearOp, DequantizeLinearOp, DynamicQuantizeLinearOp, ReduceL1Op,
          ReduceL2Op, ReduceLogSumOp, ReduceLogSumExpOp, ReduceMaxOp, ReduceMeanOp, ReduceMinOp, ReduceProdOp,
          ReduceSumOp, ReduceSumSquareOp, ArgMaxOp, ArgMinOp, MSBiasAddOp, MSBiasGeluOp, MSFastGeluOp,
          MSGeluOp, MSQuickGeluOp, MSSkipLayerNormalizationOp, MSSkipSimplifiedLayerNormalizationOp,
          MSEmbedLayerNormalizationOp, MSDequantizeLinearOp, MSQuantizeLinearOp, MSRotaryEmbeddingOp>(op);
  return leavesRows ? losingTime(op) : "it is not known to treat rows independently";
}

/// An operator that computes along axes [from, to) of its first operand.
std::string Search::mixingAlong(Operation *op, int64_t from, int64_t to) const {
  int64_t rank = shapes.shape(op->getOperand(0))->size();
  from += from < 0 ? rank : 0;
  to += to <= 0 ? rank : 0;
  for (int64_t axis = from; axis < to; ++axis)
    if (isTime(op->getOperand(0), axis))
      return "it computes over all rows";
  return losingTime(op);
}

/// A product that sums over `axisOfA`.
std::string Search::mixingProduct(Operation *op, Value a, int64_t axisOfA) const {
  bool attends =
      llvm::any_of(op->getOperands(), [&](Value operand) { return probabilities.contains(operand); });
  return isTime(a, axisOfA) && !attends ? "it sums over rows" : "";
}

std::string Search::mixingEinsum(onnx::EinsumOp op) const {
  if (llvm::any_of(op.getInputs(), [&](Value operand) { return probabilities.contains(operand); }))
    return "";
  auto [inputs, output] = op.getEquation().split("->");
  if (inputs.contains('.') || output.empty())
    return "its equation leaves axes open";
  SmallVector<StringRef> terms;
  inputs.split(terms, ',');
  for (auto [term, operand] : llvm::zip(terms, op.getInputs()))
    for (auto [axis, index] : llvm::enumerate(term.trim()))
      if (!output.contains(index) && isTime(operand, axis))
        return "it sums over rows";
  return "";
}

/// Whether a convolution or pooling has a window of more than one row.
bool Search::windowsOverTime(Operation *op) const {
  auto kernel = op->getAttrOfType<DenseI64ArrayAttr>("kernel_shape");
  auto shape = shapes.shape(op->getOperand(0));
  for (int64_t axis = 2; axis < static_cast<int64_t>(shape->size()); ++axis)
    if (isTime((*shape)[axis]) && (!kernel || kernel[axis - 2] != 1))
      return true;
  return false;
}

/// Whether an axis of time that an operand has is gone from the result: reduced, cut, moved or regrouped.
std::string Search::losingTime(Operation *op) const {
  auto result = shapes.shape(op->getResult(0));
  for (Value operand : op->getOperands()) {
    auto shape = ofSource.contains(operand) ? shapes.shape(operand) : std::nullopt;
    if (!shape)
      continue;
    for (AffineExpr extent : *shape)
      if (!extent || (isTime(extent) && (!result || !llvm::is_contained(*result, extent))))
        return "its result has other rows than its operand";
  }
  return "";
}

} // namespace

std::optional<SourceMixing> findSourceMixing(func::FuncOp encoder, Value source, Value mask,
                                             const SymbolicShapes &shapes) {
  Search search(source, mask, shapes);
  for (Operation &op : encoder.getBody().front().without_terminator())
    if (std::string reason = search.visit(&op); !reason.empty())
      return SourceMixing{&op, reason};
  return std::nullopt;
}

} // namespace halyard

// tabulate-positions: values that depend on nothing but a length become tables indexed by position.
//
// Learned and sinusoidal positions, rotary angles, relative-position biases, causal and window masks are all
// the same thing: a value of the lengths. It is evaluated at the largest length and at every shorter one; if
// the shorter ones are prefixes of the longest, it is a table, and a row of it belongs to a position whatever
// the length. The same evaluation proves causality: an attention bias that masks every later key, at every
// length, is a causal mask, and only what is left of it below the diagonal is kept, by distance if it depends
// on nothing else. A decoder that takes caches sees no later keys, whether its file has a mask or not.
#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/Causality.h"
#include "passes/Analysis/LengthOnly.h"
#include "passes/Analysis/SymbolicShapes.h"
#include "passes/Conversion/OnnxHostOps.h"
#include "passes/Transforms/LengthSlice.h"
#include "passes/Transforms/Passes.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_TABULATEPOSITIONS
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Tables larger than this are not worth their memory: what they hold is computed while running.
constexpr int64_t kLargestTable = int64_t(1) << 26;

/// Positions of sources, over all lengths, above which proving that a value is a table takes too long: rows
/// of recordings in samples can be tens of thousands. Then it is computed while running as well.
constexpr int64_t kMostPositions = int64_t(1) << 32;

class Tabulator {
public:
  Tabulator(func::FuncOp function, const SymbolicShapes &shapes, const LengthLimits &limits)
      : function(function), shapes(shapes), evaluator(function.getContext()), limits(limits) {
    registerOnnxHostOps(evaluator);
  }

  void run() {
    llvm::SetVector<Value> rows;
    llvm::MapVector<Value, SmallVector<seq::AttentionOp>> biases;
    for (Operation &op : function.getBody().front()) {
      if (op.getNumResults() && lengthOnly(op.getResult(0)))
        continue;
      auto attention = dyn_cast<seq::AttentionOp>(op);
      for (Value operand : op.getOperands()) {
        if (!lengthOnly(operand) || !isComputed(operand))
          continue;
        if (attention && operand == attention.getBias())
          biases[operand].push_back(attention);
        else
          rows.insert(operand);
      }
    }
    for (auto &[bias, attentions] : biases)
      tabulateBias(bias, attentions);
    for (Value value : rows)
      tabulateRows(value);
    if (function->hasAttr("halyard.takes_caches"))
      function.walk([&](seq::AttentionOp attention) { hideLaterRows(attention); });
  }

private:
  static bool isComputed(Value value) {
    Operation *op = value.getDefiningOp();
    if (isa<seq::ExtentsOp, seq::LengthOp, arith::ConstantOp, onnx::ConstantOp, onnx::NoneOp>(op))
      return false;
    auto expand = dyn_cast<onnx::ExpandOp>(op);
    return !expand || !matchPattern(expand.getInput(), m_Constant());
  }

  /// What a decoder keeps of a row was computed before all later ones. Its file may leave that unsaid, being
  /// made for one row at a time.
  void hideLaterRows(seq::AttentionOp attention) {
    auto queries = shapes.shape(attention.getQuery()), keys = shapes.shape(attention.getKey());
    AffineExpr target = shapes.algebra().target();
    if (!attention.getBias() && queries && keys && queries->front() == target && keys->front() == target)
      attention.setCausal(true);
  }

  FailureOr<HostTensor> evaluate(LengthSlice &slice, std::pair<int64_t, int64_t> lengths) {
    return slice.at(evaluator, lengths.first, lengths.second);
  }

  void tabulateBias(Value bias, ArrayRef<seq::AttentionOp> attentions);
  void tabulateRows(Value value);
  Value constant(OpBuilder &builder, Location loc, const HostTensor &table) {
    return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(toAttribute(table)));
  }

  func::FuncOp function;
  const SymbolicShapes &shapes;
  LengthOnly lengthOnly;
  Evaluator evaluator;
  LengthLimits limits;
};

void Tabulator::tabulateBias(Value bias, ArrayRef<seq::AttentionOp> attentions) {
  auto shape = shapes.shape(bias);
  if (!shape || shape->size() != 3 || !(*shape)[1] || (*shape)[1] != (*shape)[2])
    return;
  auto lengths = lengthsReaching((*shape)[1], limits);
  auto slice = LengthSlice::of(bias);
  if (!lengths || lengths->empty() || failed(slice))
    return;
  auto longest = evaluate(*slice, lengths->back());
  if (failed(longest) || longest->rank() != 3 || !longest->elementType.isF32() ||
      longest->elements() > kLargestTable)
    return;
  BiasTable table(*longest);
  bool causal = table.isCausal();
  for (auto pair : *lengths) {
    auto shorter = evaluate(*slice, pair);
    if (failed(shorter) || !table.hasPrefix(*shorter, causal))
      return;
  }
  bool byDistance = table.isByDistance(causal);
  Value kept;
  if (!table.isZero(causal)) {
    OpBuilder builder(function.getContext());
    builder.setInsertionPointAfterValue(bias);
    kept = constant(builder, bias.getLoc(), byDistance ? table.distances(causal) : table.normalised(causal));
  }
  for (seq::AttentionOp attention : attentions) {
    attention.setCausal(attention.getCausal() || causal);
    attention.getBiasMutable().clear();
    if (!kept)
      continue;
    attention.setByDistance(byDistance);
    attention.getBiasMutable().assign(kept);
  }
}

void Tabulator::tabulateRows(Value value) {
  auto shape = shapes.shape(value);
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!shape || !type || type.getNumDynamicDims() != 1)
    return;
  int64_t axis = 0;
  while (!type.isDynamicDim(axis))
    ++axis;
  AffineExpr extent = (*shape)[axis];
  auto lengths = extent ? lengthsReaching(extent, limits) : std::nullopt;
  auto slice = LengthSlice::of(value);
  if (!lengths || lengths->empty() || failed(slice) ||
      static_cast<int64_t>(lengths->size()) * lengths->back().first > kMostPositions)
    return;
  auto longest = evaluate(*slice, lengths->back());
  if (failed(longest) || longest->rank() != type.getRank() || longest->elements() > kLargestTable)
    return;
  for (auto pair : *lengths) {
    auto shorter = evaluate(*slice, pair);
    if (failed(shorter) || !isPrefix(*shorter, *longest, axis))
      return;
  }
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(value);
  Location loc = value.getLoc();
  Value table = constant(builder, loc, *longest);
  auto index = builder.getIndexType();
  Value source = seq::LengthOp::create(builder, loc, index, seq::Axis::source);
  Value target = seq::LengthOp::create(builder, loc, index, seq::Axis::target);
  OpFoldResult size = affine::makeComposedFoldedAffineApply(builder, loc, AffineMap::get(0, 2, extent),
                                                            ArrayRef<OpFoldResult>{source, target});
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0)), sizes,
      strides(type.getRank(), builder.getIndexAttr(1));
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    sizes.push_back(dim == axis ? size : OpFoldResult(builder.getIndexAttr(type.getDimSize(dim))));
  Value rows = tensor::ExtractSliceOp::create(builder, loc, type, table, offsets, sizes, strides);
  value.replaceAllUsesWith(rows);
}

struct TabulatePositions : impl::TabulatePositionsBase<TabulatePositions> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    auto shapes = SymbolicShapes::compute(function);
    if (failed(shapes))
      return signalPassFailure();
    Tabulator(function, *shapes, LengthLimits::of(function)).run();
  }
};

} // namespace
} // namespace halyard

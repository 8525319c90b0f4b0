// A backward slice is cloned into a function without arguments, lowered once, and run for as many lengths as
// needed.
#include "passes/Transforms/LengthSlice.h"

#include "passes/Conversion/OnnxToLinalg.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace halyard {

LengthLimits LengthLimits::of(func::FuncOp function) {
  LengthLimits limits;
  auto module = function->getParentOfType<ModuleOp>();
  auto given = module ? module->getAttrOfType<DictionaryAttr>("halyard.limits") : DictionaryAttr();
  auto read = [&](StringRef name, int64_t &limit) {
    if (auto value = given ? given.getAs<IntegerAttr>(name) : IntegerAttr())
      limit = value.getInt();
  };
  read("max_source", limits.source);
  read("max_target", limits.target);
  return limits;
}

std::optional<Lengths> lengthsReaching(AffineExpr extent, const LengthLimits &limits) {
  bool onSource = extent.isFunctionOfSymbol(0);
  if (onSource == extent.isFunctionOfSymbol(1))
    return std::nullopt;
  Lengths lengths;
  int64_t last = -1;
  AffineMap map = AffineMap::get(0, 2, extent);
  Builder builder(extent.getContext());
  for (int64_t length = 1, end = onSource ? limits.source : limits.target; length <= end; ++length) {
    std::pair<int64_t, int64_t> pair(onSource ? length : 1, onSource ? 1 : length);
    SmallVector<Attribute> value;
    if (failed(
            map.constantFold({builder.getIndexAttr(pair.first), builder.getIndexAttr(pair.second)}, value)))
      return std::nullopt;
    int64_t reached = cast<IntegerAttr>(value.front()).getInt();
    if (reached < 1 || reached == last)
      continue;
    last = reached;
    lengths.push_back(pair);
  }
  return lengths;
}

/// The operations that `value` is computed from, in the order of their block.
static SmallVector<Operation *> backwardSlice(Value value) {
  llvm::SetVector<Operation *> found;
  SmallVector<Operation *> pending{value.getDefiningOp()};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val();
    if (!op || !found.insert(op))
      continue;
    for (Value operand : op->getOperands())
      pending.push_back(operand.getDefiningOp());
  }
  SmallVector<Operation *> ordered(found.begin(), found.end());
  llvm::sort(ordered, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return ordered;
}

FailureOr<LengthSlice> LengthSlice::of(Value value) {
  MLIRContext *context = value.getContext();
  Location loc = value.getLoc();
  LengthSlice slice;
  slice.module = ModuleOp::create(loc);
  OpBuilder builder = OpBuilder::atBlockEnd(slice.module->getBody());
  slice.function =
      func::FuncOp::create(builder, loc, "slice", builder.getFunctionType({}, {value.getType()}));
  builder.setInsertionPointToStart(slice.function.addEntryBlock());
  IRMapping mapping;
  for (Operation *op : backwardSlice(value))
    builder.clone(*op, mapping);
  func::ReturnOp::create(builder, loc, mapping.lookup(value));
  ScopedDiagnosticHandler quiet(context, [](Diagnostic &) { return success(); });
  if (failed(lowerOnnxToLinalg(*slice.module)))
    return failure();
  return slice;
}

FailureOr<HostTensor> LengthSlice::at(Evaluator &evaluator, int64_t source, int64_t target) {
  ScopedDiagnosticHandler quiet(function.getContext(), [](Diagnostic &) { return success(); });
  auto results = evaluator.run(function, {}, source, target);
  if (failed(results))
    return failure();
  return results->front();
}

} // namespace halyard

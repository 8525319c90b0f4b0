// Counts the work of kernels from their functions; see the header.
#include "compiler/pipelines/emit/KernelWork.h"
#include "compiler/pipelines/emit/NpuKernel.h"

#include "dialects/Seq/IR/Seq.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;

namespace halyard::emit {

namespace {

/// The product of the extents that are known.
int64_t knownElements(Type type) {
  int64_t product = 1;
  for (int64_t extent : cast<RankedTensorType>(type).getShape())
    product *= ShapedType::isDynamic(extent) ? 1 : extent;
  return product;
}

/// A multiply-add for each point of a reduction's loops, those of unknown extent counted as one turn.
int64_t multiplyAdds(linalg::LinalgOp op) {
  if (!op.getNumReductionLoops())
    return 0;
  int64_t points = 1;
  for (int64_t extent : op.getStaticLoopRanges())
    points *= ShapedType::isDynamic(extent) ? 1 : extent;
  return points;
}

int64_t multiplyAdds(seq::LinearOp op) { return knownElements(op.getResult().getType()) * op.getTerms(); }

/// The argument that a value is, if need be reshaped.
BlockArgument argumentOf(Value value) {
  Operation *op = value.getDefiningOp();
  while (
      isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, tensor::ExtractSliceOp>(
          op)) {
    value = op->getOperand(0);
    op = value.getDefiningOp();
  }
  return dyn_cast<BlockArgument>(value);
}

/// The caches that attention reads, as arguments, and bytes of a kept row of all of them together.
void addCaches(seq::AttentionOp op, llvm::json::Object &work) {
  llvm::json::Array caches;
  llvm::SmallDenseSet<Value> seen;
  int64_t bytes = 0;
  for (Value operand :
       {Value(op.getKey()), Value(op.getValue()), Value(op.getKeyScale()), Value(op.getValueScale())})
    if (BlockArgument argument = operand ? argumentOf(operand) : BlockArgument()) {
      auto type = cast<seq::CacheType>(operand.getType());
      if (!seen.insert(operand).second)
        continue; // both keys and values
      caches.push_back(int64_t(argument.getArgNumber()));
      bytes += type.getFeatures() * rt::bytesOfElement(type.getElementType());
    }
  work["caches"] = std::move(caches);
  work["kept_row_bytes"] = bytes;
}

llvm::json::Object attentionWork(seq::AttentionOp op) {
  // Of all heads; the query may be part of wider rows.
  auto features = [](Value rows) { return cast<RankedTensorType>(rows.getType()).getDimSize(1); };
  llvm::json::Object work{{"causal", op.getCausal()},
                          {"features", features(op.getQuery()) + features(op.getResult())}};
  if (isa<seq::CacheType>(op.getKey().getType()))
    addCaches(op, work);
  for (auto [name, operand] : {std::pair("query", Value(op.getQuery())), std::pair("key", Value(op.getKey())),
                               std::pair("value", Value(op.getValue()))})
    if (BlockArgument argument = argumentOf(operand))
      work[name] = int64_t(argument.getArgNumber());
  return work;
}

/// Arguments that bodies index and that nothing reads whole.
llvm::json::Array gatheredArguments(func::FuncOp kernel) {
  llvm::json::Array gathered;
  for (BlockArgument argument : kernel.getArguments())
    if (!argument.use_empty() && isa<RankedTensorType>(argument.getType()) &&
        llvm::all_of(argument.getUsers(), [](Operation *user) { return isa<tensor::ExtractOp>(user); }))
      gathered.push_back(int64_t(argument.getArgNumber()));
  return gathered;
}

llvm::json::Object workOf(func::FuncOp kernel) {
  if (DictionaryAttr npu = npuProgram(kernel))
    return llvm::json::Object{
        {"row_elements", npuNumber(npu, "outputs")},
        {"gathered", llvm::json::Array()},
        {"multiply_adds_per_row", npuNumber(npu, "outputs") * npuNumber(npu, "features")}};
  int64_t count = 0;
  llvm::json::Object work{{"row_elements", knownElements(kernel.getResultTypes().back())},
                          {"gathered", gatheredArguments(kernel)}};
  kernel.walk([&](Operation *op) {
    if (auto attention = dyn_cast<seq::AttentionOp>(op))
      work["attention"] = attentionWork(attention);
    else if (auto linear = dyn_cast<seq::LinearOp>(op))
      count += multiplyAdds(linear);
    else if (auto loops = dyn_cast<linalg::LinalgOp>(op))
      count += multiplyAdds(loops);
  });
  work["multiply_adds_per_row"] = count;
  return work;
}

} // namespace

llvm::json::Object kernelWork(rt::ProgramOp program) {
  llvm::json::Object all;
  for (func::FuncOp function : program.getBody().getOps<func::FuncOp>())
    if (function.isPrivate() && (!function.isDeclaration() || npuProgram(function)))
      all[function.getSymName()] = workOf(function);
  return all;
}

} // namespace halyard::emit

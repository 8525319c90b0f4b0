// From kernel functions to Funcs. Structural operations and scalars vanish into expressions, every other
// operation is a stage, and each result is a Func with buffer constraints.
#include "targets/Common/Kernel.h"

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/Algorithms/PackedContraction.h"
#include "targets/Common/Algorithms/SeqOps.h"
#include "targets/Common/Algorithms/SumOps.h"
#include "targets/Common/LinalgToHalide/LinalgOps.h"
#include "targets/Common/LinalgToHalide/StructuralOps.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;

/// Bytes at whose multiples tensors of f16 lie on GPUs.
static constexpr int kHalfAlignment = 16;

namespace {
class KernelTranslation {
public:
  KernelTranslation(func::FuncOp function, const CpuShape &machine)
      : shape(machine), scope(isDeterministic(function) ? Precision::deterministic : Precision::fast) {
    kernel.function = function;
    kernel.isDeterministic = shape.isDeterministic = isDeterministic(function);
    if (shape.isDeterministic)
      shape.multipliesBfloats = false; // the instruction rounds in a way of its own
  }

  FailureOr<Kernel> run();

private:
  LogicalResult declareArgument(unsigned index, BlockArgument argument);
  void declareTensor(const std::string &name, Value value, RankedTensorType type);
  void declareScalar(const std::string &name, Value value);
  LogicalResult translate(Operation &op);
  FailureOr<TensorView> operandView(Value value);
  LogicalResult addOutputs(func::ReturnOp op);
  bool takeStageOutput(ValueRange results, unsigned &next);
  void addCopy(ArrayRef<TensorView> views, unsigned index);
  bool mayBeOutput(const Stage &stage) const;

  CpuShape shape;
  Kernel kernel;
  ValueScope scope;
  const TensorView *keyRows = nullptr;
  Halide::Var copiedRow{Halide::Internal::unique_name("o0")};
};

} // namespace

void KernelTranslation::declareTensor(const std::string &name, Value value, RankedTensorType type) {
  Halide::Type element = storageType(type.getElementType());
  if (shape.isGpu && element.is_bfloat()) // which Halide has on processors only
    element = Halide::UInt(16);
  Halide::ImageParam param(element, type.getRank(), name);
  if (shape.isGpu &&
      type.getElementType().isF16()) // rows of whole groups of terms, which are loaded by vectors
    param.set_host_alignment(kHalfAlignment);
  TensorView view = viewOf(param, type);
  constrainToDense(param, view.extents);
  scope.define(value, view);
  kernel.arguments.push_back(param);
}

void KernelTranslation::declareScalar(const std::string &name, Value value) {
  Halide::Type type = isa<IndexType>(value.getType()) ? Halide::Int(32) : storageType(value.getType());
  Halide::Parameter param(type, /*is_buffer=*/false, 0, name);
  Expr expr = Halide::Internal::Variable::make(type, name, param);
  scope.define(value, isa<IndexType>(value.getType()) ? expr : fromStorage(expr, value.getType()));
  kernel.arguments.emplace_back(name, Halide::Argument::InputScalar, type, 0, Halide::ArgumentEstimates{});
}

LogicalResult KernelTranslation::declareArgument(unsigned index, BlockArgument argument) {
  std::string name = "arg" + std::to_string(index);
  Type type = argument.getType();
  if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    declareTensor(name, argument, tensor);
  } else if (auto cache = dyn_cast<seq::CacheType>(type)) {
    SmallVector<int64_t> shape{ShapedType::kDynamic};
    llvm::append_range(shape, cache.slotShape());
    declareTensor(name, argument, RankedTensorType::get(shape, cache.getElementType()));
  } else if (type.isIntOrIndexOrFloat()) {
    declareScalar(name, argument);
  } else {
    return kernel.function.emitOpError("is a kernel with an argument of type ") << type;
  }
  if (kernel.function.getArgAttr(index, "seq.source_rows"))
    keyRows = scope.tensor(argument);
  return success();
}

FailureOr<TensorView> KernelTranslation::operandView(Value value) {
  if (const TensorView *view = scope.tensor(value))
    return *view;
  FailureOr<Expr> expr = scope.scalar(value);
  if (failed(expr))
    return failure();
  TensorView view;
  view.elementType = value.getType();
  view.at = [expr = *expr](ExprsRef) { return expr; };
  return view;
}

LogicalResult KernelTranslation::translate(Operation &op) {
  if (llvm::none_of(op.getResultTypes(), llvm::IsaPred<ShapedType>))
    return success(); // scalars are translated where they are used
  if (isStructuralOp(&op)) {
    FailureOr<TensorView> view = translateStructuralOp(&op, scope, scope.precision());
    if (succeeded(view))
      scope.define(op.getResult(0), *view);
    return success(succeeded(view));
  }
  SmallVector<TensorView> operands;
  for (Value operand : op.getOperands()) {
    FailureOr<TensorView> view = operandView(operand);
    if (failed(view))
      return failure();
    operands.push_back(*view);
  }
  std::string name = "stage" + std::to_string(kernel.stages.size());
  FailureOr<Stage> stage = failure();
  auto linalgOp = dyn_cast<linalg::LinalgOp>(&op);
  if (linalgOp && !shape.isGpu && isContiguousSum(linalgOp))
    stage = translateContiguousSum(linalgOp, operands, scope, shape, name);
  else if (linalgOp)
    stage = translateLinalg(linalgOp, operands, scope, scope.precision(), name);
  else
    stage = translateSeqOp(&op, operands, shape, name, keyRows);
  if (failed(stage))
    return failure();
  if (linalgOp && !shape.isGpu && failed(addPackedVariant(linalgOp, operands, scope, shape, *stage)))
    return failure();
  for (auto [result, view] : llvm::zip_equal(op.getResults(), stage->results))
    scope.define(result, view);
  // Codes are made from a row in two passes, which must not compute it twice.
  if (stage->areResultsApart)
    for (Stage &earlier : kernel.stages)
      earlier.isKeptPerRow = true;
  kernel.stages.push_back(std::move(*stage));
  return success();
}

/// A reduction accumulates in registers and is copied out, and so is what several results read; all else is
/// written in place.
bool KernelTranslation::mayBeOutput(const Stage &stage) const {
  return (!stage.reduces() || stage.isScan) && stage.elementSums.empty() && !stage.isKeptPerRow &&
         !stage.areResultsApart;
}

/// Makes a stage an output if its results are returned in order, starting at `next`.
bool KernelTranslation::takeStageOutput(ValueRange results, unsigned &next) {
  Operation *op = results[next].getDefiningOp();
  for (auto [index, stage] : llvm::enumerate(kernel.stages)) {
    int number = index;
    if (stage.op != op ||
        llvm::any_of(kernel.outputs, [&](const Output &output) { return output.stage == number; }))
      continue;
    unsigned count = op->getNumResults();
    if (stage.areResultsApart)
      return false;
    if (next + count > results.size() || !llvm::equal(op->getResults(), results.slice(next, count)))
      return false;
    if (mayBeOutput(stage))
      kernel.outputs.push_back({stage.func, stage.vars, stage.extents, number});
    else
      addCopy(stage.results, next);
    next += count;
    return true;
  }
  return false;
}

/// An output that reads its elements from views of one shape.
void KernelTranslation::addCopy(ArrayRef<TensorView> views, unsigned index) {
  Output output;
  output.func = Halide::Func("result" + std::to_string(index));
  output.extents = views.front().extents;
  // All copies call their rows the same, so that their loops may become one.
  for (int64_t dim = 0; dim < views.front().rank(); ++dim)
    output.vars.push_back(dim ? Halide::Var(Halide::Internal::unique_name("o" + std::to_string(dim)))
                              : copiedRow);
  Exprs indices(output.vars.begin(), output.vars.end());
  std::vector<Expr> values;
  for (const TensorView &view : views)
    values.push_back(toStorage(view.at(indices), view.elementType));
  if (values.size() == 1)
    output.func(reversed(indices)) = values.front();
  else
    output.func(reversed(indices)) = Halide::Tuple(values);
  kernel.outputs.push_back(std::move(output));
}

LogicalResult KernelTranslation::addOutputs(func::ReturnOp op) {
  unsigned next = 0;
  while (next < op->getNumOperands()) {
    if (takeStageOutput(op->getOperands(), next))
      continue;
    const TensorView *view = scope.tensor(op->getOperand(next));
    if (!view)
      return op.emitOpError("returns a value that its kernel does not compute"), failure();
    addCopy(*view, next++);
  }
  for (Output &output : kernel.outputs)
    for (auto [index, buffer] : llvm::enumerate(output.func.output_buffers()))
      constrainToDense(buffer, output.extents, index == 0);
  return success();
}

FailureOr<Kernel> KernelTranslation::run() {
  func::FuncOp function = kernel.function;
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("is no kernel: its body is not one block"), failure();
  Block &body = function.getBody().front();
  for (auto [index, argument] : llvm::enumerate(body.getArguments()))
    if (failed(declareArgument(index, argument)))
      return failure();
  for (Operation &op : body.without_terminator())
    if (failed(translate(op)))
      return failure();
  if (failed(addOutputs(cast<func::ReturnOp>(body.getTerminator()))))
    return failure();
  return std::move(kernel);
}

bool halyard::kernels::isDeterministic(func::FuncOp function) {
  return function->hasAttr("seq.deterministic");
}

FailureOr<Kernel> halyard::kernels::translateKernel(func::FuncOp function, const CpuShape &shape) {
  return KernelTranslation(function, shape).run();
}

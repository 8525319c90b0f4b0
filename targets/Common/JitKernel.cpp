// Kernels in memory. The compiled function is called through Halide's argv entry point with buffer
// descriptors built on the stack: a call costs well under a microsecond, which realize() does not.
#include "targets/Common/JitKernel.h"

#include "targets/Common/Algorithms/SeqOps.h"
#include "targets/Common/HalideErrors.h"
#include "targets/Common/LinalgToHalide/LinalgOps.h"
#include "targets/Common/Schedules/CpuSchedule.h"
#include "targets/Common/Schedules/StackStorage.h"

#include <HalideRuntime.h>

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;

struct JitKernel::Code {
  Halide::Internal::JITModule module;
  int (*entry)(const void *const *) = nullptr;
  /// One per tensor argument, then one per result.
  SmallVector<halide_type_t> types;
};

JitKernel::JitKernel(std::unique_ptr<Code> code) : code(std::move(code)) {}
JitKernel::~JitKernel() = default;

/// Vectors and tiles of seq operations.
static constexpr CpuShape kSeqShape{8, 2, 4, 2, 8};

/// This machine, with strict arithmetic unless the kernel is one that Precision::relaxed describes.
static Halide::Target evaluationTarget(const Stage &stage) {
  static const Halide::Target target = Halide::get_jit_target_from_environment()
                                           .with_feature(Halide::Target::NoAsserts)
                                           .with_feature(Halide::Target::NoBoundsQuery);
  bool isSeq = !isa<linalg::LinalgOp>(stage.op); // sums across lanes need associativity
  return stage.reducesSeveral() || isSeq ? target : target.with_feature(Halide::Target::StrictFloat);
}

namespace {
/// The arguments of a kernel under construction.
class JitTranslation {
public:
  JitTranslation(Operation *op, const KernelBinding &binding)
      : op(op), binding(binding), scope(Precision::exact) {}

  FailureOr<Stage> run() {
    declareArguments();
    SmallVector<TensorView> operands;
    for (OpOperand &operand : op->getOpOperands()) {
      FailureOr<TensorView> view = operandView(operand.get());
      if (failed(view))
        return failure();
      operands.push_back(*view);
    }
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
      return translateLinalg(linalgOp, operands, scope, Precision::exact, "kernel");
    return translateSeqOp(op, operands, kSeqShape, "kernel");
  }

  std::vector<Halide::Argument> arguments;

private:
  void declareArguments() {
    for (auto [index, value] : llvm::enumerate(binding.tensors)) {
      auto type = cast<RankedTensorType>(value.getType());
      Halide::ImageParam param(storageType(type.getElementType()), type.getRank(),
                               "t" + std::to_string(index));
      // Extents are not part of the signature, so the kernel must not know them.
      SmallVector<int64_t> open(type.getRank(), ShapedType::kDynamic);
      TensorView view = viewOf(param, type.clone(open));
      constrainToDense(param, view.extents);
      scope.define(value, std::move(view));
      arguments.push_back(param);
    }
    for (auto [index, value] : llvm::enumerate(binding.scalars)) {
      Halide::Type type = storageType(value.getType());
      std::string name = "s" + std::to_string(index);
      Halide::Parameter param(type, /*is_buffer=*/false, 0, name);
      scope.define(value, fromStorage(Halide::Internal::Variable::make(type, name, param), value.getType()));
      arguments.emplace_back(name, Halide::Argument::InputScalar, type, 0, Halide::ArgumentEstimates{});
    }
  }

  FailureOr<TensorView> operandView(Value value) {
    TensorView view;
    if (auto type = dyn_cast<RankedTensorType>(value.getType())) {
      if (const TensorView *known = scope.tensor(value))
        return *known;
      view.elementType = type.getElementType(); // an init that is never read
      view.extents.resize(type.getRank());
      return view;
    }
    FailureOr<Halide::Expr> expr = scope.scalar(value);
    if (failed(expr))
      return failure();
    view.elementType = value.getType();
    view.at = [expr = *expr](ExprsRef) { return expr; };
    return view;
  }

  Operation *op;
  const KernelBinding &binding;
  ValueScope scope;
};

/// Vectors along the innermost dimension, in the definition and in the update; tails are predicated because
/// extents can be anything.
void scheduleForEvaluation(Stage &stage) {
  if (stage.schedule)
    return stage.schedule(stage, kSeqShape);
  for (LaneSum &sum : stage.rowSums)
    sum.computeAt(Halide::LoopLevel(stage.func, stage.vars.front()));
  for (Halide::Func &value : stage.rowValues)
    value.compute_at(stage.func, stage.vars.front()).store_in(kStackStorage);
  if (stage.vars.empty())
    return;
  int lanes = 16;
  for (Halide::Type type : stage.func.types())
    lanes = std::min(lanes, 512 / std::max(type.bits(), 8));
  Halide::Var innermost = stage.vars.back();
  stage.func.vectorize(innermost, lanes, Halide::TailStrategy::GuardWithIf);
  if (!stage.reduces())
    return;
  Halide::Var lane;
  std::vector<Halide::VarOrRVar> order{lane};
  for (const Halide::RVar &reduction : stage.reductions)
    order.push_back(reduction);
  order.push_back(innermost); // other dimensions stay outside
  stage.func.update()
      .split(innermost, innermost, lane, lanes, Halide::TailStrategy::GuardWithIf)
      .reorder(order)
      .vectorize(lane);
}
} // namespace

FailureOr<std::shared_ptr<JitKernel>> JitKernel::compile(Operation *op, const KernelBinding &binding) {
  captureHalideMessages();
  try {
    JitTranslation translation(op, binding);
    FailureOr<Stage> stage = translation.run();
    if (failed(stage))
      return failure();
    scheduleForEvaluation(*stage);
    for (auto [index, buffer] : llvm::enumerate(stage->func.output_buffers()))
      constrainToDense(buffer, stage->extents, index == 0);
    auto code = std::make_unique<Code>();
    for (Value value : binding.tensors)
      code->types.push_back(storageType(cast<ShapedType>(value.getType()).getElementType()));
    for (Type type : op->getResultTypes())
      code->types.push_back(storageType(cast<ShapedType>(type).getElementType()));
    const std::string name = "halyard_kernel";
    Halide::Target target = evaluationTarget(*stage);
    Halide::Module module =
        Halide::Pipeline(stage->func).compile_to_module(translation.arguments, name, target);
    code->module = Halide::Internal::JITModule(module, module.get_function_by_name(name),
                                               Halide::Internal::JITSharedRuntime::get(nullptr, target));
    code->entry = code->module.argv_function();
    return std::shared_ptr<JitKernel>(new JitKernel(std::move(code)));
  } catch (const Halide::Error &error) {
    return op->emitOpError("cannot be compiled for evaluation: ") << error.what(), failure();
  }
}

namespace {
/// Descriptors of a call's buffers, which must stay where they are until the call is over.
class Descriptors {
public:
  explicit Descriptors(size_t count) : buffers(count), dims(count) {}

  halide_buffer_t *describe(size_t index, const HostTensor &tensor, halide_type_t type) {
    size_t rank = tensor.shape.size();
    dims[index].resize(rank);
    int32_t stride = 1;
    for (size_t i = 0; i < rank; ++i) {
      int32_t extent = tensor.shape[rank - 1 - i];
      dims[index][i] = halide_dimension_t(0, extent, stride);
      stride *= extent;
    }
    halide_buffer_t &buffer = buffers[index];
    buffer = {};
    buffer.host = static_cast<uint8_t *>(tensor.data.get());
    buffer.type = type;
    buffer.dimensions = rank;
    buffer.dim = dims[index].data();
    return &buffer;
  }

private:
  SmallVector<halide_buffer_t, 8> buffers;
  SmallVector<SmallVector<halide_dimension_t, 4>, 8> dims;
};
} // namespace

void JitKernel::call(ArrayRef<const HostTensor *> tensors, ArrayRef<int64_t> scalars,
                     MutableArrayRef<HostTensor> results) const {
  if (llvm::all_of(results, [](const HostTensor &result) { return result.elements() == 0; }))
    return;
  Descriptors descriptors(tensors.size() + results.size());
  SmallVector<const void *, 16> argv;
  for (const HostTensor *tensor : tensors)
    argv.push_back(descriptors.describe(argv.size(), *tensor, code->types[argv.size()]));
  for (const int64_t &scalar : scalars)
    argv.push_back(&scalar);
  for (auto [index, result] : llvm::enumerate(results)) {
    size_t position = tensors.size() + index;
    argv.push_back(descriptors.describe(position, result, code->types[position]));
  }
  code->entry(argv.data());
}

// Preparing functions and running them. A prepared function is kept together with a fingerprint of its
// operations, so a function that was changed in between is noticed and prepared anew.
#include "targets/Common/Evaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/OperationSupport.h"
#include "targets/Common/Evaluator/Plan.h"
#include "targets/Common/JitKernel.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::evaluation;

namespace {
/// A prepared function.
struct Plan {
  llvm::hash_code fingerprint{0};
  unsigned slots = 0;
  SmallVector<unsigned> arguments, results;
  /// Slots whose value is the same in every run.
  std::vector<std::pair<unsigned, RuntimeValue>> constants;
  struct Entry {
    Step step;
    /// Tensors that nothing reads after this step.
    SmallVector<unsigned, 2> dead;
  };
  std::vector<Entry> steps;
};

llvm::hash_code fingerprintOf(func::FuncOp function) {
  llvm::hash_code hash(0);
  function.getBody().walk([&](Operation *op) {
    hash = llvm::hash_combine(hash, op,
                              OperationEquivalence::computeHash(op, OperationEquivalence::directHashValue,
                                                                OperationEquivalence::ignoreHashValue,
                                                                OperationEquivalence::IgnoreLocations));
  });
  return hash;
}

/// Extents that a linalg operation's maps tie to each other.
class ExtentCheck {
public:
  explicit ExtentCheck(linalg::LinalgOp op)
      : op(op), maps(op.getIndexingMapsArray()), loops(op.getNumLoops()) {}

  LogicalResult run(ArrayRef<const HostTensor *> operands) {
    SmallVector<int64_t> extents(loops, -1);
    for (auto [map, tensor] : llvm::zip(maps, operands))
      for (auto [position, result] : llvm::enumerate(map.getResults()))
        if (auto dim = dyn_cast<AffineDimExpr>(result)) {
          int64_t &known = extents[dim.getPosition()], extent = tensor->shape[position];
          if (known >= 0 && known != extent)
            return op->emitOpError("meets extents ")
                   << known << " and " << extent << " in loop " << dim.getPosition();
          known = extent;
        }
    return checkSums(operands, extents);
  }

private:
  /// Indices such as d0 * 2 + d1 must stay within their dimension.
  LogicalResult checkSums(ArrayRef<const HostTensor *> operands, SmallVector<int64_t> extents) {
    if (llvm::any_of(extents, [](int64_t extent) { return extent <= 0; }))
      return success();
    for (int64_t &extent : extents)
      --extent;
    for (auto [map, tensor] : llvm::zip(maps, operands)) {
      if (map.isProjectedPermutation(/*allowZeroInResults=*/true))
        continue;
      for (auto [position, last] : llvm::enumerate(map.compose(extents)))
        if (last < 0 || last >= tensor->shape[position])
          return op->emitOpError("reads element ")
                 << last << " of a dimension whose extent is " << tensor->shape[position];
    }
    return success();
  }

  linalg::LinalgOp op;
  SmallVector<AffineMap> maps;
  unsigned loops;
};
} // namespace

class Evaluator::Implementation {
public:
  FailureOr<const Plan *> prepare(func::FuncOp function);
  llvm::StringMap<HostOp> hostOps;

private:
  FailureOr<Step> makeStep(Operation *op, SlotMap &slots);
  FailureOr<Step> kernelStep(Operation *op, SlotMap &slots);
  Step hostStep(Operation *op, SlotMap &slots);
  bool addConstant(Operation *op, SlotMap &slots, Plan &plan);

  llvm::StringMap<std::shared_ptr<JitKernel>> kernels;
  DenseMap<Operation *, std::unique_ptr<Plan>> plans;
};

Evaluator::Evaluator(MLIRContext *) : implementation(std::make_unique<Implementation>()) {}
Evaluator::~Evaluator() = default;

void Evaluator::addHostOp(StringRef opName, HostOp op) { implementation->hostOps[opName] = std::move(op); }

//===-- steps that need the evaluator --------------------------------------------------------------===//

/// Shapes of the results of a kernel operation, from its operands'.
static SmallVector<HostTensor> allocateResults(Operation *op, ArrayRef<unsigned> operandSlots,
                                               const Frame &frame) {
  SmallVector<HostTensor> results;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  for (auto [index, type] : llvm::enumerate(op->getResultTypes())) {
    auto tensorType = cast<RankedTensorType>(type);
    unsigned like = linalgOp ? linalgOp.getNumDpsInputs() + index : 0;
    SmallVector<int64_t> shape = frame.slots[operandSlots[like]].tensor.shape;
    if (!linalgOp)
      shape.back() = tensorType.getShape().back();
    results.push_back(HostTensor::allocate(shape, tensorType.getElementType()));
  }
  return results;
}

FailureOr<Step> Evaluator::Implementation::kernelStep(Operation *op, SlotMap &slots) {
  KernelBinding binding = bindKernel(op);
  std::shared_ptr<JitKernel> &kernel = kernels[binding.signature];
  if (!kernel) {
    FailureOr<std::shared_ptr<JitKernel>> compiled = JitKernel::compile(op, binding);
    if (failed(compiled)) {
      kernels.erase(binding.signature);
      return failure();
    }
    kernel = *compiled;
  }
  std::shared_ptr<ExtentCheck> check;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    check = std::make_shared<ExtentCheck>(linalgOp);
  return Step([op, check, kernel = kernel, tensors = slots.slots(binding.tensors),
               scalars = slots.slots(binding.scalars), operands = slots.slots(op->getOperands()),
               outs = slots.slots(op->getResults())](Frame &frame) {
    SmallVector<const HostTensor *> inputs, all;
    for (unsigned slot : operands)
      all.push_back(&frame.slots[slot].tensor);
    if (check && failed(check->run(all)))
      return failure();
    for (unsigned slot : tensors) {
      materialise(frame.slots[slot].tensor);
      inputs.push_back(&frame.slots[slot].tensor);
    }
    SmallVector<int64_t> bits;
    for (unsigned slot : scalars)
      bits.push_back(frame.slots[slot].bits);
    SmallVector<HostTensor> results = allocateResults(op, operands, frame);
    kernel->call(inputs, bits, results);
    for (auto [slot, result] : llvm::zip(outs, results))
      frame.slots[slot].tensor = std::move(result);
    return success();
  });
}

Step Evaluator::Implementation::hostStep(Operation *op, SlotMap &slots) {
  auto it = hostOps.find(op->getName().getStringRef());
  if (it == hostOps.end())
    return {};
  return [op, host = it->second, operands = slots.slots(op->getOperands()),
          outs = slots.slots(op->getResults())](Frame &frame) -> LogicalResult {
    SmallVector<HostTensor> inputs, results;
    for (unsigned slot : operands) {
      HostTensor &tensor = frame.slots[slot].tensor;
      if (tensor.elementType)
        materialise(tensor);
      inputs.push_back(tensor);
    }
    if (failed(host(op, inputs, results)))
      return failure();
    if (results.size() != outs.size())
      return op->emitOpError("was computed to ") << results.size() << " results instead of " << outs.size();
    for (auto [slot, result] : llvm::zip(outs, results))
      frame.slots[slot].tensor = std::move(result);
    return success();
  };
}

FailureOr<Step> Evaluator::Implementation::makeStep(Operation *op, SlotMap &slots) {
  if (Step step = hostStep(op, slots))
    return step;
  if (isKernelOp(op))
    return kernelStep(op, slots);
  if (Step step = makeTensorStep(op, slots))
    return step;
  if (Step step = makeScalarStep(op, slots))
    return step;
  return op->emitOpError("cannot be evaluated at compile time"), failure();
}

//===-- preparing and running ----------------------------------------------------------------------===//

/// Constants and absent operands have their value before the first step.
bool Evaluator::Implementation::addConstant(Operation *op, SlotMap &slots, Plan &plan) {
  if (op->getNumResults() == 1 && op->getNumOperands() == 0 && isa<NoneType>(op->getResult(0).getType())) {
    plan.constants.push_back({slots.slot(op->getResult(0)), RuntimeValue()});
    return true;
  }
  Attribute value;
  if (!matchPattern(op, m_Constant(&value)))
    return false;
  RuntimeValue constant;
  if (auto elements = dyn_cast<ElementsAttr>(value))
    constant.tensor = fromAttribute(elements);
  else if (auto number = dyn_cast<FloatAttr>(value))
    constant.bits = number.getValue().bitcastToAPInt().getZExtValue();
  else if (auto integer = dyn_cast<IntegerAttr>(value))
    constant.bits = integer.getType().isInteger(1) ? integer.getValue().getZExtValue()
                                                   : integer.getValue().getSExtValue();
  else
    return false;
  plan.constants.push_back({slots.slot(op->getResult(0)), std::move(constant)});
  return true;
}

/// For every step, the operands that no later step and no result reads.
static void findDead(func::FuncOp function, ArrayRef<Operation *> ops, SlotMap &slots, Plan &plan) {
  llvm::DenseSet<unsigned> live(plan.results.begin(), plan.results.end());
  for (size_t i = ops.size(); i-- > 0;)
    ops[i]->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (operand.getParentRegion() == &function.getBody() && live.insert(slots.slot(operand)).second)
          plan.steps[i].dead.push_back(slots.slot(operand));
    });
}

FailureOr<const Plan *> Evaluator::Implementation::prepare(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("cannot be evaluated: its body is not one block"), failure();
  std::unique_ptr<Plan> &kept = plans[function];
  llvm::hash_code fingerprint = fingerprintOf(function);
  if (kept && kept->fingerprint == fingerprint)
    return kept.get();
  auto plan = std::make_unique<Plan>();
  plan->fingerprint = fingerprint;
  SlotMap slots;
  Block &body = function.getBody().front();
  plan->arguments = slots.slots(body.getArguments());
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator()) {
    if (addConstant(&op, slots, *plan))
      continue;
    FailureOr<Step> step = makeStep(&op, slots);
    if (failed(step))
      return failure();
    plan->steps.push_back({std::move(*step), {}});
    ops.push_back(&op);
  }
  plan->results = slots.slots(body.getTerminator()->getOperands());
  findDead(function, ops, slots, *plan);
  plan->slots = slots.size();
  kept = std::move(plan);
  return kept.get();
}

static LogicalResult checkArguments(func::FuncOp function, ArrayRef<HostTensor> arguments) {
  if (arguments.size() != function.getNumArguments())
    return function.emitOpError("takes ")
           << function.getNumArguments() << " arguments and was given " << arguments.size();
  for (auto [index, tensor] : llvm::enumerate(arguments)) {
    auto type = dyn_cast<RankedTensorType>(function.getArgument(index).getType());
    if (type && (type.getElementType() != tensor.elementType ||
                 failed(verifyCompatibleShape(type.getShape(), tensor.shape))))
      return function.emitOpError("takes argument ")
             << index << " of type " << type << " and was given " << tensor.type();
  }
  return success();
}

FailureOr<SmallVector<HostTensor>> Evaluator::run(func::FuncOp function, ArrayRef<HostTensor> arguments,
                                                  int64_t source, int64_t target) {
  FailureOr<const Plan *> prepared = implementation->prepare(function);
  if (failed(prepared) || failed(checkArguments(function, arguments)))
    return failure();
  const Plan &plan = **prepared;
  Frame frame;
  frame.slots.resize(plan.slots);
  frame.source = source;
  frame.target = target;
  for (auto [slot, tensor] : llvm::zip(plan.arguments, arguments))
    frame.slots[slot].tensor = tensor;
  for (const auto &[slot, value] : plan.constants)
    frame.slots[slot] = value;
  for (const Plan::Entry &entry : plan.steps) {
    if (failed(entry.step(frame)))
      return failure();
    for (unsigned slot : entry.dead)
      frame.slots[slot].tensor = {};
  }
  SmallVector<HostTensor> results;
  for (auto [slot, value] :
       llvm::zip(plan.results, function.getBody().front().getTerminator()->getOperands())) {
    RuntimeValue &result = frame.slots[slot];
    if (!isa<ShapedType>(value.getType()))
      result.tensor = filledTensor({}, value.getType(), result.bits);
    materialise(result.tensor);
    results.push_back(std::move(result.tensor));
  }
  return results;
}

// The forward walk of SymbolicShapes: arguments, branches, the rules that all families share.
#include "passes/Analysis/SymbolicShapes.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/SymbolicInference.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace halyard;

//===-- the public view
//--------------------------------------------------------------------------------------------===//

FailureOr<SymbolicShapes> SymbolicShapes::compute(func::FuncOp func) { return SymbolicInference(func).run(); }

ValueFacts halyard::factsOfType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return {};
  LengthExprs shape;
  for (int64_t extent : tensor.getShape())
    shape.push_back(ShapedType::isDynamic(extent) ? AffineExpr()
                                                  : getAffineConstantExpr(extent, type.getContext()));
  return {shape, std::nullopt};
}

std::optional<LengthExprs> SymbolicShapes::shape(Value value) const {
  auto found = facts.find(value);
  return found == facts.end() ? factsOfType(value.getType()).shape : found->second.shape;
}

std::optional<LengthExprs> SymbolicShapes::partialContents(Value value) const {
  auto found = facts.find(value);
  return found == facts.end() ? std::nullopt : found->second.contents;
}

std::optional<LengthExprs> SymbolicShapes::contents(Value value) const {
  std::optional<LengthExprs> elements = partialContents(value);
  return elements && !llvm::is_contained(*elements, AffineExpr()) ? elements : std::nullopt;
}

void SymbolicShapes::inherit(Value to, Value from) {
  auto found = facts.find(from);
  if (found == facts.end())
    return;
  ValueFacts known = found->second;
  facts.try_emplace(to, std::move(known));
}

AffineMap SymbolicShapes::shapeMap(Value value) const {
  std::optional<LengthExprs> extents = shape(value);
  if (!extents || llvm::is_contained(*extents, AffineExpr()))
    return {};
  return AffineMap::get(0, 2, *extents, value.getContext());
}

Type SymbolicShapes::refinedType(Value value) const {
  std::optional<LengthExprs> extents = shape(value);
  auto tensor = dyn_cast<TensorType>(value.getType());
  if (!extents || !tensor)
    return value.getType();
  SmallVector<int64_t> shape;
  for (AffineExpr extent : *extents)
    shape.push_back(LengthAlgebra::value(extent).value_or(ShapedType::kDynamic));
  return RankedTensorType::get(shape, tensor.getElementType());
}

LengthAlgebra halyard::lengthAlgebraOf(func::FuncOp func) {
  int64_t source = 0, target = 0;
  auto module = func->getParentOfType<ModuleOp>();
  if (auto limits = module ? module->getAttrOfType<DictionaryAttr>("halyard.limits") : nullptr) {
    if (auto limit = limits.getAs<IntegerAttr>("max_source"))
      source = limit.getInt();
    if (auto limit = limits.getAs<IntegerAttr>("max_target"))
      target = limit.getInt();
  }
  return LengthAlgebra(func.getContext(), source, target);
}

//===-- the walk
//---------------------------------------------------------------------------------------------------===//

const TransferTable::Transfer *TransferTable::find(Operation *op) const {
  auto found = table.find(op->getName().getTypeID());
  return found == table.end() ? nullptr : &found->second;
}

const TransferTable &TransferTable::get() {
  static const TransferTable table = [] {
    TransferTable built;
    addElementwiseTransfers(built);
    addShapeTransfers(built);
    addMovementTransfers(built);
    addIndexingTransfers(built);
    addReductionTransfers(built);
    addContractionTransfers(built);
    addNeuralTransfers(built);
    addMicrosoftTransfers(built);
    addSeqTransfers(built);
    return built;
  }();
  return table;
}

SymbolicInference::SymbolicInference(func::FuncOp func) : func(func), result(lengthAlgebraOf(func)) {}

FailureOr<SymbolicShapes> SymbolicInference::run() {
  setArguments();
  for (Block &block : func.getBody())
    for (Operation &op : block)
      visit(&op);
  if (failed)
    return failure();
  return std::move(result);
}

void SymbolicInference::setArguments() {
  for (BlockArgument argument : func.getArguments()) {
    auto map = func.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(), SymbolicShapes::shapeAttribute);
    LengthExprs shape;
    if (map)
      llvm::append_range(shape, map.getValue().getResults());
    else if (std::optional<LengthExprs> known = factsOfType(argument.getType()).shape)
      shape = *known;
    else
      continue;
    for (AffineExpr extent : shape)
      assumePositive(extent);
    setShape(argument, shape);
  }
}

void SymbolicInference::visit(Operation *op) {
  if (auto branch = dyn_cast<onnx::IfOp>(op))
    return visitIf(branch);
  if (auto extents = dyn_cast<seq::ExtentsOp>(op))
    return setContents(extents.getResult(), LengthExprs(extents.getMap().getResults()));
  if (const TransferTable::Transfer *transfer = TransferTable::get().find(op))
    return (*transfer)(op, *this);
}

void SymbolicInference::visitIf(onnx::IfOp op) {
  ++branchDepth;
  for (Region *region : {&op.getThenBranch(), &op.getElseBranch()})
    for (Operation &inner : region->front())
      visit(&inner);
  --branchDepth;
  Operation *yields[] = {op.getThenBranch().front().getTerminator(),
                         op.getElseBranch().front().getTerminator()};
  std::optional<int64_t> taken = LengthAlgebra::value(scalar(op.getCondition()));
  for (auto [index, value] : llvm::enumerate(op.getResults())) {
    ValueFacts first = factsOf(yields[0]->getOperand(index)), second = factsOf(yields[1]->getOperand(index));
    if (taken)
      (*taken ? second : first) = *taken ? first : second;
    // Only what holds in both branches holds of the result.
    auto common = [](std::optional<LengthExprs> a,
                     const std::optional<LengthExprs> &b) -> std::optional<LengthExprs> {
      if (!a || !b || a->size() != b->size())
        return std::nullopt;
      for (auto [left, right] : llvm::zip(*a, *b))
        left = left == right ? left : AffineExpr();
      return a;
    };
    if (auto shape = common(first.shape, second.shape))
      setShape(value, *shape);
    if (auto contents = common(first.contents, second.contents))
      setContents(value, *contents);
  }
}

ValueFacts SymbolicInference::factsOf(Value value) const {
  auto found = result.facts.find(value);
  return found == result.facts.end() ? factsOfType(value.getType()) : found->second;
}

AffineExpr SymbolicInference::scalar(Value value) const {
  std::optional<LengthExprs> elements = contents(value);
  return elements && elements->size() == 1 ? elements->front() : AffineExpr();
}

std::optional<SmallVector<int64_t>> SymbolicInference::constants(Value value) const {
  std::optional<LengthExprs> elements = contents(value);
  if (!elements)
    return std::nullopt;
  SmallVector<int64_t> values;
  for (AffineExpr element : *elements) {
    std::optional<int64_t> constant = LengthAlgebra::value(element);
    if (!constant)
      return std::nullopt;
    values.push_back(*constant);
  }
  return values;
}

std::optional<int64_t> SymbolicInference::vectorLength(Value value) const {
  std::optional<LengthExprs> extents = shape(value);
  if (!extents || extents->size() != 1)
    return std::nullopt;
  return LengthAlgebra::value(extents->front());
}

//===-- results
//----------------------------------------------------------------------------------------------------===//

void SymbolicInference::setShape(Value value, LengthExprs shape) {
  std::optional<LengthExprs> declared = factsOfType(value.getType()).shape;
  if (declared && declared->size() == shape.size()) {
    for (auto [extent, known] : llvm::zip(shape, *declared))
      extent = known ? known : extent;
  } else if (declared) {
    return error(value.getDefiningOp(), "expects a result of rank " + Twine(declared->size()) +
                                            ", got one of rank " + Twine(shape.size()));
  }
  result.facts[value].shape = std::move(shape);
}

void SymbolicInference::setContents(Value value, LengthExprs contents) {
  ValueFacts &entry = result.facts[value];
  if (!entry.shape)
    entry.shape = factsOfType(value.getType()).shape;
  bool anyKnown =
      contents.empty() || llvm::any_of(contents, [](AffineExpr element) { return bool(element); });
  if (contents.size() <= maxContents && anyKnown)
    entry.contents = std::move(contents);
}

void SymbolicInference::error(Operation *op, const Twine &message) {
  if (branchDepth > 0)
    return;
  failed = true;
  (op ? op : func)->emitOpError() << message;
}

//===-- rules shared by families
//-----------------------------------------------------------------------------------===//

std::optional<int64_t> halyard::constantCount(ArrayRef<AffineExpr> shape) {
  int64_t count = 1;
  for (AffineExpr extent : shape) {
    std::optional<int64_t> value = LengthAlgebra::value(extent);
    if (!value)
      return std::nullopt;
    count *= *value;
  }
  return count;
}

AffineExpr SymbolicInference::broadcast(Operation *op, AffineExpr a, AffineExpr b) {
  std::optional<int64_t> left = LengthAlgebra::value(a), right = LengthAlgebra::value(b);
  if (a == b || right == 1)
    return a;
  if (left == 1)
    return b;
  if (left && right) {
    error(op, "expects operands that broadcast, got extents " + Twine(*left) + " and " + Twine(*right));
    return {};
  }
  // A constant other than 1 is the result, whatever the other extent may turn out to be.
  if (left || right)
    return left ? a : b;
  return a && b && algebra().equal(a, b) == true ? a : AffineExpr();
}

LengthExprs SymbolicInference::broadcast(Operation *op, ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  LengthExprs shape(a);
  size_t offset = a.size() - b.size();
  for (auto [axis, extent] : llvm::enumerate(b))
    shape[offset + axis] = broadcast(op, a[offset + axis], extent);
  return shape;
}

std::optional<LengthExprs> SymbolicInference::broadcastOperands(Operation *op) {
  LengthExprs all;
  for (Value operand : op->getOperands()) {
    if (onnx::isAbsent(operand))
      continue;
    std::optional<LengthExprs> extents = shape(operand);
    if (!extents)
      return std::nullopt;
    all = broadcast(op, all, *extents);
  }
  return all;
}

std::optional<LengthExprs> SymbolicInference::broadcastContents(Value value,
                                                                ArrayRef<AffineExpr> result) const {
  std::optional<LengthExprs> elements = contents(value), extents = shape(value);
  std::optional<int64_t> count = constantCount(result);
  if (!elements || !extents || !count || *count > static_cast<int64_t>(maxContents))
    return std::nullopt;
  LengthExprs expanded;
  for (int64_t index = 0; index < *count; ++index) {
    // Walk the axes from the last, adding the operand's stride where it is not broadcast.
    int64_t rest = index, offset = 0, stride = 1;
    for (size_t back = 1; back <= result.size(); ++back) {
      int64_t extent = *LengthAlgebra::value(result[result.size() - back]), position = rest % extent;
      rest /= extent;
      if (back > extents->size())
        continue;
      int64_t own = LengthAlgebra::value((*extents)[extents->size() - back]).value_or(1);
      offset += own == 1 ? 0 : position * stride;
      stride *= own;
    }
    expanded.push_back((*elements)[offset]);
  }
  return expanded;
}

AffineExpr SymbolicInference::windowed(AffineExpr extent, int64_t kernel, int64_t stride, int64_t dilation,
                                       int64_t padding, bool ceil) const {
  AffineExpr room = algebra().add(extent, constant(padding - dilation * (kernel - 1) - 1));
  AffineExpr steps = constant(stride);
  return algebra().add(ceil ? algebra().ceilDiv(room, steps) : algebra().floorDiv(room, steps), constant(1));
}

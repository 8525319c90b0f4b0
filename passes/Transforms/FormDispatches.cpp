// form-dispatches: every computation of a stage becomes a call of a kernel function, and equal kernels become
// one.
//
// A kernel is a contraction with the elementwise operation that consumes it, or any other operation by
// itself. Operations that only say where elements lie (fills, slices of columns) are repeated inside each
// kernel that reads them. Reshapes and slices of whole rows stay outside: they are the same memory seen
// differently. Weights, lengths and caches are arguments, so layers of equal shape share their kernels,
// whatever their weights.
#include "dialects/Runtime/IR/Runtime.h"
#include "passes/Analysis/Cost.h"
#include "passes/Analysis/StageExtents.h"
#include "passes/Analysis/Views.h"
#include "passes/Transforms/Passes.h"

#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_FORMDISPATCHES
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Operations of a kernel in program order; the last one is its root.
using Group = SmallVector<Operation *>;

/// What a kernel computes for others: the results of its root, and of what comes before it where they have
/// other readers.
SmallVector<Value> resultsOf(const Group &group) {
  SmallVector<Value> results(group.back()->getResults());
  for (Operation *op : ArrayRef(group).drop_back())
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !llvm::is_contained(group, user); }))
        results.push_back(result);
  return results;
}

bool isCompute(Operation *op) {
  return isa<linalg::LinalgOp, seq::LinearOp, seq::QuantizeOp, seq::SplitOp, seq::AttentionOp, seq::NormOp,
             seq::RotaryOp, seq::PrefixSumOp, tensor::ConcatOp, tensor::InsertSliceOp, tensor::PadOp,
             tensor::SplatOp, tensor::ExtractSliceOp, tensor::GenerateOp>(op);
}

bool hasReductions(Operation *op) {
  auto generic = dyn_cast_or_null<linalg::LinalgOp>(op);
  return generic && generic.getNumReductionLoops() > 0;
}

/// Sums of codes that are left without scales are computed elsewhere, and have no epilogue.
bool isLinear(Operation *op) {
  return isa_and_nonnull<seq::LinearOp>(op) && getElementTypeOrSelf(op->getResult(0)).isF32();
}

/// Decides what becomes one kernel.
class Grouping {
public:
  Grouping(Block &block, const StageExtents &extents) : block(block), extents(extents) {}

  /// Groups in program order.
  SmallVector<Group> form();
  /// Whether a kernel that reads the value repeats its operation inside.
  bool isRepeated(Value value) const;
  /// Whether the value is a scalar that a kernel computes for itself. Lengths are arguments instead.
  bool isScalar(Value value) const;

private:
  bool isWanted(Operation *op) const;
  Operation *epilogueProducer(Operation *root) const;
  Operation *prologueOf(seq::QuantizeOp quantize) const;

  Block &block;
  const StageExtents &extents;
  DenseSet<Operation *> taken;
};

bool Grouping::isRepeated(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    return !isView(slice, extents) || isRepeated(slice.getSource());
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, tensor::ReshapeOp>(op))
    return isRepeated(op->getOperand(0));
  return isa<linalg::FillOp, tensor::EmptyOp, tensor::SplatOp, tensor::FromElementsOp>(op);
}

bool Grouping::isScalar(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op || !value.getType().isIntOrIndexOrFloat())
    return false;
  return op->hasTrait<OpTrait::ConstantLike>() || !value.getType().isIndex() || !extents.index(value);
}

/// Whether an operation needs a kernel of its own: not if only kernels read it and they repeat it.
bool Grouping::isWanted(Operation *op) const {
  if (!isCompute(op) || taken.contains(op) || isView(op, extents))
    return false;
  if (!isRepeated(op->getResult(0)))
    return true;
  // Through views that kernels repeat as well, is there a reader that is no kernel?
  SmallVector<Value> names{op->getResult(0)};
  while (!names.empty()) {
    for (OpOperand &use : names.pop_back_val().getUses()) {
      Operation *reader = block.findAncestorOpInBlock(*use.getOwner());
      bool readsColumns = isa<seq::CacheAppendOp>(reader) && firstColumn(use.get());
      if (!isView(reader, extents) && !isCompute(reader) && !readsColumns)
        return true;
      if (isView(reader, extents) && use.getOperandNumber() == 0) // others are extents
        names.push_back(reader->getResult(0));
    }
  }
  return false;
}

/// What computes the rows that are quantised: a norm, or an elementwise operation that is no contraction's
/// epilogue. Others may read its rows as well; then they are a result of the kernel.
Operation *Grouping::prologueOf(seq::QuantizeOp quantize) const {
  Operation *producer = quantize.getInput().getDefiningOp();
  if (!producer || producer->getBlock() != &block || taken.contains(producer))
    return nullptr;
  if (isa<seq::NormOp>(producer))
    return producer;
  auto generic = dyn_cast<linalg::GenericOp>(producer);
  bool isElementwise = generic && !generic.getNumReductionLoops() && generic->getNumResults() == 1 &&
                       !epilogueProducer(generic);
  return isElementwise ? producer : nullptr;
}

/// The operation that can be computed in the kernel of the one operation reading it: a contraction or
/// reduction, or a norm whose rows are wanted in another form only.
Operation *Grouping::epilogueProducer(Operation *root) const {
  if (auto quantize = dyn_cast<seq::QuantizeOp>(root))
    return prologueOf(quantize);
  auto consumer = dyn_cast<linalg::GenericOp>(root);
  if (!consumer || consumer.getNumReductionLoops() || consumer.getNumDpsInits() != 1)
    return nullptr;
  AffineMap output = consumer.getMatchingIndexingMap(consumer.getDpsInitOperand(0));
  for (OpOperand *input : consumer.getDpsInputOperands()) {
    Operation *producer = input->get().getDefiningOp();
    bool isSum = hasReductions(producer) || isa_and_nonnull<seq::NormOp>(producer) || isLinear(producer);
    if (isSum && producer->hasOneUse() && producer->getNumResults() == 1 &&
        consumer.getMatchingIndexingMap(input) == output && output.isPermutation())
      return producer;
  }
  return nullptr;
}

SmallVector<Group> Grouping::form() {
  SmallVector<Group> groups;
  for (Operation &op : llvm::reverse(block)) {
    if (!isWanted(&op))
      continue;
    Group group;
    if (Operation *producer = epilogueProducer(&op)) {
      taken.insert(producer);
      group.push_back(producer);
    }
    group.push_back(&op);
    groups.push_back(group);
  }
  std::reverse(groups.begin(), groups.end());
  return groups;
}

/// Makes the kernel function of a group.
class Outliner {
public:
  Outliner(seq::ProgramOp program, const Grouping &grouping, bool isDeterministic)
      : program(program), grouping(grouping), isDeterministic(isDeterministic) {}

  func::FuncOp outline(const Group &group);
  ArrayRef<Value> arguments() const { return captured.getArrayRef(); }
  bool needsSourceRows() const { return sourceRows; }

private:
  void clone(Operation *op);
  void bring(Value value);
  void addSourceRows(Operation *op);

  seq::ProgramOp program;
  const Grouping &grouping;
  bool isDeterministic;
  func::FuncOp kernel;
  IRMapping mapping;
  SetVector<Value> captured;
  bool sourceRows = false;
};

func::FuncOp Outliner::outline(const Group &group) {
  Operation *root = group.back();
  SmallVector<Value> wanted = resultsOf(group);
  OpBuilder builder(program.getContext());
  builder.setInsertionPointToStart(&program.getBody().front());
  kernel = func::FuncOp::create(builder, root->getLoc(), "kernel",
                                builder.getFunctionType({}, ValueRange(wanted).getTypes()));
  kernel.setPrivate();
  kernel.addEntryBlock();
  kernel->setAttr("seq.max_source", program.getMaxSourceAttr());
  kernel->setAttr("seq.max_target", program.getMaxTargetAttr());
  kernel->setAttr("seq.max_rows", program.getMaxRowsAttr());
  if (isDeterministic)
    kernel->setAttr("seq.deterministic", builder.getUnitAttr());
  for (Operation *op : group)
    clone(op);
  addSourceRows(root);
  SmallVector<Value> results;
  for (Value result : wanted)
    results.push_back(mapping.lookup(result));
  Block &body = kernel.getBody().front();
  builder.setInsertionPointToEnd(&body);
  func::ReturnOp::create(builder, root->getLoc(), results);
  kernel.setFunctionType(builder.getFunctionType(body.getArgumentTypes(), ValueRange(wanted).getTypes()));
  if (sourceRows)
    kernel.setArgAttr(body.getNumArguments() - 1, "seq.source_rows", builder.getUnitAttr());
  return kernel;
}

void Outliner::clone(Operation *op) {
  for (Value operand : op->getOperands())
    bring(operand);
  SetVector<Value> regionValues;
  getUsedValuesDefinedAbove(op->getRegions(), regionValues);
  for (Value value : regionValues)
    bring(value);
  OpBuilder builder = OpBuilder::atBlockEnd(&kernel.getBody().front());
  builder.clone(*op, mapping);
}

/// Makes a value of the stage available in the kernel: scalar constants and repeated operations by cloning,
/// everything else as an argument.
void Outliner::bring(Value value) {
  if (mapping.contains(value))
    return;
  Operation *op = value.getDefiningOp();
  if (grouping.isScalar(value) || grouping.isRepeated(value)) {
    clone(op);
    return;
  }
  captured.insert(value);
  mapping.map(value, kernel.getBody().front().addArgument(value.getType(), value.getLoc()));
}

/// Attention over the rows of a slot's source has to know how many there are.
void Outliner::addSourceRows(Operation *op) {
  auto attention = dyn_cast<seq::AttentionOp>(op);
  if (!attention || attention.getCausal() || !isa<seq::CacheType>(attention.getKey().getType()))
    return;
  sourceRows = true;
  Type counts = RankedTensorType::get({ShapedType::kDynamic}, IntegerType::get(op->getContext(), 32));
  kernel.getBody().front().addArgument(counts, op->getLoc());
}

void eraseDead(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

struct FormDispatches : impl::FormDispatchesBase<FormDispatches> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<StageExtents> computed = StageExtents::compute(getOperation());
    if (failed(computed))
      return signalPassFailure();
    extents = &*computed;
    kernels.clear();
    lengths.clear();
    // Counted here, where every operation is still to be seen; reported with the artifact.
    getOperation()->setAttr("cost", programCost(getOperation(), *extents));
    for (Operation &op : llvm::make_early_inc_range(getOperation().getBody().front()))
      if (seq::isStage(&op))
        runOnStage(op.getRegion(0).front());
    IRRewriter rewriter(&getContext());
    DominanceInfo dominance(getOperation());
    eliminateCommonSubExpressions(rewriter, dominance, getOperation());
  }

  void runOnStage(Block &block);
  /// One value for each distinct function of lengths, so that equal kernels take equal arguments.
  void unifyLengths(Block &block);
  void spellExtents(seq::ExtentsOp vector);
  Value lengthValue(Block &block, AffineExpr expression);
  void dispatch(const Group &group, const Grouping &grouping);
  StringAttr shareKernel(func::FuncOp kernel);

  StageExtents *extents = nullptr;
  llvm::StringMap<StringAttr> kernels; // text without name -> name
  DenseMap<std::pair<Block *, AffineExpr>, Value> lengths;
};

void FormDispatches::runOnStage(Block &block) {
  unifyLengths(block);
  eraseDead(block); // a tensor.dim is no reader
  Grouping grouping(block, *extents);
  for (const Group &group : grouping.form())
    dispatch(group, grouping);
  eraseDead(block);
}

Value FormDispatches::lengthValue(Block &block, AffineExpr expression) {
  Value &value = lengths[{&block, expression}];
  if (!value) {
    OpBuilder builder = OpBuilder::atBlockBegin(&block);
    value = extents->materialise(builder, block.getParentOp()->getLoc(), expression);
  }
  return value;
}

void FormDispatches::unifyLengths(Block &block) {
  for (seq::ExtentsOp vector : llvm::make_early_inc_range(block.getOps<seq::ExtentsOp>()))
    spellExtents(vector);
  SmallVector<OpResult> results;
  for (Operation &op : block)
    for (OpResult result : op.getResults())
      if (result.getType().isIndex() && extents->index(result) && !op.hasTrait<OpTrait::ConstantLike>())
        results.push_back(result);
  for (OpResult result : results)
    if (Value value = lengthValue(block, extents->index(result)); value != result)
      result.replaceAllUsesWith(value);
}

/// A vector of lengths as a tensor of its elements, which a kernel can compute.
void FormDispatches::spellExtents(seq::ExtentsOp vector) {
  OpBuilder builder(vector);
  auto type = cast<RankedTensorType>(vector.getResult().getType());
  SmallVector<Value> elements;
  for (AffineExpr result : vector.getMap().getResults()) {
    Value length = lengthValue(*vector->getBlock(), result);
    if (!type.getElementType().isIndex())
      length = arith::IndexCastOp::create(builder, vector.getLoc(), type.getElementType(), length);
    elements.push_back(length);
  }
  Value spelled = tensor::FromElementsOp::create(builder, vector.getLoc(), type, elements);
  extents->replace(vector.getResult(), spelled);
  vector.getResult().replaceAllUsesWith(spelled);
  vector.erase();
}

void FormDispatches::dispatch(const Group &group, const Grouping &grouping) {
  Operation *root = group.back();
  Outliner outliner(getOperation(), grouping, deterministic);
  StringAttr kernel = shareKernel(outliner.outline(group));

  // Rows that are quantised are wanted by others from where they were computed.
  OpBuilder builder(isa<seq::QuantizeOp>(root) ? group.front() : root);
  SmallVector<Value> results = resultsOf(group);
  SmallVector<Value> arguments(outliner.arguments()), sizes;
  if (outliner.needsSourceRows()) {
    Type counts =
        RankedTensorType::get({static_cast<int64_t>(getOperation().getSlots())}, builder.getI32Type());
    Type open = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
    Value rows = rt::SourceRowsOp::create(builder, root->getLoc(), counts);
    arguments.push_back(tensor::CastOp::create(builder, root->getLoc(), open, rows));
  }
  for (Value result : results)
    for (auto [dim, extent] : llvm::enumerate(extents->shape(result)))
      if (cast<RankedTensorType>(result.getType()).isDynamicDim(dim))
        sizes.push_back(lengthValue(*root->getBlock(), extent));
  auto call = rt::DispatchOp::create(builder, root->getLoc(), ValueRange(results).getTypes(),
                                     FlatSymbolRefAttr::get(kernel), arguments, sizes);
  for (auto [result, by] : llvm::zip_equal(results, call.getResults())) {
    extents->replace(result, by);
    result.replaceAllUsesWith(by);
  }
}

StringAttr FormDispatches::shareKernel(func::FuncOp kernel) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().useLocalScope());
  StringAttr &name = kernels[text];
  if (name) {
    kernel.erase();
    return name;
  }
  name = StringAttr::get(&getContext(), "kernel_" + Twine(kernels.size() - 1));
  kernel.setSymNameAttr(name);
  // After the kernels before it, so that they stand in the order of their numbers.
  Block &block = getOperation().getBody().front();
  auto at = llvm::find_if(block, [&](Operation &op) { return &op != kernel && !isa<func::FuncOp>(op); });
  kernel->moveBefore(&block, at);
  return name;
}

} // namespace
} // namespace halyard

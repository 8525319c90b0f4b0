// Kernels that treat rows by themselves; see the header.
#include "passes/Analysis/SourceRows.h"

#include "passes/Analysis/RowAxes.h"
#include "passes/Analysis/Views.h"

using namespace mlir;

namespace halyard {

/// The number `c` of an extent that is c times the source length; none for others.
static std::optional<int64_t> timesSource(AffineExpr extent) {
  AffineExpr source = getAffineSymbolExpr(0, extent.getContext());
  if (extent == source)
    return 1;
  auto product = dyn_cast<AffineBinaryOpExpr>(extent);
  auto factor = product ? dyn_cast<AffineConstantExpr>(product.getRHS()) : AffineConstantExpr();
  if (!factor || product.getKind() != AffineExprKind::Mul || product.getLHS() != source)
    return std::nullopt;
  return factor.getValue();
}

std::optional<int64_t> SourceRows::elementsPerPosition(Value tensor) const {
  std::optional<int64_t> ofSource;
  int64_t others = 1;
  for (AffineExpr extent : extents.shape(tensor)) {
    if (auto constant = dyn_cast<AffineConstantExpr>(extent)) {
      others *= constant.getValue();
      continue;
    }
    std::optional<int64_t> factor = timesSource(simplifyAffineExpr(extent, 0, 2));
    if (!factor || ofSource)
      return std::nullopt;
    ofSource = factor;
  }
  return ofSource ? std::optional<int64_t>(*ofSource * others) : std::nullopt;
}

/// The axis along which the same tensor of several sources can be put end to end in memory.
std::optional<int64_t> SourceRows::rowAxis(Value tensor) const {
  if (!elementsPerPosition(tensor))
    return std::nullopt;
  for (auto [axis, extent] : llvm::enumerate(extents.shape(tensor)))
    if (!isa<AffineConstantExpr>(extent))
      return axis;
    else if (extent != 1)
      return std::nullopt;
  return std::nullopt;
}

/// Whether the value is all of what a kernel has computed, or of the source, seen in any way.
bool SourceRows::hasRowsOfSource(Value tensor) const {
  Operation *op = tensor.getDefiningOp();
  if (!op || isa<rt::DispatchOp>(op))
    return rowAxis(tensor).has_value();
  return isView(op, extents) && rowAxis(tensor) &&
         elementsPerPosition(tensor) == elementsPerPosition(op->getOperand(0)) &&
         hasRowsOfSource(op->getOperand(0));
}

/// Whether the value is a constant, whatever the source.
bool SourceRows::isSameForAll(Value tensor) const {
  auto isConstant = [](AffineExpr extent) { return isa<AffineConstantExpr>(extent); };
  Operation *op = tensor.getDefiningOp();
  if (!op || !llvm::all_of(extents.shape(tensor), isConstant))
    return false;
  return op->hasTrait<OpTrait::ConstantLike>() || (isView(op, extents) && isSameForAll(op->getOperand(0)));
}

SmallVector<seq::StoreOp> storesOf(Value value) {
  SmallVector<seq::StoreOp> stores;
  SmallVector<Value> names{value};
  while (!names.empty())
    for (Operation *user : names.pop_back_val().getUsers()) {
      if (auto store = dyn_cast<seq::StoreOp>(user))
        stores.push_back(store);
      if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, tensor::ReshapeOp>(user))
        names.push_back(user->getResult(0));
    }
  return stores;
}

static func::FuncOp kernelOf(rt::DispatchOp call) {
  return SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getKernelAttr());
}

/// Whether a number says nothing in a kernel but how large tensors are.
static bool isExtentOnly(Value number) {
  return llvm::all_of(number.getUsers(), [&](Operation *user) {
    return user->getBlock() == number.getParentBlock() &&
           isa<tensor::EmptyOp, tensor::ExpandShapeOp, tensor::ExtractSliceOp>(user);
  });
}

/// Whether an operation of a kernel that is given `rows` rows leaves each of them where it is. What RowAxes
/// cannot know: attention and sums of rows see those before, rotations those of a table, and a slice may
/// leave some out.
bool SourceRows::leavesRows(Operation &op, rt::DispatchOp call, AffineExpr rows) const {
  if (isa<seq::AttentionOp, seq::PrefixSumOp, seq::RotaryOp, seq::CacheAppendOp>(op))
    return false;
  auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
  return !slice || llvm::all_of(slice.getSizes(), [&](Value size) {
    auto argument = dyn_cast<BlockArgument>(size);
    return argument && extents.index(call.getArguments()[argument.getArgNumber()]) == rows;
  });
}

bool SourceRows::isRowWise(rt::DispatchOp call) const {
  func::FuncOp kernel = kernelOf(call);
  if (kernel.isDeclaration())
    return false;
  Block &body = kernel.getBody().front();
  SmallVector<std::optional<int64_t>> axes;
  SmallVector<BindingTime> times;
  llvm::SetVector<AffineExpr> rowCounts;
  for (auto [argument, inside] : llvm::zip_equal(call.getArguments(), body.getArguments())) {
    bool isTensor = isa<RankedTensorType>(argument.getType());
    if (!isTensor && !(argument.getType().isIndex() && isExtentOnly(inside)))
      return false;
    bool hasRows = isTensor && hasRowsOfSource(argument);
    if (isTensor && !hasRows && !isSameForAll(argument))
      return false;
    axes.push_back(hasRows ? rowAxis(argument) : std::nullopt);
    times.push_back(hasRows ? BindingTime::step : BindingTime::constant);
    if (hasRows)
      rowCounts.insert(extents.shape(argument)[*axes.back()]);
  }
  BindingTimes bound(kernel, times);
  RowAxes rows(body, bound, axes);
  if (rows.offender())
    return false;
  for (auto [result, inside] : llvm::zip_equal(call.getResults(), body.getTerminator()->getOperands())) {
    std::optional<int64_t> axis = rowAxis(result);
    if (!axis || axis != rows.of(inside))
      return false;
    rowCounts.insert(extents.shape(result)[*axis]);
  }
  return rowCounts.size() == 1 &&
         llvm::all_of(body, [&](Operation &op) { return leavesRows(op, call, rowCounts.front()); });
}

/// Finds the calls of a stage that can be made for all sources.
void SourceRows::visit(Block &block) {
  // Tensors that cannot lie end to end have to be gone before such a call.
  SmallVector<Value> passing;
  auto isUsedFrom = [&](Value value, Operation *op) {
    SmallVector<Value> names{value};
    while (!names.empty())
      for (Operation *user : names.pop_back_val().getUsers())
        if (isView(user, extents))
          names.push_back(user->getResult(0));
        else if (!user->isBeforeInBlock(op) && !isa<seq::StoreOp>(user))
          return true;
    return false;
  };
  for (rt::DispatchOp call : block.getOps<rt::DispatchOp>()) {
    // What is bound to a slot is computed where it belongs.
    bool isStored = llvm::any_of(call.getResults(), [](Value result) { return !storesOf(result).empty(); });
    if (!isStored && isRowWise(call)) {
      together.insert(call);
      layers += !kernelOf(call).getBody().front().getOps<seq::LinearOp>().empty();
      impossible |= llvm::any_of(passing, [&](Value value) { return isUsedFrom(value, call); });
      continue;
    }
    for (Value result : call.getResults())
      if (!elementsPerPosition(result))
        passing.push_back(result);
  }
  impossible |= llvm::any_of(passing, [&](Value value) { return isUsedFrom(value, block.getTerminator()); });
}

SourceRows::SourceRows(seq::ProgramOp program, const StageExtents &extents) : extents(extents) {
  for (Operation &stage : program.getBody().front()) {
    if (!isa<seq::EncodeOp, seq::BindOp>(stage))
      continue;
    Block &block = stage.getRegion(0).front();
    impossible |= block.getNumArguments() != 1 || !elementsPerPosition(block.getArgument(0));
    visit(block);
  }
}

} // namespace halyard

// Conversion of encode and bind for several sources at a time; see the header.
#include "passes/Conversion/SourcesToRt.h"

#include "passes/Analysis/Views.h"

using namespace mlir;

namespace halyard {

SourcesToRt::SourcesToRt(OpBuilder &builder, rt::ProgramOp program, const StageExtents &extents,
                         const SourceRows &rows, func::FuncOp function)
    : builder(builder), location(function.getLoc()), program(program), extents(extents), rows(rows),
      arena(function.getArgument(0)), weights(function.getArgument(1)), count(function.getArgument(2)),
      sources(function.getArgument(3)), all(builder, program, extents, arena, weights) {}

LogicalResult SourcesToRt::run(seq::EncodeOp encode, seq::BindOp bind) {
  source = encode.getBlock().getArgument(0);
  memory = encode.getBlock().getTerminator()->getOperand(0);
  boundMemory = bind.getBlock().getArgument(0);
  for (Block *block : {&encode.getBlock(), &bind.getBlock()})
    for (arith::ConstantOp constant : block->getOps<arith::ConstantOp>())
      if (failed(all.convert(constant)))
        return failure();
  auto positions = rt::SourceBeginOp::create(builder, location, builder.getIndexType(), sources, count);
  positions->setAttr("rt.maximum", program.getMaxSourceAttr()); // one source may be as long
  all.setLength(seq::Axis::source, positions);
  if (failed(run(encode.getBlock())))
    return failure();
  rt::StageOp::create(builder, location, "bind");
  if (failed(run(bind.getBlock())))
    return failure();
  return bindRows();
}

LogicalResult SourcesToRt::run(Block &block) {
  SmallVector<Operation *> each;
  auto convertThose = [&] {
    LogicalResult result = each.empty() ? success() : convertEach(each);
    each.clear();
    return result;
  };
  DenseSet<Operation *> stores;
  for (Operation &op : block.without_terminator()) {
    if (rows.isTogether(&op)) {
      if (failed(convertThose()) || failed(convertTogether(cast<rt::DispatchOp>(op))))
        return failure();
      continue;
    }
    // Others are brought where they are read. A store stands with the call that computes where it points to.
    bool isStore = isa<seq::StoreOp>(op);
    if ((!isa<rt::DispatchOp>(op) && !isStore) || (isStore && !stores.insert(&op).second))
      continue;
    each.push_back(&op);
    for (Value result : op.getResults())
      for (seq::StoreOp store : storesOf(result))
        if (stores.insert(store).second)
          each.push_back(store);
  }
  return convertThose();
}

LogicalResult SourcesToRt::convertTogether(rt::DispatchOp call) {
  if (failed(bringOperands(call, all)) || failed(all.convert(call)))
    return failure();
  for (Value result : call.getResults())
    kept[result] = all.lookup(result);
  return success();
}

LogicalResult SourcesToRt::convertEach(ArrayRef<Operation *> ops) {
  DenseSet<Operation *> inside(ops.begin(), ops.end());
  auto isReadOutside = [&](Value result) {
    SmallVector<Value> names{result};
    while (!names.empty())
      for (Operation *user : names.pop_back_val().getUsers())
        if (isView(user, extents))
          names.push_back(user->getResult(0));
        else if (!inside.contains(user))
          return true;
    return false;
  };
  for (Operation *op : ops)
    for (Value result : op->getResults())
      if (isReadOutside(result))
        keep(result);
  LogicalResult status = success();
  forEachSource([&](StageToRt &stage) {
    for (Operation *op : ops) {
      if (failed(status) || failed(status = bringOperands(op, stage)))
        return;
      for (Value result : op->getResults())
        if (kept.contains(result))
          stage.setOutput(result, part(result, stage));
      status = stage.convert(op);
    }
  });
  return status;
}

/// A loop over the sources, whose body is made with the stage as it is for one of them.
void SourcesToRt::forEachSource(function_ref<void(StageToRt &)> body) {
  Value zero = arith::ConstantIndexOp::create(builder, location, 0);
  Value one = arith::ConstantIndexOp::create(builder, location, 1);
  auto loop = scf::ForOp::create(builder, location, zero, count, one);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  index = loop.getInductionVar();
  StageToRt stage(builder, program, extents, arena, weights);
  auto length = rt::SourceLengthOp::create(builder, location, builder.getIndexType(), sources, index);
  length->setAttr("rt.maximum", program.getMaxSourceAttr());
  stage.setLength(seq::Axis::source, length);
  stage.setSlot(rt::SourceSlotOp::create(builder, location, builder.getIndexType(), sources, index));
  body(stage);
  index = {};
}

LogicalResult SourcesToRt::bringOperands(Operation *op, StageToRt &stage) {
  for (Value operand : op->getOperands())
    if (failed(bring(operand, stage)))
      return failure();
  return success();
}

/// Makes a value of the stages known to `stage`: all of it, or the part of the source at hand.
LogicalResult SourcesToRt::bring(Value value, StageToRt &stage) {
  if (stage.contains(value))
    return success();
  if (all.contains(value) && value.getDefiningOp<arith::ConstantOp>()) {
    stage.map(value, all.lookup(value));
  } else if (value.getType().isIndex()) {
    stage.map(value, stage.length(extents.index(value), location));
  } else if (value == boundMemory) {
    if (failed(bring(memory, stage)))
      return failure();
    stage.map(value, stage.lookup(memory));
  } else if (value == source || kept.contains(value)) {
    bringOwn(value, stage);
  } else if (Operation *op = value.getDefiningOp()) {
    assert(!isa<rt::DispatchOp>(op) && "what calls compute for others is kept");
    return failed(bringOperands(op, stage)) ? failure() : stage.convert(op);
  }
  return success();
}

/// Brings a tensor that is not made of others by looking at them in another way.
void SourcesToRt::bringOwn(Value tensor, StageToRt &stage) {
  auto given = [&](StageToRt &one) {
    Type pointer = rt::PointerType::get(builder.getContext());
    return one.hostBuffer(rt::SourceDataOp::create(builder, location, pointer, sources, index), tensor);
  };
  bool isKept = kept.contains(tensor); // if not, it is the source, as the caller has it
  if (index) {
    stage.map(tensor, isKept ? part(tensor, stage) : given(stage));
    return;
  }
  if (!isKept) {
    keep(tensor);
    forEachSource(
        [&](StageToRt &one) { rt::CopyOp::create(builder, location, given(one), part(tensor, one)); });
  }
  stage.map(tensor, stage.viewAs(kept[tensor], tensor));
}

/// Memory for a tensor of every source.
void SourcesToRt::keep(Value tensor) {
  AffineExpr elements = builder.getAffineSymbolExpr(0) * *rows.elementsPerPosition(tensor);
  Type type = MemRefType::get({ShapedType::kDynamic}, getElementTypeOrSelf(tensor.getType()));
  kept[tensor] = rt::AllocOp::create(builder, location, type, all.length(elements, location));
}

/// The part of the source at hand.
Value SourcesToRt::part(Value tensor, StageToRt &stage) {
  Value before = rt::SourceBeginOp::create(builder, location, builder.getIndexType(), sources, index);
  AffineMap map = AffineMap::get(0, 1, builder.getAffineSymbolExpr(0) * *rows.elementsPerPosition(tensor));
  return stage.viewAs(kept[tensor], tensor, affine::AffineApplyOp::create(builder, location, map, before));
}

/// Gives the memory to who wants it, and says how many rows each slot has.
LogicalResult SourcesToRt::bindRows() {
  Type pointer = rt::PointerType::get(builder.getContext()), number = builder.getIndexType();
  auto region = [&](StringRef name) {
    auto type = cast<rt::RegionOp>(SymbolTable::lookupSymbolIn(program, name)).getType();
    return rt::ArenaOp::create(builder, location, type, arena, name);
  };
  LogicalResult status = success();
  forEachSource([&](StageToRt &stage) {
    if (failed(status = bring(memory, stage)))
      return;
    Value wanted = rt::SourceMemoryOp::create(builder, location, pointer, sources, index);
    rt::CopyOp::create(builder, location, stage.lookup(memory), stage.hostBuffer(wanted, memory));
    Value length = stage.length(builder.getAffineSymbolExpr(0), location);
    Value slot = rt::SourceSlotOp::create(builder, location, number, sources, index);
    Value count = func::CallOp::create(builder, location, "memory_rows", number, length).getResult(0);
    rt::WriteOp::create(builder, location, count, region("source_rows"), slot);
    if (program.getRecompute())
      rt::WriteOp::create(builder, location, length, region("source_length"), slot);
  });
  return status;
}

} // namespace halyard

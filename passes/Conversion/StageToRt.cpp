// Conversion of one stage's operations from tensors to buffers; see the header.
#include "passes/Conversion/StageToRt.h"

#include "passes/Analysis/Views.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace halyard {

LogicalResult StageToRt::run(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(convert(&op)))
      return failure();
  copyOutputs();
  return success();
}

LogicalResult StageToRt::convert(Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](seq::LengthOp length) -> LogicalResult {
        Value value = lengths[length.getAxis() == seq::Axis::source ? 0 : 1];
        if (!value)
          return op->emitError("the source length is not known inside a step over rows of different slots");
        mapping.map(length.getResult(), value);
        return success();
      })
      .Case([&](arith::ConstantOp constant) { return convertConstant(constant), success(); })
      .Case<affine::AffineApplyOp>([&](Operation *) { return builder.clone(*op, mapping), success(); })
      .Case<tensor::EmptyOp, tensor::FromElementsOp, seq::ExtentsOp>([&](Operation *) { return success(); })
      .Case([&](rt::SourceRowsOp) {
        return mapping.map(op->getResult(0), region("source_rows", op->getLoc())), success();
      })
      .Case([&](rt::DispatchOp dispatch) { return convertDispatch(dispatch), success(); })
      .Case([&](seq::StoreOp store) { return convertStore(store), success(); })
      .Case([&](seq::LoadOp load) { return convertLoad(load), success(); })
      .Case([&](seq::CacheAppendOp append) -> LogicalResult {
        if (!append.getSlot())
          return op->emitError("appends rows without slot and position, which only rows of a step have");
        return convertAppend(append), success();
      })
      .Default([&](Operation *) -> LogicalResult {
        if (isView(op, extents))
          return convertView(op), success();
        if (op->getNumResults() == 1 && firstColumn(op->getResult(0)))
          return success(); // read where it is wanted
        return op->emitError() << "'" << op->getName()
                               << "' has no form at run time; it should be inside a kernel";
      });
}

void StageToRt::convertConstant(arith::ConstantOp op) {
  auto value = dyn_cast<ElementsAttr>(op.getValue());
  if (!value) {
    builder.clone(*op, mapping);
    return;
  }
  // Equal constants of small size are the same attribute; place-weights finds the others.
  OpBuilder atTop = OpBuilder::atBlockBegin(&program.getBody().front());
  auto existing = program.getBody().getOps<rt::ConstantOp>();
  std::string name = "weight_" + std::to_string(std::distance(existing.begin(), existing.end()));
  Operation *last = nullptr;
  for (rt::ConstantOp constant : existing)
    last = constant;
  if (last)
    atTop.setInsertionPointAfter(last);
  rt::ConstantOp::create(atTop, op.getLoc(), atTop.getStringAttr(name), value, IntegerAttr());
  mapping.map(op.getResult(),
              rt::WeightOp::create(builder, op.getLoc(), bufferType(op.getResult()), weights, name));
}

void StageToRt::convertView(Operation *op) {
  AffineExpr begin = viewBegin(op, extents);
  Value at = begin == 0 ? Value() : length(begin, op->getLoc());
  mapping.map(op->getResult(0), viewAs(mapping.lookup(op->getOperand(0)), op->getResult(0), at));
}

void StageToRt::convertDispatch(rt::DispatchOp op) {
  SmallVector<Value> arguments;
  for (Value argument : op.getArguments())
    arguments.push_back(mapping.lookup(argument));
  for (Value result : op.getResults()) {
    Value buffer = wantedAt(result);
    if (!buffer)
      buffer = allocate(result);
    mapping.map(result, buffer);
    arguments.push_back(buffer);
  }
  rt::KernelCallOp::create(builder, op.getLoc(), op.getKernelAttr(), arguments);
}

Value StageToRt::wantedAt(Value result) {
  SmallVector<Value> names{result}; // the result and reshapes of all of it
  for (size_t next = 0; next < names.size(); ++next) {
    Value name = names[next];
    if (Value place = outputs.lookup(name)) {
      outputsInPlace.insert(name);
      return viewAs(outputBuffer(place, name), result);
    }
    for (Operation *user : name.getUsers()) {
      if (auto store = dyn_cast<seq::StoreOp>(user)) {
        inPlace.insert(store);
        return viewAs(crossBlock(store.getCross(), name), result);
      }
      if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, tensor::ReshapeOp>(user))
        names.push_back(user->getResult(0));
    }
  }
  return {};
}

void StageToRt::convertStore(seq::StoreOp op) {
  if (inPlace.contains(op))
    return;
  rt::CopyOp::create(builder, op.getLoc(), mapping.lookup(op.getValue()),
                     crossBlock(op.getCross(), op.getValue()));
}

void StageToRt::copyOutputs() {
  for (auto [tensor, place] : outputs)
    if (!outputsInPlace.contains(tensor) && mapping.contains(tensor))
      rt::CopyOp::create(builder, tensor.getLoc(), mapping.lookup(tensor), outputBuffer(place, tensor));
}

Value StageToRt::outputBuffer(Value place, Value tensor) {
  return isa<MemRefType>(place.getType()) ? viewAs(place, tensor) : hostBuffer(place, tensor);
}

void StageToRt::convertAppend(seq::CacheAppendOp op) {
  Value cache = region(op.getState(), op.getLoc());
  Value rows = op.getRows();
  int64_t begin = 0;
  if (std::optional<int64_t> column = firstColumn(rows)) {
    rows = rows.getDefiningOp<tensor::ExtractSliceOp>().getSource();
    begin = *column;
  }
  rt::AppendRowsOp::create(builder, op.getLoc(), mapping.lookup(rows), cache, mapping.lookup(op.getSlot()),
                           mapping.lookup(op.getPosition()), begin);
  mapping.map(op.getResult(), cache);
}

void StageToRt::convertLoad(seq::LoadOp op) {
  if (isa<seq::CacheType>(op.getResult().getType())) { // of all slots
    mapping.map(op.getResult(), region(op.getCross(), op.getLoc()));
  } else if (op.getSlot()) { // one for each row
    Value values = allocate(op.getResult());
    rt::GatherSlotsOp::create(builder, op.getLoc(), region(op.getCross(), op.getLoc()),
                              mapping.lookup(op.getSlot()), values);
    mapping.map(op.getResult(), values);
  } else {
    mapping.map(op.getResult(), crossBlock(op.getCross(), op.getResult()));
  }
}

Value StageToRt::region(StringRef name, Location location) {
  auto type = cast<rt::RegionOp>(SymbolTable::lookupSymbolIn(program, name)).getType();
  return rt::ArenaOp::create(builder, location, type, arena, name);
}

/// The block of the slot at hand, with as many rows as the source has.
Value StageToRt::crossBlock(StringRef name, Value tensor) {
  Location location = tensor.getLoc();
  return rt::SlotOp::create(builder, location, bufferType(tensor), region(name, location), slot,
                            sizes(tensor));
}

Value StageToRt::allocate(Value tensor) {
  return rt::AllocOp::create(builder, tensor.getLoc(), bufferType(tensor), sizes(tensor));
}

Value StageToRt::hostBuffer(Value pointer, Value tensor) {
  return rt::HostOp::create(builder, tensor.getLoc(), bufferType(tensor), pointer, sizes(tensor));
}

Value StageToRt::viewAs(Value buffer, Value tensor, Value begin) {
  if (buffer.getType() == bufferType(tensor) && !begin)
    return buffer;
  return rt::ViewOp::create(builder, tensor.getLoc(), bufferType(tensor), buffer, begin, sizes(tensor));
}

MemRefType StageToRt::bufferType(Value tensor) const {
  auto type = cast<RankedTensorType>(tensor.getType());
  return MemRefType::get(type.getShape(), type.getElementType());
}

SmallVector<Value> StageToRt::sizes(Value tensor) {
  SmallVector<Value> result;
  auto type = cast<RankedTensorType>(tensor.getType());
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim))
      result.push_back(length(extents.shape(tensor)[dim], tensor.getLoc()));
  return result;
}

Value StageToRt::length(AffineExpr expression, Location location) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return arith::ConstantIndexOp::create(builder, location, constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return lengths[symbol.getPosition()];
  SmallVector<Value> operands;
  SmallVector<AffineExpr> symbols(2);
  for (unsigned symbol : {0u, 1u})
    if (expression.isFunctionOfSymbol(symbol)) {
      symbols[symbol] = builder.getAffineSymbolExpr(operands.size());
      operands.push_back(lengths[symbol]);
    }
  AffineMap map = AffineMap::get(0, operands.size(), expression.replaceSymbols(symbols));
  return affine::AffineApplyOp::create(builder, location, map, operands);
}

} // namespace halyard

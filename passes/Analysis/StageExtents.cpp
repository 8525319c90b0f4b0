// Extents of every tensor of a program's stages as functions of two lengths; see the header.
#include "passes/Analysis/StageExtents.h"

#include "dialects/Runtime/IR/Runtime.h"

#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace halyard {

FailureOr<StageExtents> StageExtents::compute(seq::ProgramOp program) {
  StageExtents extents(program.getContext());
  AffineExpr source = extents.symbol(0), target = extents.symbol(1);
  auto byType = [&](Operation *stage, AffineExpr open) {
    SmallVector<Shape> arguments;
    for (Type type : stage->getRegion(0).getArgumentTypes())
      arguments.push_back(extents.argumentShape(type, open));
    return arguments;
  };
  for (Operation &op : program.getBody().front()) {
    LogicalResult result = success();
    if (auto encode = dyn_cast<seq::EncodeOp>(op)) {
      result = extents.visitStage(encode, byType(encode, source));
      Operation *yield = encode.getBlock().getTerminator();
      if (succeeded(result) && yield->getNumOperands())
        extents.memory.assign(extents.shape(yield->getOperand(0)));
    } else if (auto bind = dyn_cast<seq::BindOp>(op)) {
      SmallVector<Shape> arguments = byType(bind, source); // a mask, beside the memory
      arguments.front() = extents.memory;
      result = extents.visitStage(bind, arguments);
    } else if (isa<seq::StepOp, seq::HeadOp, seq::ScreenOp>(op)) {
      result = extents.visitStage(&op, byType(&op, target));
    } else if (isa<seq::RescoreOp>(op)) { // of all rows that a step can have
      result = extents.visitStage(&op, byType(&op, extents.constant(program.getMaxRows())));
    }
    if (failed(result))
      return failure();
  }
  return extents;
}

LogicalResult StageExtents::visitStage(Operation *stage, ArrayRef<Shape> arguments) {
  Block &block = stage->getRegion(0).front();
  for (auto [argument, shape] : llvm::zip_equal(block.getArguments(), arguments)) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue; // a number that is no length
    if (static_cast<size_t>(type.getRank()) != shape.size())
      return stage->emitError() << "takes " << type << " where the stage before it yields rank "
                                << shape.size();
    shapes[argument] = shape;
  }
  for (Operation &op : block)
    if (failed(visit(&op)))
      return failure();
  return success();
}

/// Whether the extents of what an operation makes were clamped to what is there.
static bool isClamped(Operation *op) {
  return llvm::any_of(op->getOperands(), [](Value operand) {
    return isa_and_nonnull<arith::MinSIOp, arith::MaxSIOp>(operand.getDefiningOp());
  });
}

LogicalResult StageExtents::visit(Operation *op) {
  if (auto store = dyn_cast<seq::StoreOp>(op))
    crosses[store.getCross()] = shapes[store.getValue()];
  if (op->getNumResults() == 1 && op->getResult(0).getType().isIntOrIndex()) {
    visitIndex(op);
    return success();
  }
  for (OpResult result : op->getResults()) {
    if (!isa<RankedTensorType>(result.getType()))
      continue;
    Shape shape = shapeOf(result);
    if (shape.empty() && cast<RankedTensorType>(result.getType()).getRank())
      return op->emitError() << "'" << op->getName() << "' makes a tensor of type " << result.getType()
                             << " whose extents do not follow from the source and target lengths"
                             << (isClamped(op)
                                     ? "; they would for shorter ones (--max-source, --max-target), "
                                       "for which what it is part of is long enough"
                                     : "");
    shapes[result] = std::move(shape);
  }
  return success();
}

void StageExtents::visitIndex(Operation *op) {
  AffineExpr value;
  auto binary = [&](AffineExprKind kind) -> AffineExpr {
    AffineExpr lhs = index(op->getOperand(0)), rhs = index(op->getOperand(1));
    return lhs && rhs ? getAffineBinaryOpExpr(kind, lhs, rhs) : AffineExpr();
  };
  TypeSwitch<Operation *>(op)
      .Case([&](arith::ConstantOp constantOp) {
        if (auto integer = dyn_cast<IntegerAttr>(constantOp.getValue()))
          value = constant(integer.getInt());
      })
      .Case([&](seq::LengthOp length) { value = symbol(length.getAxis() == seq::Axis::source ? 0 : 1); })
      .Case([&](tensor::DimOp dim) {
        if (auto at = dim.getConstantIndex(); at && shapes.count(dim.getSource()))
          value = shapes[dim.getSource()][*at];
      })
      .Case([&](affine::AffineApplyOp apply) {
        SmallVector<AffineExpr> operands;
        for (Value operand : apply.getMapOperands())
          operands.push_back(index(operand));
        if (llvm::all_of(operands, [](AffineExpr e) { return bool(e); })) {
          unsigned dims = apply.getAffineMap().getNumDims();
          ArrayRef<AffineExpr> all(operands);
          value = apply.getAffineMap().getResult(0).replaceDimsAndSymbols(all.take_front(dims),
                                                                          all.drop_front(dims));
        }
      })
      .Case([&](arith::IndexCastOp cast) { value = index(cast.getIn()); })
      .Case([&](arith::AddIOp) { value = binary(AffineExprKind::Add); })
      .Case([&](arith::MulIOp) { value = binary(AffineExprKind::Mul); })
      .Case<arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp>(
          [&](Operation *) { value = binary(AffineExprKind::FloorDiv); })
      .Case<arith::CeilDivSIOp, arith::CeilDivUIOp>(
          [&](Operation *) { value = binary(AffineExprKind::CeilDiv); })
      .Case<arith::RemSIOp, arith::RemUIOp>([&](Operation *) { value = binary(AffineExprKind::Mod); })
      .Case([&](arith::SubIOp) {
        AffineExpr lhs = index(op->getOperand(0)), rhs = index(op->getOperand(1));
        if (lhs && rhs)
          value = lhs - rhs;
      });
  if (value)
    indices[op->getResult(0)] = simplifyAffineExpr(value, 0, 2);
}

StageExtents::Shape StageExtents::shapeOf(OpResult result) {
  auto type = cast<RankedTensorType>(result.getType());
  Operation *op = result.getOwner();
  if (type.hasStaticShape())
    return argumentShape(type, {});
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
    return like(type, destination.getTiedOpOperand(result)->get());
  if (auto slices = dyn_cast<OffsetSizeAndStrideOpInterface>(op); slices && isa<tensor::ExtractSliceOp>(op)) {
    Shape all = mixed(slices.getMixedSizes()), kept;
    llvm::SmallBitVector dropped = cast<tensor::ExtractSliceOp>(op).getDroppedDims();
    for (auto [at, extent] : llvm::enumerate(all))
      if (!dropped.test(at))
        kept.push_back(extent);
    return kept;
  }
  return TypeSwitch<Operation *, Shape>(op)
      .Case([&](tensor::EmptyOp empty) { return mixed(empty.getMixedSizes()); })
      .Case([&](tensor::SplatOp splat) {
        Shape shape = argumentShape(type, {});
        size_t next = 0;
        for (AffineExpr &extent : shape)
          if (!extent)
            extent = index(splat.getDynamicSizes()[next++]);
        return shape;
      })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, tensor::ReshapeOp>(
          [&](Operation *) { return shapeOfReshape(result); })
      .Case([&](tensor::ConcatOp) { return shapeOfConcat(result); })
      .Case([&](tensor::PadOp pad) {
        Shape shape(shapes[pad.getSource()]);
        for (auto [extent, low, high] : llvm::zip_equal(shape, pad.getMixedLowPad(), pad.getMixedHighPad()))
          extent = of(low) && of(high) ? extent + of(low) + of(high) : AffineExpr();
        return llvm::is_contained(shape, AffineExpr()) ? Shape() : shape;
      })
      .Case<seq::NormOp, seq::RotaryOp, seq::PrefixSumOp, seq::AttentionOp, seq::LinearOp, seq::QuantizeOp,
            seq::SplitOp>([&](Operation *op) {
        if (auto sum = dyn_cast<seq::PrefixSumOp>(op); sum && sum.getPosition())
          return like(type, sum.getPosition());
        return like(type, op->getOperand(0));
      })
      .Case([&](seq::LoadOp load) {
        if (load.getSlot()) // a row for each slot of the list; the cross value itself is of constant size
          return like(type, load.getSlot());
        auto known = crosses.find(load.getCross());
        return known == crosses.end() ? Shape() : Shape(known->second);
      })
      .Case([&](rt::DispatchOp dispatch) {
        size_t next = 0;
        Shape shape;
        for (OpResult other : dispatch->getResults()) {
          shape = argumentShape(other.getType(), {});
          for (AffineExpr &extent : shape)
            if (!extent)
              extent = index(dispatch.getExtents()[next++]);
          if (other == result)
            break;
        }
        return shape;
      })
      .Default([](Operation *) { return Shape(); });
}

StageExtents::Shape StageExtents::shapeOfReshape(OpResult result) {
  auto type = cast<RankedTensorType>(result.getType());
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(result.getOwner()))
    return mixed(expand.getMixedOutputShape());
  if (auto cast = dyn_cast<tensor::CastOp>(result.getOwner()))
    return shapes.count(cast.getSource()) ? like(type, cast.getSource()) : Shape();
  if (auto reshape = dyn_cast<tensor::ReshapeOp>(result.getOwner()))
    return contents(reshape.getShape(), type);
  auto collapse = cast<tensor::CollapseShapeOp>(result.getOwner());
  Shape shape;
  for (const ReassociationIndices &group : collapse.getReassociationIndices()) {
    AffineExpr product = constant(1);
    for (int64_t dim : group)
      product = product * shapes[collapse.getSrc()][dim];
    shape.push_back(simplifyAffineExpr(product, 0, 2));
  }
  return shape;
}

/// What a vector of extents holds for the dimensions that the type leaves open.
StageExtents::Shape StageExtents::contents(Value vector, RankedTensorType type) const {
  Shape shape = argumentShape(type, {});
  Operation *op = vector.getDefiningOp();
  auto extents = dyn_cast_or_null<seq::ExtentsOp>(op);
  auto elements = dyn_cast_or_null<tensor::FromElementsOp>(op);
  for (auto [dim, extent] : llvm::enumerate(shape)) {
    if (extent)
      continue;
    if (extents)
      extent = extents.getMap().getResult(dim);
    else if (elements)
      extent = index(elements.getElements()[dim]);
  }
  return llvm::is_contained(shape, AffineExpr()) ? Shape() : shape;
}

StageExtents::Shape StageExtents::shapeOfConcat(OpResult result) {
  auto concat = cast<tensor::ConcatOp>(result.getOwner());
  Shape shape(shapes[concat.getInputs().front()]);
  for (Value input : concat.getInputs().drop_front())
    shape[concat.getDim()] = shape[concat.getDim()] + shapes[input][concat.getDim()];
  // A static extent of any input settles what the others leave open.
  for (auto [dim, extent] : llvm::enumerate(shape))
    if (int64_t known = cast<RankedTensorType>(result.getType()).getDimSize(dim);
        !ShapedType::isDynamic(known))
      extent = constant(known);
  return shape;
}

StageExtents::Shape StageExtents::mixed(ArrayRef<OpFoldResult> sizes) const {
  Shape shape;
  for (OpFoldResult size : sizes)
    shape.push_back(of(size));
  return llvm::is_contained(shape, AffineExpr()) ? Shape() : shape;
}

StageExtents::Shape StageExtents::like(Type type, Value tensor) const {
  auto known = shapes.find(tensor);
  if (known == shapes.end())
    return {};
  Shape shape = argumentShape(type, {});
  for (auto [dim, extent] : llvm::enumerate(shape))
    if (!extent && dim < known->second.size())
      extent = known->second[dim];
  return llvm::is_contained(shape, AffineExpr()) ? Shape() : shape;
}

StageExtents::Shape StageExtents::argumentShape(Type type, AffineExpr open) const {
  Shape shape;
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    for (int64_t extent : tensor.getShape())
      shape.push_back(ShapedType::isDynamic(extent) ? open : constant(extent));
  return shape;
}

AffineExpr StageExtents::of(OpFoldResult value) const {
  if (auto attribute = dyn_cast<Attribute>(value))
    return constant(cast<IntegerAttr>(attribute).getInt());
  return index(cast<Value>(value));
}

Value StageExtents::materialise(OpBuilder &builder, Location location, AffineExpr expression) {
  auto known = [&](Value value, AffineExpr is) {
    indices[value] = is;
    return value;
  };
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return known(arith::ConstantIndexOp::create(builder, location, constant.getValue()), expression);
  auto length = [&](unsigned which) {
    auto axis = which == 0 ? seq::Axis::source : seq::Axis::target;
    return known(seq::LengthOp::create(builder, location, builder.getIndexType(), axis), symbol(which));
  };
  if (auto only = dyn_cast<AffineSymbolExpr>(expression))
    return length(only.getPosition());
  SmallVector<Value> operands;
  SmallVector<AffineExpr> symbols(2);
  for (unsigned which : {0u, 1u}) {
    if (!expression.isFunctionOfSymbol(which))
      continue;
    symbols[which] = symbol(operands.size());
    operands.push_back(length(which));
  }
  AffineMap map = AffineMap::get(0, operands.size(), expression.replaceSymbols(symbols));
  return known(affine::AffineApplyOp::create(builder, location, map, operands), expression);
}

int64_t largestValue(AffineExpr expression, int64_t source, int64_t target) {
  MLIRContext *context = expression.getContext();
  int64_t largest = 0;
  for (int64_t s : {int64_t(1), source})
    for (int64_t t : {int64_t(1), target}) {
      AffineExpr at =
          expression.replaceSymbols({getAffineConstantExpr(s, context), getAffineConstantExpr(t, context)});
      if (auto constant = dyn_cast<AffineConstantExpr>(simplifyAffineExpr(at, 0, 0)))
        largest = std::max(largest, constant.getValue());
    }
  return largest;
}

} // namespace halyard

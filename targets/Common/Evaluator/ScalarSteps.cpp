// Scalars outside of kernels: lengths, extents and offsets. Integers are computed directly; whatever else
// occurs once in a while goes through the operation's own folder.
#include "targets/Common/Evaluator/Plan.h"

#include "dialects/Seq/IR/Seq.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cstring>

using namespace mlir;
using namespace halyard;
using namespace halyard::evaluation;

static unsigned widthOf(Type type) { return isa<IndexType>(type) ? 64 : type.getIntOrFloatBitWidth(); }

/// Brings a result back to the width of its type.
static int64_t wrapped(int64_t value, Type type) {
  unsigned width = widthOf(type);
  if (width == 1)
    return value & 1;
  return width >= 64 ? value : llvm::SignExtend64(value, width);
}

//===-- affine maps --------------------------------------------------------------------------------===//

static int64_t evaluateAffine(AffineExpr expr, ArrayRef<int64_t> dims, ArrayRef<int64_t> symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t lhs = evaluateAffine(binary.getLHS(), dims, symbols),
          rhs = evaluateAffine(binary.getRHS(), dims, symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::Mod:
    return llvm::mod(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(lhs, rhs);
  default:
    return llvm::divideCeilSigned(lhs, rhs);
  }
}

static Step affineStep(Operation *op, SlotMap &slots) {
  auto map =
      llvm::TypeSwitch<Operation *, AffineMap>(op)
          .Case([](affine::AffineApplyOp apply) { return apply.getAffineMap(); })
          .Case<affine::AffineMinOp, affine::AffineMaxOp>([](auto extremum) { return extremum.getMap(); })
          .Default(AffineMap());
  if (!map)
    return {};
  bool isMin = isa<affine::AffineMinOp>(op);
  return [map, isMin, inputs = slots.slots(op->getOperands()),
          out = slots.slot(op->getResult(0))](Frame &frame) {
    SmallVector<int64_t> values;
    for (unsigned input : inputs)
      values.push_back(frame.slots[input].bits);
    ArrayRef<int64_t> all(values);
    std::optional<int64_t> best;
    for (AffineExpr result : map.getResults()) {
      int64_t value =
          evaluateAffine(result, all.take_front(map.getNumDims()), all.drop_front(map.getNumDims()));
      best = !best ? value : isMin ? std::min(*best, value) : std::max(*best, value);
    }
    frame.slots[out].bits = *best;
    return success();
  };
}

static Step extentsStep(seq::ExtentsOp op, SlotMap &slots) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  return [map = op.getMap(), type, out = slots.slot(op.getResult())](Frame &frame) {
    HostTensor result = HostTensor::allocate(type.getShape(), type.getElementType());
    int64_t width = HostTensor::bytesPerElement(type.getElementType());
    for (auto [index, expr] : llvm::enumerate(map.getResults())) {
      int64_t value = evaluateAffine(expr, {}, {frame.source, frame.target});
      std::memcpy(static_cast<char *>(result.data.get()) + index * width, &value, width);
    }
    frame.slots[out].tensor = std::move(result);
    return success();
  };
}

//===-- integers -----------------------------------------------------------------------------------===//

using Binary = int64_t (*)(int64_t, int64_t);

static Binary integerFunction(Operation *op) {
  return llvm::TypeSwitch<Operation *, Binary>(op)
      .Case<arith::AddIOp>([](auto) { return [](int64_t a, int64_t b) { return a + b; }; })
      .Case<arith::SubIOp>([](auto) { return [](int64_t a, int64_t b) { return a - b; }; })
      .Case<arith::MulIOp>([](auto) { return [](int64_t a, int64_t b) { return a * b; }; })
      .Case<arith::DivSIOp>([](auto) { return [](int64_t a, int64_t b) { return b == 0 ? 0 : a / b; }; })
      .Case<arith::RemSIOp>([](auto) { return [](int64_t a, int64_t b) { return b == 0 ? a : a % b; }; })
      .Case<arith::FloorDivSIOp>([](auto) {
        return [](int64_t a, int64_t b) { return b == 0 ? 0 : llvm::divideFloorSigned(a, b); };
      })
      .Case<arith::CeilDivSIOp>(
          [](auto) { return [](int64_t a, int64_t b) { return b == 0 ? 0 : llvm::divideCeilSigned(a, b); }; })
      .Case<arith::MinSIOp>([](auto) { return [](int64_t a, int64_t b) { return std::min(a, b); }; })
      .Case<arith::MaxSIOp>([](auto) { return [](int64_t a, int64_t b) { return std::max(a, b); }; })
      .Case<arith::AndIOp>([](auto) { return [](int64_t a, int64_t b) { return a & b; }; })
      .Case<arith::OrIOp>([](auto) { return [](int64_t a, int64_t b) { return a | b; }; })
      .Case<arith::XOrIOp>([](auto) { return [](int64_t a, int64_t b) { return a ^ b; }; })
      .Default([](auto) -> Binary { return nullptr; });
}

static Step integerStep(Operation *op, SlotMap &slots) {
  Binary function = integerFunction(op);
  if (!function)
    return {};
  Type type = op->getResult(0).getType();
  return [function, type, a = slots.slot(op->getOperand(0)), b = slots.slot(op->getOperand(1)),
          out = slots.slot(op->getResult(0))](Frame &frame) {
    frame.slots[out].bits = wrapped(function(frame.slots[a].bits, frame.slots[b].bits), type);
    return success();
  };
}

static Step compareStep(arith::CmpIOp op, SlotMap &slots) {
  unsigned width = widthOf(op.getLhs().getType());
  return [predicate = op.getPredicate(), width, a = slots.slot(op.getLhs()), b = slots.slot(op.getRhs()),
          out = slots.slot(op.getResult())](Frame &frame) {
    APInt lhs(width, frame.slots[a].bits, true, true), rhs(width, frame.slots[b].bits, true, true);
    frame.slots[out].bits = arith::applyCmpPredicate(predicate, lhs, rhs);
    return success();
  };
}

static Step castStep(Operation *op, SlotMap &slots) {
  if (!isa<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp, arith::IndexCastUIOp, arith::ExtUIOp>(op))
    return {};
  Type from = op->getOperand(0).getType(), to = op->getResult(0).getType();
  bool zeroExtends = isa<arith::IndexCastUIOp, arith::ExtUIOp>(op) && widthOf(from) < 64;
  bool fromBit = widthOf(from) == 1 && !zeroExtends;
  uint64_t mask = zeroExtends ? llvm::maskTrailingOnes<uint64_t>(widthOf(from)) : ~uint64_t(0);
  return [=, in = slots.slot(op->getOperand(0)), out = slots.slot(op->getResult(0))](Frame &frame) {
    int64_t value = frame.slots[in].bits;
    // A true bit is -1 when it is sign-extended.
    frame.slots[out].bits = wrapped(fromBit ? -value : static_cast<int64_t>(value & mask), to);
    return success();
  };
}

//===-- everything else, by folding ----------------------------------------------------------------===//

static Attribute attributeOf(int64_t bits, Type type) {
  if (auto floatType = dyn_cast<FloatType>(type))
    return FloatAttr::get(floatType,
                          APFloat(floatType.getFloatSemantics(),
                                  APInt(floatType.getWidth(), bits, /*isSigned=*/false, /*trunc=*/true)));
  return IntegerAttr::get(type, APInt(widthOf(type), bits, true, true));
}

static std::optional<int64_t> bitsOf(Attribute attribute) {
  if (auto number = dyn_cast_or_null<FloatAttr>(attribute))
    return number.getValue().bitcastToAPInt().getZExtValue();
  auto integer = dyn_cast_or_null<IntegerAttr>(attribute);
  if (!integer)
    return std::nullopt;
  return wrapped(integer.getValue().getSExtValue(), integer.getType());
}

static Step foldStep(Operation *op, SlotMap &slots) {
  auto isScalar = [](Type type) { return type.isIntOrIndexOrFloat(); };
  if (op->getNumResults() != 1 || op->getNumRegions() != 0 || !isScalar(op->getResult(0).getType()) ||
      !llvm::all_of(op->getOperandTypes(), isScalar))
    return {};
  return [op, inputs = slots.slots(op->getOperands()),
          out = slots.slot(op->getResult(0))](Frame &frame) -> LogicalResult {
    SmallVector<Attribute> constants;
    for (auto [input, operand] : llvm::zip(inputs, op->getOperands()))
      constants.push_back(attributeOf(frame.slots[input].bits, operand.getType()));
    SmallVector<OpFoldResult> results;
    if (failed(op->fold(constants, results)) || results.size() != 1)
      return op->emitOpError("cannot be evaluated on constants");
    if (auto value = dyn_cast<Value>(results.front())) {
      for (auto [input, operand] : llvm::zip(inputs, op->getOperands()))
        if (operand == value)
          return frame.slots[out].bits = frame.slots[input].bits, success();
      return op->emitOpError("folds to a value that is not one of its operands");
    }
    std::optional<int64_t> bits = bitsOf(cast<Attribute>(results.front()));
    if (!bits)
      return op->emitOpError("folds to something other than a number");
    frame.slots[out].bits = *bits;
    return success();
  };
}

Step halyard::evaluation::makeScalarStep(Operation *op, SlotMap &slots) {
  if (auto length = dyn_cast<seq::LengthOp>(op))
    return
        [source = length.getAxis() == seq::Axis::source, out = slots.slot(length.getResult())](Frame &frame) {
          frame.slots[out].bits = source ? frame.source : frame.target;
          return success();
        };
  if (auto extents = dyn_cast<seq::ExtentsOp>(op))
    return extentsStep(extents, slots);
  if (op->getNumResults() != 1 || isa<ShapedType>(op->getResult(0).getType()) ||
      llvm::any_of(op->getOperandTypes(), llvm::IsaPred<ShapedType>))
    return {};
  if (Step step = affineStep(op, slots))
    return step;
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    return compareStep(compare, slots);
  if (Step step = integerStep(op, slots))
    return step;
  if (Step step = castStep(op, slots))
    return step;
  return foldStep(op, slots);
}

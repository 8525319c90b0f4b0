// Tensor operations that make, read or rename tensors. Reshapes share the elements.
#include "targets/Common/Evaluator/Plan.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cstring>

using namespace mlir;
using namespace halyard;
using namespace halyard::evaluation;

void *halyard::evaluation::materialise(HostTensor &tensor) {
  if (!tensor.data) {
    tensor = HostTensor::allocate(tensor.shape, tensor.elementType);
    std::memset(tensor.data.get(), 0, tensor.bytes());
  }
  return tensor.data.get();
}

HostTensor halyard::evaluation::filledTensor(ArrayRef<int64_t> shape, Type elementType, int64_t bits) {
  HostTensor tensor = HostTensor::allocate(shape, elementType);
  int64_t width = HostTensor::bytesPerElement(elementType), count = tensor.elements();
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(static_cast<char *>(tensor.data.get()) + i * width, &bits, width);
  return tensor;
}

int64_t halyard::evaluation::elementBits(const HostTensor &tensor, int64_t linear) {
  if (tensor.elementType.isIntOrIndex())
    return tensor.integerAt(linear);
  int64_t width = HostTensor::bytesPerElement(tensor.elementType), bits = 0;
  std::memcpy(&bits, static_cast<const char *>(tensor.data.get()) + linear * width, width);
  return bits;
}

namespace {
LogicalResult reshapeTo(Operation *op, unsigned in, unsigned out, ArrayRef<int64_t> shape, Frame &frame) {
  HostTensor &source = frame.slots[in].tensor;
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  if (count != source.elements() || llvm::any_of(shape, [](int64_t extent) { return extent < 0; }))
    return op->emitOpError("reshapes ") << source.elements() << " elements to the shape [" << shape << "]";
  materialise(source);
  frame.slots[out].tensor = source.reshaped(shape);
  return success();
}

Step expandStep(tensor::ExpandShapeOp op, SlotMap &slots) {
  SmallVector<std::pair<int64_t, std::optional<unsigned>>> extents;
  for (OpFoldResult extent : op.getMixedOutputShape()) {
    std::optional<int64_t> constant = getConstantIntValue(extent);
    extents.push_back(
        {constant.value_or(0), constant ? std::nullopt : std::optional(slots.slot(cast<Value>(extent)))});
  }
  return [op, extents, in = slots.slot(op.getSrc()), out = slots.slot(op.getResult())](Frame &frame) {
    SmallVector<int64_t> shape;
    for (auto [constant, slot] : extents)
      shape.push_back(slot ? frame.slots[*slot].bits : constant);
    return reshapeTo(op, in, out, shape, frame);
  };
}

Step collapseStep(tensor::CollapseShapeOp op, SlotMap &slots) {
  return [op, groups = op.getReassociationIndices(), in = slots.slot(op.getSrc()),
          out = slots.slot(op.getResult())](Frame &frame) {
    SmallVector<int64_t> shape;
    for (const ReassociationIndices &group : groups) {
      shape.push_back(1);
      for (int64_t dim : group)
        shape.back() *= frame.slots[in].tensor.shape[dim];
    }
    return reshapeTo(op, in, out, shape, frame);
  };
}

Step reshapeStep(tensor::ReshapeOp op, SlotMap &slots) {
  return [op, in = slots.slot(op.getSource()), shapeSlot = slots.slot(op.getShape()),
          out = slots.slot(op.getResult())](Frame &frame) {
    const HostTensor &extents = frame.slots[shapeSlot].tensor;
    SmallVector<int64_t> shape;
    for (int64_t i = 0; i < extents.elements(); ++i)
      shape.push_back(extents.integerAt(i));
    return reshapeTo(op, in, out, shape, frame);
  };
}

Step castStep(tensor::CastOp op, SlotMap &slots) {
  return [op, type = dyn_cast<RankedTensorType>(op.getType()), in = slots.slot(op.getSource()),
          out = slots.slot(op.getResult())](Frame &frame) mutable -> LogicalResult {
    const HostTensor &source = frame.slots[in].tensor;
    if (type && failed(verifyCompatibleShape(source.shape, type.getShape())))
      return op.emitOpError("meets a tensor of shape [") << source.shape << "]";
    frame.slots[out].tensor = source;
    return success();
  };
}

Step emptyStep(tensor::EmptyOp op, SlotMap &slots) {
  return [type = op.getType(), dynamic = slots.slots(op.getDynamicSizes()),
          out = slots.slot(op.getResult())](Frame &frame) {
    HostTensor result{SmallVector<int64_t>(type.getShape()), type.getElementType(), nullptr};
    const unsigned *next = dynamic.begin();
    for (int64_t &extent : result.shape)
      if (ShapedType::isDynamic(extent))
        extent = frame.slots[*next++].bits;
    frame.slots[out].tensor = std::move(result);
    return success();
  };
}

Step fromElementsStep(tensor::FromElementsOp op, SlotMap &slots) {
  return [type = op.getType(), inputs = slots.slots(op.getElements()),
          out = slots.slot(op.getResult())](Frame &frame) {
    HostTensor result = HostTensor::allocate(type.getShape(), type.getElementType());
    int64_t width = HostTensor::bytesPerElement(type.getElementType());
    for (auto [index, input] : llvm::enumerate(inputs))
      std::memcpy(static_cast<char *>(result.data.get()) + index * width, &frame.slots[input].bits, width);
    frame.slots[out].tensor = std::move(result);
    return success();
  };
}

Step splatStep(tensor::SplatOp op, SlotMap &slots) {
  return [type = op.getType(), dynamic = slots.slots(op.getDynamicSizes()), in = slots.slot(op.getInput()),
          out = slots.slot(op.getResult())](Frame &frame) {
    SmallVector<int64_t> shape(type.getShape());
    const unsigned *next = dynamic.begin();
    for (int64_t &extent : shape)
      if (ShapedType::isDynamic(extent))
        extent = frame.slots[*next++].bits;
    frame.slots[out].tensor = filledTensor(shape, type.getElementType(), frame.slots[in].bits);
    return success();
  };
}

Step extractStep(tensor::ExtractOp op, SlotMap &slots) {
  return [op, in = slots.slot(op.getTensor()), indices = slots.slots(op.getIndices()),
          out = slots.slot(op.getResult())](Frame &frame) mutable -> LogicalResult {
    HostTensor &source = frame.slots[in].tensor;
    materialise(source);
    int64_t linear = 0;
    for (auto [dim, slot] : llvm::enumerate(indices)) {
      int64_t index = frame.slots[slot].bits;
      if (index < 0 || index >= source.shape[dim])
        return op.emitOpError("reads element ")
               << index << " of dimension " << dim << ", whose extent is " << source.shape[dim];
      linear = linear * source.shape[dim] + index;
    }
    frame.slots[out].bits = elementBits(source, linear);
    return success();
  };
}

Step dimStep(tensor::DimOp op, SlotMap &slots) {
  return [op, in = slots.slot(op.getSource()), index = slots.slot(op.getIndex()),
          out = slots.slot(op.getResult())](Frame &frame) mutable -> LogicalResult {
    const HostTensor &source = frame.slots[in].tensor;
    int64_t dim = frame.slots[index].bits;
    if (dim < 0 || dim >= source.rank())
      return op.emitOpError("asks for dimension ") << dim << " of a tensor of rank " << source.rank();
    frame.slots[out].bits = source.shape[dim];
    return success();
  };
}

/// The same bytes under another element type of equal width.
Step bitcastStep(Operation *op, SlotMap &slots) {
  Type elementType = cast<ShapedType>(op->getResult(0).getType()).getElementType();
  return [elementType, in = slots.slot(op->getOperand(0)), out = slots.slot(op->getResult(0))](Frame &frame) {
    frame.slots[out].tensor = frame.slots[in].tensor;
    frame.slots[out].tensor.elementType = elementType;
    return success();
  };
}
} // namespace

Step halyard::evaluation::makeTensorStep(Operation *op, SlotMap &slots) {
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case([&](tensor::ExpandShapeOp o) { return expandStep(o, slots); })
      .Case([&](tensor::CollapseShapeOp o) { return collapseStep(o, slots); })
      .Case([&](tensor::ReshapeOp o) { return reshapeStep(o, slots); })
      .Case([&](tensor::CastOp o) { return castStep(o, slots); })
      .Case([&](tensor::EmptyOp o) { return emptyStep(o, slots); })
      .Case([&](tensor::FromElementsOp o) { return fromElementsStep(o, slots); })
      .Case([&](tensor::SplatOp o) { return splatStep(o, slots); })
      .Case([&](tensor::ExtractOp o) { return extractStep(o, slots); })
      .Case([&](tensor::DimOp o) { return dimStep(o, slots); })
      .Case([&](tensor::BitcastOp o) { return bitcastStep(o, slots); })
      .Case([&](UnrealizedConversionCastOp o) {
        bool isTensor =
            o->getNumOperands() == 1 && o->getNumResults() == 1 && isa<ShapedType>(o->getResult(0).getType());
        return isTensor ? bitcastStep(o, slots) : Step();
      })
      .Default([&](Operation *o) { return makeSliceStep(o, slots); });
}

// Tensor operations that move boxes of elements: extract_slice, insert_slice, concat and pad.
#include "targets/Common/Evaluator/Plan.h"
#include "targets/Common/Evaluator/StridedCopy.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::evaluation;

namespace {
/// Integers of which some are known and the others are in slots.
class MixedIntegers {
public:
  MixedIntegers(ArrayRef<OpFoldResult> mixed, SlotMap &slots) {
    for (OpFoldResult entry : mixed) {
      std::optional<int64_t> constant = getConstantIntValue(entry);
      entries.push_back(
          {constant.value_or(0), constant ? std::nullopt : std::optional(slots.slot(cast<Value>(entry)))});
    }
  }

  SmallVector<int64_t> read(const Frame &frame) const {
    return llvm::map_to_vector(entries, [&](const Entry &entry) {
      return entry.slot ? frame.slots[*entry.slot].bits : entry.value;
    });
  }

private:
  struct Entry {
    int64_t value;
    std::optional<unsigned> slot;
  };
  SmallVector<Entry> entries;
};

/// Where a slice lies in a tensor.
struct SliceBounds {
  MixedIntegers offsets, sizes, strides;

  template <typename OpTy>
  SliceBounds(OpTy op, SlotMap &slots)
      : offsets(op.getMixedOffsets(), slots), sizes(op.getMixedSizes(), slots),
        strides(op.getMixedStrides(), slots) {}
};

LogicalResult checkBounds(Operation *op, ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets,
                          ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides) {
  for (auto [dim, extent] : llvm::enumerate(shape)) {
    int64_t last = offsets[dim] + (sizes[dim] - 1) * strides[dim];
    bool empty = sizes[dim] == 0;
    if (sizes[dim] < 0 ||
        (!empty && (offsets[dim] < 0 || offsets[dim] >= extent || last < 0 || last >= extent)))
      return op->emitOpError("takes ")
             << sizes[dim] << " elements from " << offsets[dim] << " by " << strides[dim] << " of dimension "
             << dim << ", whose extent is " << extent;
  }
  return success();
}

SmallVector<int64_t> withoutDropped(ArrayRef<int64_t> sizes, const llvm::SmallBitVector &dropped) {
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (!dropped.test(dim))
      shape.push_back(size);
  return shape;
}

HostTensor copyOf(HostTensor &tensor) {
  HostTensor copy = HostTensor::allocate(tensor.shape, tensor.elementType);
  std::memcpy(copy.data.get(), materialise(tensor), tensor.bytes());
  return copy;
}

Step extractSliceStep(tensor::ExtractSliceOp op, SlotMap &slots) {
  return [op, bounds = SliceBounds(op, slots), dropped = op.getDroppedDims(), in = slots.slot(op.getSource()),
          out = slots.slot(op.getResult())](Frame &frame) mutable -> LogicalResult {
    HostTensor &source = frame.slots[in].tensor;
    SmallVector<int64_t> offsets = bounds.offsets.read(frame), sizes = bounds.sizes.read(frame),
                         strides = bounds.strides.read(frame);
    if (failed(checkBounds(op, source.shape, offsets, sizes, strides)))
      return failure();
    HostTensor result = HostTensor::allocate(withoutDropped(sizes, dropped), source.elementType);
    int64_t width = HostTensor::bytesPerElement(source.elementType);
    SmallVector<int64_t> zeros(sizes.size(), 0), ones(sizes.size(), 1);
    copyBox(boxOf(result.data.get(), sizes, width, zeros, ones),
            boxOf(materialise(source), source.shape, width, offsets, strides), sizes, width);
    frame.slots[out].tensor = std::move(result);
    return success();
  };
}

Step insertSliceStep(tensor::InsertSliceOp op, SlotMap &slots) {
  return
      [op, bounds = SliceBounds(op, slots), in = slots.slot(op.getSource()), into = slots.slot(op.getDest()),
       out = slots.slot(op.getResult())](Frame &frame) mutable -> LogicalResult {
        HostTensor &source = frame.slots[in].tensor, &destination = frame.slots[into].tensor;
        SmallVector<int64_t> offsets = bounds.offsets.read(frame), sizes = bounds.sizes.read(frame),
                             strides = bounds.strides.read(frame);
        if (failed(checkBounds(op, destination.shape, offsets, sizes, strides)))
          return failure();
        HostTensor result = copyOf(destination);
        int64_t width = HostTensor::bytesPerElement(source.elementType);
        SmallVector<int64_t> zeros(sizes.size(), 0), ones(sizes.size(), 1);
        copyBox(boxOf(result.data.get(), result.shape, width, offsets, strides),
                boxOf(materialise(source), sizes, width, zeros, ones), sizes, width);
        frame.slots[out].tensor = std::move(result);
        return success();
      };
}

LogicalResult concatenate(tensor::ConcatOp op, ArrayRef<unsigned> inputs, unsigned out, Frame &frame) {
  int64_t dim = op.getDim();
  SmallVector<int64_t> shape = frame.slots[inputs.front()].tensor.shape;
  shape[dim] = 0;
  for (unsigned input : inputs) {
    const HostTensor &part = frame.slots[input].tensor;
    shape[dim] += part.shape[dim];
    for (size_t other = 0; other < shape.size(); ++other)
      if (static_cast<int64_t>(other) != dim && part.shape[other] != shape[other])
        return op->emitOpError("joins tensors whose extents differ in dimension ")
               << other << ": " << shape[other] << " and " << part.shape[other];
  }
  HostTensor result = HostTensor::allocate(shape, frame.slots[inputs.front()].tensor.elementType);
  int64_t width = HostTensor::bytesPerElement(result.elementType);
  SmallVector<int64_t> offsets(shape.size(), 0), zeros(shape.size(), 0), ones(shape.size(), 1);
  for (unsigned input : inputs) {
    HostTensor &part = frame.slots[input].tensor;
    copyBox(boxOf(result.data.get(), shape, width, offsets, ones),
            boxOf(materialise(part), part.shape, width, zeros, ones), part.shape, width);
    offsets[dim] += part.shape[dim];
  }
  frame.slots[out].tensor = std::move(result);
  return success();
}

Step padStep(tensor::PadOp op, SlotMap &slots) {
  Value padding = op.getConstantPaddingValue();
  if (!padding)
    return [op](Frame &) mutable -> LogicalResult {
      return op.emitOpError("pads with something else than one value");
    };
  return [low = MixedIntegers(op.getMixedLowPad(), slots), high = MixedIntegers(op.getMixedHighPad(), slots),
          value = slots.slot(padding), in = slots.slot(op.getSource()),
          out = slots.slot(op.getResult())](Frame &frame) {
    HostTensor &source = frame.slots[in].tensor;
    SmallVector<int64_t> before = low.read(frame), after = high.read(frame), shape = source.shape;
    for (auto [dim, extent] : llvm::enumerate(shape))
      extent += before[dim] + after[dim];
    HostTensor result = filledTensor(shape, source.elementType, frame.slots[value].bits);
    int64_t width = HostTensor::bytesPerElement(source.elementType);
    SmallVector<int64_t> zeros(shape.size(), 0), ones(shape.size(), 1);
    copyBox(boxOf(result.data.get(), shape, width, before, ones),
            boxOf(materialise(source), source.shape, width, zeros, ones), source.shape, width);
    frame.slots[out].tensor = std::move(result);
    return success();
  };
}
} // namespace

Step halyard::evaluation::makeSliceStep(Operation *op, SlotMap &slots) {
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case([&](tensor::ExtractSliceOp slice) { return extractSliceStep(slice, slots); })
      .Case([&](tensor::InsertSliceOp slice) { return insertSliceStep(slice, slots); })
      .Case([&](tensor::ConcatOp concat) -> Step {
        return [concat, inputs = slots.slots(concat.getInputs()), out = slots.slot(concat.getResult())](
                   Frame &frame) { return concatenate(concat, inputs, out, frame); };
      })
      .Case([&](tensor::PadOp pad) { return padStep(pad, slots); })
      .Default([](Operation *) { return Step(); });
}

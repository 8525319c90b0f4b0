// Storage of host tensors and their exchange with MLIR's constants. Large constants travel as resources, so
// that folding a model of hundreds of megabytes neither copies nor hashes its weights.
#include "targets/Common/HostTensor.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace halyard;

/// Constants of at most this many bytes are stored in the attribute itself.
static constexpr int64_t kInlineBytes = 1024;

int64_t HostTensor::bytesPerElement(Type elementType) {
  if (isa<IndexType>(elementType))
    return 8;
  return llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
}

int64_t HostTensor::elements() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

HostTensor HostTensor::allocate(ArrayRef<int64_t> shape, Type elementType) {
  HostTensor tensor{SmallVector<int64_t>(shape), elementType, nullptr};
  size_t bytes = llvm::alignTo(std::max<int64_t>(tensor.bytes(), 1), 64);
  tensor.data = std::shared_ptr<void>(std::aligned_alloc(64, bytes), std::free);
  return tensor;
}

HostTensor HostTensor::reshaped(ArrayRef<int64_t> newShape) const {
  HostTensor result{SmallVector<int64_t>(newShape), elementType, data};
  assert(result.elements() == elements() && "a reshape keeps the number of elements");
  return result;
}

int64_t HostTensor::integerAt(int64_t linear) const {
  const char *element = static_cast<const char *>(data.get()) + linear * bytesPerElement(elementType);
  bool isUnsigned = elementType.isUnsignedInteger() || elementType.isInteger(1);
  switch (bytesPerElement(elementType)) {
  case 1: {
    // Of fewer bits than a byte has, the others may be anything.
    unsigned bits = elementType.isInteger(1) ? 8 : elementType.getIntOrFloatBitWidth();
    uint64_t byte = *reinterpret_cast<const uint8_t *>(element) & llvm::maskTrailingOnes<uint64_t>(bits);
    return isUnsigned ? int64_t(byte) : llvm::SignExtend64(byte, bits);
  }
  case 2:
    return isUnsigned ? *reinterpret_cast<const uint16_t *>(element)
                      : *reinterpret_cast<const int16_t *>(element);
  case 4:
    return isUnsigned ? *reinterpret_cast<const uint32_t *>(element)
                      : *reinterpret_cast<const int32_t *>(element);
  default:
    return *reinterpret_cast<const int64_t *>(element);
  }
}

bool HostTensor::isSplat() const {
  int64_t width = bytesPerElement(elementType), total = bytes();
  if (total == 0)
    return false;
  // Every element equals the first exactly when the bytes equal themselves shifted by one element.
  const char *start = static_cast<const char *>(data.get());
  return std::memcmp(start, start + width, total - width) == 0;
}

namespace {
/// A tensor over memory that lives as long as the context.
HostTensor borrowed(ShapedType type, const void *elements) {
  return {SmallVector<int64_t>(type.getShape()), type.getElementType(),
          std::shared_ptr<void>(const_cast<void *>(elements), [](void *) {})};
}

HostTensor repeated(ShapedType type, const char *element) {
  HostTensor tensor = HostTensor::allocate(type.getShape(), type.getElementType());
  int64_t width = HostTensor::bytesPerElement(type.getElementType()), total = tensor.bytes();
  char *out = static_cast<char *>(tensor.data.get());
  if (total > 0)
    std::memcpy(out, element, width);
  for (int64_t done = width; done < total; done *= 2)
    std::memcpy(out + done, out, std::min(done, total - done));
  return tensor;
}

HostTensor fromBits(DenseElementsAttr attribute) {
  HostTensor tensor = HostTensor::allocate(attribute.getType().getShape(), attribute.getElementType());
  llvm::copy(attribute.getValues<bool>(), static_cast<bool *>(tensor.data.get()));
  return tensor;
}
} // namespace

HostTensor halyard::fromAttribute(ElementsAttr attribute) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    assert(blob && "a constant names a resource that was never filled");
    return borrowed(resource.getType(), blob->getData().data());
  }
  auto dense = cast<DenseElementsAttr>(attribute);
  if (dense.getElementType().isInteger(1))
    return fromBits(dense);
  if (dense.isSplat())
    return repeated(dense.getType(), dense.getRawData().data());
  return borrowed(dense.getType(), dense.getRawData().data());
}

static DenseElementsAttr denseAttribute(const HostTensor &tensor, bool isSplat) {
  RankedTensorType type = tensor.type();
  size_t count = isSplat ? 1 : tensor.elements();
  if (tensor.elementType.isInteger(1))
    return DenseElementsAttr::get(type, ArrayRef<bool>(static_cast<const bool *>(tensor.data.get()), count));
  size_t bytes = count * HostTensor::bytesPerElement(tensor.elementType);
  return DenseElementsAttr::getFromRawBuffer(type, {static_cast<const char *>(tensor.data.get()), bytes});
}

ElementsAttr halyard::toAttribute(const HostTensor &tensor) {
  bool isSplat = tensor.isSplat();
  if (isSplat || tensor.bytes() <= kInlineBytes)
    return denseAttribute(tensor, isSplat);
  // The resource keeps a share of the elements until the context goes.
  std::shared_ptr<void> keep = tensor.data;
  AsmResourceBlob blob(
      {static_cast<const char *>(tensor.data.get()), static_cast<size_t>(tensor.bytes())},
      /*dataAlignment=*/HostTensor::bytesPerElement(tensor.elementType), [keep](void *, size_t, size_t) {},
      /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(tensor.type(), "folded", std::move(blob));
}

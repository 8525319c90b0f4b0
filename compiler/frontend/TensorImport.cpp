// Tensors come in three forms: raw bytes (in place or external), and typed fields, where the narrow types
// share one field of 32-bit integers. All three are brought to row-major bytes here; only typed fields are
// copied.
#include "compiler/frontend/TensorImport.h"
#include "compiler/frontend/ElementTypes.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace halyard::onnx;
using ::onnx::TensorProto;

namespace {

constexpr size_t kResourceBytes = 1024;

/// Bytes of a tensor and what keeps them alive.
struct TensorBytes {
  ArrayRef<char> bytes;
  std::shared_ptr<const void> owner;
};

std::string printDims(const TensorProto &tensor) {
  std::string text = "[";
  for (int i = 0; i < tensor.dims_size(); ++i)
    text += (i ? ", " : "") + std::to_string(tensor.dims(i));
  return text + "]";
}

/// Number of bytes that the dimensions ask for; nothing if one is negative or the product overflows.
std::optional<int64_t> bytesOf(const TensorProto &tensor, Type elementType) {
  int64_t total = elementBytes(elementType);
  for (int64_t dim : tensor.dims())
    if (dim < 0 || llvm::MulOverflow(total, dim, total))
      return std::nullopt;
  return total;
}

StringRef externalEntry(const TensorProto &tensor, StringRef key) {
  for (const auto &entry : tensor.external_data())
    if (entry.key() == key)
      return entry.value();
  return {};
}

FailureOr<TensorBytes> externalBytes(OnnxFile &file, const TensorProto &tensor, Location loc,
                                     int64_t wanted) {
  StringRef location = externalEntry(tensor, "location");
  TensorBytes result;
  std::shared_ptr<MappedFile> mapping = file.mapping();
  if (externalEntry(tensor, kInPlaceKey).empty()) {
    if (location.empty())
      return emitError(loc) << "tensor '" << tensor.name() << "' is marked as external but names no file";
    std::string problem;
    mapping = file.externalFile(location, problem);
    if (!mapping) {
      InFlightDiagnostic error = emitError(loc) << "external data '" << location << "' of tensor '"
                                                << tensor.name() << "' cannot be read: " << problem;
      error.attachNote() << "an .onnx file with external data must be kept together with its data file";
      return error;
    }
  }
  uint64_t offset = 0, length = wanted, size = mapping->bytes().size();
  StringRef offsetText = externalEntry(tensor, "offset"), lengthText = externalEntry(tensor, "length");
  if ((!offsetText.empty() && offsetText.getAsInteger(10, offset)) ||
      (!lengthText.empty() && lengthText.getAsInteger(10, length)))
    return emitError(loc) << "external data of tensor '" << tensor.name() << "' has offset '" << offsetText
                          << "' and length '" << lengthText << "', numbers were expected";
  if (offset > size || length > size - offset)
    return emitError(loc) << "external data '" << location << "' of tensor '" << tensor.name()
                          << "' is too short: " << length << " bytes at " << offset
                          << " were expected, the file has " << size;
  result.bytes = mapping->bytes().slice(offset, length);
  result.owner = mapping;
  return result;
}

template <typename T, typename Field> TensorBytes packField(const Field &field) {
  auto packed = std::make_shared<std::vector<T>>(field.begin(), field.end());
  return {ArrayRef<char>(reinterpret_cast<const char *>(packed->data()), packed->size() * sizeof(T)), packed};
}

/// Elements of the typed field that ONNX prescribes for the element type.
TensorBytes typedBytes(const TensorProto &tensor) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return packField<float>(tensor.float_data());
  case TensorProto::DOUBLE:
    return packField<double>(tensor.double_data());
  case TensorProto::INT64:
    return packField<int64_t>(tensor.int64_data());
  case TensorProto::UINT64:
    return packField<uint64_t>(tensor.uint64_data());
  case TensorProto::UINT32:
    return packField<uint32_t>(tensor.uint64_data());
  case TensorProto::INT32:
    return packField<int32_t>(tensor.int32_data());
  case TensorProto::INT16:
  case TensorProto::UINT16:
  case TensorProto::FLOAT16: // the bits of the float
  case TensorProto::BFLOAT16:
    return packField<uint16_t>(tensor.int32_data());
  default:
    return packField<uint8_t>(tensor.int32_data());
  }
}

FailureOr<TensorBytes> tensorBytes(OnnxFile &file, const TensorProto &tensor, Location loc, int64_t wanted) {
  // In-place data is told by its key: a data_location that the file states itself may follow and overrule
  // ours.
  bool inPlace = !externalEntry(tensor, kInPlaceKey).empty();
  if (inPlace || tensor.data_location() == TensorProto::EXTERNAL)
    return externalBytes(file, tensor, loc, wanted);
  if (!tensor.has_raw_data())
    return typedBytes(tensor);
  auto copy = std::make_shared<std::string>(tensor.raw_data()); // small: large raw data is in place
  return TensorBytes{ArrayRef<char>(copy->data(), copy->size()), copy};
}

/// Bits of an element in a file, fewer than 8 for those that share bytes.
int64_t storedBits(Type elementType) {
  int64_t bits = elementType.getIntOrFloatBitWidth();
  return bits == 1 ? 8 : bits;
}

/// Elements of 2 or 4 bits, which a file packs, the low bits first, one to a byte.
TensorBytes spread(ArrayRef<char> packed, IntegerType type, int64_t count) {
  auto spread = std::make_shared<std::vector<char>>(count);
  int64_t bits = type.getWidth(), perByte = 8 / bits;
  for (auto [i, byte] : llvm::enumerate(*spread)) {
    uint64_t code = uint8_t(packed[i / perByte]) >> i % perByte * bits & ((1 << bits) - 1);
    byte = static_cast<char>(type.isUnsigned() ? code : llvm::SignExtend64(code, bits));
  }
  return {ArrayRef<char>(spread->data(), count), spread};
}

ElementsAttr smallAttribute(RankedTensorType type, ArrayRef<char> bytes) {
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> values;
    for (char byte : bytes)
      values.push_back(byte != 0);
    return DenseElementsAttr::get(type, values);
  }
  return DenseElementsAttr::getFromRawBuffer(type, bytes);
}

ElementsAttr resourceAttribute(RankedTensorType type, StringRef hint, TensorBytes data) {
  size_t alignment = elementBytes(type.getElementType());
  if (reinterpret_cast<uintptr_t>(data.bytes.data()) % alignment != 0)
    alignment = 1;
  AsmResourceBlob blob(
      data.bytes, alignment,
      [owner = std::move(data.owner)](void *, size_t, size_t) mutable { owner.reset(); },
      /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(type, hint.empty() ? "constant" : hint, std::move(blob));
}

} // namespace

FailureOr<ElementsAttr> halyard::onnx::importTensor(OnnxFile &file, const TensorProto &tensor, Location loc,
                                                    StringRef hint) {
  Type elementType = elementTypeFromOnnx(loc.getContext(), tensor.data_type());
  if (!elementType)
    return emitError(loc) << "tensor '" << tensor.name() << "' has element type "
                          << dataTypeName(tensor.data_type()) << ", which is not supported";
  std::optional<int64_t> wanted = bytesOf(tensor, elementType);
  if (!wanted)
    return emitError(loc) << "tensor '" << tensor.name() << "' has the impossible shape "
                          << printDims(tensor);
  int64_t elements = *wanted / elementBytes(elementType), bits = storedBits(elementType);
  if (bits < 8)
    wanted = llvm::divideCeil(*wanted * bits, 8);
  FailureOr<TensorBytes> data = tensorBytes(file, tensor, loc, *wanted);
  if (failed(data))
    return failure();
  if (int64_t(data->bytes.size()) != *wanted)
    return emitError(loc) << "tensor '" << tensor.name() << "' of shape " << printDims(tensor) << " and type "
                          << dataTypeName(tensor.data_type()) << " needs " << *wanted
                          << " bytes of data, the file has " << int64_t(data->bytes.size());
  if (bits < 8)
    data = spread(data->bytes, cast<IntegerType>(elementType), elements);
  auto type = RankedTensorType::get(ArrayRef<int64_t>(tensor.dims().data(), tensor.dims_size()), elementType);
  if (data->bytes.size() < kResourceBytes)
    return smallAttribute(type, data->bytes);
  return resourceAttribute(type, hint, std::move(*data));
}

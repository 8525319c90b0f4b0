// The table of element types.
#include "compiler/frontend/ElementTypes.h"

#include "llvm/ADT/StringExtras.h"

#include <onnx-ml.pb.h>

using namespace mlir;
using ::onnx::TensorProto;

Type halyard::onnx::elementTypeFromOnnx(MLIRContext *context, int32_t dataType) {
  auto integer = [&](unsigned width) { return IntegerType::get(context, width); };
  auto unsignedInteger = [&](unsigned width) {
    return IntegerType::get(context, width, IntegerType::Unsigned);
  };
  switch (dataType) {
  case TensorProto::BOOL:
    return integer(1);
  case TensorProto::INT2:
    return integer(2);
  case TensorProto::INT4:
    return integer(4);
  case TensorProto::INT8:
    return integer(8);
  case TensorProto::INT16:
    return integer(16);
  case TensorProto::INT32:
    return integer(32);
  case TensorProto::INT64:
    return integer(64);
  case TensorProto::UINT2:
    return unsignedInteger(2);
  case TensorProto::UINT4:
    return unsignedInteger(4);
  case TensorProto::UINT8:
    return unsignedInteger(8);
  case TensorProto::UINT16:
    return unsignedInteger(16);
  case TensorProto::UINT32:
    return unsignedInteger(32);
  case TensorProto::UINT64:
    return unsignedInteger(64);
  case TensorProto::FLOAT16:
    return Float16Type::get(context);
  case TensorProto::BFLOAT16:
    return BFloat16Type::get(context);
  case TensorProto::FLOAT:
    return Float32Type::get(context);
  case TensorProto::DOUBLE:
    return Float64Type::get(context);
  default:
    return nullptr;
  }
}

std::string halyard::onnx::dataTypeName(int32_t dataType) {
  if (!::onnx::TensorProto_DataType_IsValid(dataType))
    return "number " + std::to_string(dataType);
  return StringRef(::onnx::TensorProto_DataType_Name(::onnx::TensorProto_DataType(dataType))).lower();
}

int64_t halyard::onnx::elementBytes(Type type) { return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8); }

// ONNX's element types and MLIR's.
#ifndef HALYARD_COMPILER_FRONTEND_ELEMENTTYPES_H
#define HALYARD_COMPILER_FRONTEND_ELEMENTTYPES_H

#include "mlir/IR/BuiltinTypes.h"

namespace halyard::onnx {

/// The type for a TensorProto.DataType; null where Halyard has none (strings, complex numbers, 4- and 8-bit
/// floats...).
mlir::Type elementTypeFromOnnx(mlir::MLIRContext *context, int32_t dataType);

/// Name of a TensorProto.DataType as ONNX writes it, in lower case: "float16".
std::string dataTypeName(int32_t dataType);

/// Bytes of one element as it is imported; a boolean and an integer of fewer than 8 bits have one.
int64_t elementBytes(mlir::Type type);

} // namespace halyard::onnx

#endif

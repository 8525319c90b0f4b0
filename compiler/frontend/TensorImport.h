// Tensors of a file as attributes.
#ifndef HALYARD_COMPILER_FRONTEND_TENSORIMPORT_H
#define HALYARD_COMPILER_FRONTEND_TENSORIMPORT_H

#include "compiler/frontend/OnnxFile.h"

#include "mlir/IR/BuiltinAttributes.h"

namespace halyard::onnx {

/// A tensor's value. Below 1 KiB it is a DenseElementsAttr; otherwise a DenseResourceElementsAttr whose bytes
/// (row-major, a boolean one byte) lie in the mapped file and keep it mapped. They are aligned only as the
/// file has them. `hint` names the resource. Emits one error at `loc` if the tensor is inconsistent or its
/// data is missing.
mlir::FailureOr<mlir::ElementsAttr> importTensor(OnnxFile &file, const ::onnx::TensorProto &tensor,
                                                 mlir::Location loc, llvm::StringRef hint);

} // namespace halyard::onnx

#endif

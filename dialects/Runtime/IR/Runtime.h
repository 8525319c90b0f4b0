// The rt dialect: the artifact's runtime interface one to one, so that emission only prints.
#ifndef HALYARD_DIALECTS_RUNTIME_IR_RUNTIME_H
#define HALYARD_DIALECTS_RUNTIME_IR_RUNTIME_H

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Runtime/IR/RuntimeDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Runtime/IR/RuntimeTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/Runtime/IR/RuntimeOps.h.inc"

namespace halyard::rt {
/// Bytes of one element as buffers and files store it: booleans take one byte.
int64_t bytesOfElement(mlir::Type elementType);

/// Alignment in bytes of every region, intermediate buffer and weight.
constexpr int64_t kAlignment = 64;
} // namespace halyard::rt

#endif

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

/// On a kernel that the target's NPU runs, which is declared only: what it consists of (call-npu). A
/// dictionary of the NPU's `name`, its `commands` as bytes, `rows` of one run, `features` and `outputs` of
/// the layer, the bytes of its weights and memory (`weight_bytes`, `memory_bytes`), where codes and sums are
/// in that memory (`codes_at`, `sums_at`), and the vendor's estimate of a run's `cycles`. Such a kernel takes
/// codes, weights and memory.
constexpr llvm::StringLiteral kNpuAttribute = "rt.npu";
} // namespace halyard::rt

#endif

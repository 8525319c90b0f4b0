// The seq dialect: what an encoder-decoder model means, tied to no target.
#ifndef HALYARD_DIALECTS_SEQ_IR_SEQ_H
#define HALYARD_DIALECTS_SEQ_IR_SEQ_H

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Seq/IR/SeqDialect.h.inc"
#include "dialects/Seq/IR/SeqEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Seq/IR/SeqAttributes.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Seq/IR/SeqTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/Seq/IR/SeqOps.h.inc"

namespace halyard::seq {

/// Whether an operation is one of a program's stages.
inline bool isStage(mlir::Operation *op) {
  return mlir::isa<EncodeOp, BindOp, StepOp, HeadOp, ScreenOp, RescoreOp>(op);
}

} // namespace halyard::seq

#endif

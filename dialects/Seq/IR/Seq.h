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

#define GET_TYPEDEF_CLASSES
#include "dialects/Seq/IR/SeqTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/Seq/IR/SeqOps.h.inc"

#endif

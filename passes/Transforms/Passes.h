// Declarations and registration of the passes of this folder, generated from Passes.td.
#ifndef HALYARD_PASSES_TRANSFORMS_PASSES_H
#define HALYARD_PASSES_TRANSFORMS_PASSES_H

#include "dialects/Seq/IR/Seq.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace halyard {
#define GEN_PASS_DECL
#include "passes/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Transforms/Passes.h.inc"
} // namespace halyard

#endif

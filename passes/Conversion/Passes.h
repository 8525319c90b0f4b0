// Declarations and registration of the passes of this folder, generated from Passes.td.
#ifndef HALYARD_PASSES_CONVERSION_PASSES_H
#define HALYARD_PASSES_CONVERSION_PASSES_H

#include "mlir/Pass/Pass.h"

namespace halyard {
#define GEN_PASS_DECL
#include "passes/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Conversion/Passes.h.inc"
} // namespace halyard

#endif

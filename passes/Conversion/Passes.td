// The passes of this folder. Each has one source file of its name, one lit test of its name, and a before/after example.
#ifndef HALYARD_PASSES_CONVERSION
#define HALYARD_PASSES_CONVERSION

include "mlir/Pass/PassBase.td"

#endif

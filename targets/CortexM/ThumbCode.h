// What Halide's code for a 32-bit Arm without NEON takes to become good code for Cortex-M, which Halide has
// no target for.
#ifndef HALYARD_TARGETS_CORTEXM_THUMBCODE_H
#define HALYARD_TARGETS_CORTEXM_THUMBCODE_H

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace halyard {

/// Optimises functions again, so that vectors become the ones that the processor has (CodeMachine::rewrite).
void optimiseForThumb(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace halyard

#endif

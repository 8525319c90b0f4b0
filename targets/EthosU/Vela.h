// Arm's compiler for the Ethos-U, and what makes a TOSA file for it. Both are programs of their own, which
// PyPI has: `vela` (ethos-u-vela) and `tosa-opt` (tosa-tools).
#ifndef HALYARD_TARGETS_ETHOSU_VELA_H
#define HALYARD_TARGETS_ETHOSU_VELA_H

#include "targets/Common/Npu.h"

namespace halyard {

/// What a program is compiled for, in Vela's words.
struct VelaMachine {
  llvm::StringRef accelerator, system;
};

/// Says which of the programs are not on PATH, and what to install; empty if they are.
std::string missingVelaTools();

/// Compiles a layer. Weights are read where they are stored; codes, sums and what is between them are in one
/// memory that the processor reaches too (Vela's memory mode Shared_Sram). Vela must place all of it on the
/// NPU. On failure an error was emitted.
mlir::FailureOr<NpuProgram> compileWithVela(const NpuLayer &layer, const VelaMachine &machine,
                                            mlir::Location location);

} // namespace halyard

#endif

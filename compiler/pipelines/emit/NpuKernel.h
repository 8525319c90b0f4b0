// Kernels that the target's NPU runs, as C++ source.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_NPUKERNEL_H
#define HALYARD_COMPILER_PIPELINES_EMIT_NPUKERNEL_H

#include "dialects/Runtime/IR/Runtime.h"

#include <string>

namespace halyard::emit {

/// What the kernel carries for the NPU (rt::kNpuAttribute); null for kernels of the processor.
mlir::DictionaryAttr npuProgram(mlir::func::FuncOp kernel);

/// A number of such a dictionary.
int64_t npuNumber(mlir::DictionaryAttr program, llvm::StringRef key);

/// A function that hands the commands to the runtime (runtime/include/halyard/npu.h).
std::string npuKernelSource(mlir::func::FuncOp kernel);

} // namespace halyard::emit

#endif

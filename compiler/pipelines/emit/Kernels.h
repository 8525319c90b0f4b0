// Compiles a program's kernels through its target.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_KERNELS_H
#define HALYARD_COMPILER_PIPELINES_EMIT_KERNELS_H

#include "compiler/pipelines/emit/ObjectCache.h"
#include "dialects/Runtime/IR/Runtime.h"
#include "targets/Common/Target.h"

namespace halyard::emit {

/// Renames each kernel of the program to a name that its contents decide, so that programs linked together,
/// and compilations after one another, share equal kernels. Kernels that become equal by it are merged.
void nameKernels(rt::ProgramOp program, llvm::StringRef target);

/// Writes `directory`/NAME and the target's suffix for every kernel, from the cache where it can; for a
/// target of several levels one file per level, and Dispatch.cpp, which chooses. Returns the file names,
/// sorted.
mlir::FailureOr<std::vector<std::string>> compileKernels(rt::ProgramOp program, const Target &target,
                                                         llvm::StringRef directory, const ObjectCache &cache);

} // namespace halyard::emit

#endif

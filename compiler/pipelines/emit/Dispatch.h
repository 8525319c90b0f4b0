// The choice among several instruction sets, made when an artifact is loaded.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_DISPATCH_H
#define HALYARD_COMPILER_PIPELINES_EMIT_DISPATCH_H

#include "targets/Common/Target.h"

namespace halyard::emit {

/// The name of a kernel's object and symbol for one level of a target.
std::string nameAtLevel(llvm::StringRef kernel, const Target &level);

/// C++ source that defines every kernel as one of its levels: the first whose instructions the processor has,
/// else the last. The levels are those of `target`, best first.
std::string dispatchSource(llvm::ArrayRef<std::string> kernels, const Target &target);

} // namespace halyard::emit

#endif

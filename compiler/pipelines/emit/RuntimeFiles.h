// The runtime's sources, held inside the compiler.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_RUNTIMEFILES_H
#define HALYARD_COMPILER_PIPELINES_EMIT_RUNTIMEFILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace halyard::emit {

struct RuntimeFile {
  llvm::StringRef path; // below runtime/
  llvm::StringRef text;
};

/// All files of runtime/, in the order of their paths.
llvm::ArrayRef<RuntimeFile> runtimeFiles();

} // namespace halyard::emit

#endif

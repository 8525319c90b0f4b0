// LLVM's own code generators, for processors that Halide has no target for, or not all instructions of.
#ifndef HALYARD_TARGETS_COMMON_BITCODECOMPILER_H
#define HALYARD_TARGETS_COMMON_BITCODECOMPILER_H

#include "llvm/ADT/StringRef.h"

namespace Halide {
class Module;
} // namespace Halide

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace halyard {

/// What code is generated for, in LLVM's words.
struct CodeMachine {
  const char *triple, *processor, *features;
  /// Code may lie anywhere, as in shared libraries.
  bool isRelocatable;
  /// Changes functions, of which triple, data layout and processor are the machine's already. May throw
  /// Halide::Error.
  void (*rewrite)(llvm::Module &module, llvm::TargetMachine &machine);
};

enum class CodeFile { object, assembly };

/// Has Halide make bitcode of a kernel, for a processor with the same data model, and writes it as code of
/// another to a file at `path`. Throws Halide::Error.
void compileBitcode(const Halide::Module &kernel, const CodeMachine &machine, CodeFile kind,
                    llvm::StringRef path);

} // namespace halyard

#endif

// LLVM's own code generator for Cortex-M, which Halide has no target for.
#ifndef HALYARD_TARGETS_CORTEXM_THUMBOBJECT_H
#define HALYARD_TARGETS_CORTEXM_THUMBOBJECT_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace halyard {

/// What code is generated for, in LLVM's words.
struct ThumbMachine {
  llvm::StringRef triple, processor;
};

enum class ThumbFile { object, assembly };

/// Reads bitcode that Halide made for a 32-bit Arm without NEON, and writes it as optimised code for another
/// processor of the same data model. Returns what was wrong, or an empty text.
std::string compileForThumb(llvm::StringRef bitcode, const ThumbMachine &machine, ThumbFile kind,
                            llvm::StringRef path);

} // namespace halyard

#endif

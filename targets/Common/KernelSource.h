// Kernels as C++.
#ifndef HALYARD_TARGETS_COMMON_KERNELSOURCE_H
#define HALYARD_TARGETS_COMMON_KERNELSOURCE_H

#include "llvm/ADT/StringRef.h"

namespace Halide {
class Module;
}

namespace halyard::kernels {

/// Writes the functions of a lowered kernel as C++17 that needs nothing but
/// runtime/include/halyard/portable.h. Throws Halide::Error if the kernel has vectors, or the file cannot be
/// written.
void writeKernelSource(const Halide::Module &kernel, llvm::StringRef path);

} // namespace halyard::kernels

#endif

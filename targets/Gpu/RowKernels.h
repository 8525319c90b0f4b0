// Kernels that every program on a GPU has, for what generated.h does without kernels elsewhere.
#ifndef HALYARD_TARGETS_GPU_ROWKERNELS_H
#define HALYARD_TARGETS_GPU_ROWKERNELS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace Halide {
class Module;
struct Target;
} // namespace Halide

namespace halyard {

/// Their names, which runtime/include/halyard/device_rows.h declares.
llvm::ArrayRef<llvm::StringRef> rowKernels();

/// One of them. May throw Halide::Error.
Halide::Module makeRowKernel(llvm::StringRef name, const Halide::Target &machine);

} // namespace halyard

#endif

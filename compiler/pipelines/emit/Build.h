// Builds an artifact's library and command line, and writes what others need to build them again.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_BUILD_H
#define HALYARD_COMPILER_PIPELINES_EMIT_BUILD_H

#include "compiler/pipelines/emit/ObjectCache.h"
#include "mlir/IR/Location.h"
#include "targets/Common/TargetTools.h"

#include <vector>

namespace halyard::emit {

struct BuildInputs {
  std::string directory; // the artifact
  std::string name;
  std::vector<std::string> kernels; // files below kernels/
  BuildTools tools;                 // the target's
};

/// Writes runtime/, CMakeLists.txt and, if the target has one, its toolchain file for CMake.
mlir::LogicalResult writeBuildFiles(mlir::Location location, const BuildInputs &inputs);

/// Builds libNAME.so, where the target has such libraries, and NAME from the files of the artifact.
mlir::LogicalResult build(mlir::Location location, const BuildInputs &inputs, const ObjectCache &cache);

/// Builds a library from the same files into `library` that records the time of kernels
/// (runtime/include/halyard/profile.h).
mlir::LogicalResult buildProfiled(mlir::Location location, const BuildInputs &inputs, llvm::StringRef library,
                                  const ObjectCache &cache);

} // namespace halyard::emit

#endif

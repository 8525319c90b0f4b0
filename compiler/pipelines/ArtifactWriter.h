// Writes an artifact: the folder that a compiled model is.
//
//   NAME.h NAME.cpp   C interface, and C++ classes NAME::Model and NAME::Session over the runtime's
//   kernels/          a file per distinct kernel, an object unless the target writes others
//   NAME.weights      constants, mapped at load (runtime/include/halyard/weights.h)
//   runtime/          the runtime's sources, and CMakeLists.txt that builds all of this with a C++17 compiler
//                     alone; toolchain.cmake beside it if that compiler is one for another machine
//   report.json       limits, sizes and costs
//   libNAME.so NAME   the same already built, by the target's compiler found on PATH
#ifndef HALYARD_COMPILER_PIPELINES_ARTIFACTWRITER_H
#define HALYARD_COMPILER_PIPELINES_ARTIFACTWRITER_H

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <utility>
#include <vector>

namespace halyard {

struct ArtifactOptions {
  std::string directory;         // an existing folder to write into
  std::string target = "x86-64"; // name of a registered target
  /// Where compiled kernels and runtime objects are kept between compilations. Empty: `halyard` in the user's
  /// cache folder ($XDG_CACHE_HOME or ~/.cache). Used by any number of processes at once; failing to write
  /// there is no error.
  std::string cache;
  /// What the user asked for, for report.json.
  std::vector<std::pair<std::string, std::string>> compileOptions;
};

/// Writes the artifact of a module that the phase `plan` has run over (it holds one rt.program). The same
/// module and options give the same bytes, but for local symbols inside kernel objects: Halide numbers them
/// in the order of compilation, which the cache shortens. On failure an error has been emitted, and the
/// folder may hold some of the files.
mlir::LogicalResult writeArtifact(mlir::ModuleOp module, const ArtifactOptions &options);

} // namespace halyard

#endif

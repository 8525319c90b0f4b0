// An artifact opened by `halyard run`: its shared library, its program and its weights.
#ifndef HALYARD_COMPILER_DRIVER_RUNARTIFACT_H
#define HALYARD_COMPILER_DRIVER_RUNARTIFACT_H

#include "compiler/driver/RunInputs.h"
#include "runtime/include/halyard/session.h"

#include <string>

namespace halyard::driver {

/// Everything is released with the object.
class RunArtifact {
public:
  RunArtifact() = default;
  RunArtifact(const RunArtifact &) = delete;
  RunArtifact &operator=(const RunArtifact &) = delete;
  ~RunArtifact();

  /// Loads libNAME.so and maps and checks NAME.weights from the folder `path`.
  bool open(const std::string &path, RunError &error);

  const halyard_program &program() const { return *loaded; }
  const halyard_weights &weights() const { return mapped; }

  /// Makes the artifact's kernels run on so many threads; 0: one per processor.
  void startThreads(int64_t threads);

private:
  bool load(const std::string &library, const std::string &name, RunError &error);

  void *handle = nullptr;
  const halyard_program *loaded = nullptr;
  halyard_weights mapped = {nullptr, 0, 0};
};

} // namespace halyard::driver

#endif

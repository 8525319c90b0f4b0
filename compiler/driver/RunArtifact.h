// An artifact opened by `halyard run` or `halyard bench`: its shared library, its program and its weights.
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

  /// How much of the weights is looked at when they are opened.
  enum class Check { header, contents };

  /// Loads libNAME.so and maps and checks NAME.weights from the folder `path`.
  /// `library`, if given, is loaded instead of libNAME.so.
  bool open(const std::string &path, RunError &error, Check check = Check::contents,
            const std::string &library = "");

  const halyard_program &program() const { return *loaded; }
  const halyard_weights &weights() const { return mapped; }

  /// Makes the artifact's kernels run on so many threads; 0: one per processor. False if `pin` asks for a
  /// processor for each of them and there are not so many.
  bool startThreads(int64_t threads, bool pin = false);
  /// Threads in use, at least 1.
  int32_t threads() const;
  /// halyard_threads_run on the artifact's threads.
  void runOnThreads(int32_t (*task)(void *, int32_t), void *context, int32_t count) const;

  /// A function of the artifact's copy of the runtime, which has threads of its own; null if it is not there.
  template <typename Function> Function *find(const char *name) const {
    return reinterpret_cast<Function *>(symbol(name));
  }

private:
  void *symbol(const char *name) const;
  bool load(const std::string &library, const std::string &name, RunError &error);

  void *handle = nullptr;
  const halyard_program *loaded = nullptr;
  halyard_weights mapped = {nullptr, 0, 0};
};

} // namespace halyard::driver

#endif

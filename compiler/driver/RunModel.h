// The model that `halyard run` asks: an artifact loaded into this process, or one of another machine that an
// emulator runs. Both answer the same questions (runtime/tool/Answer.h).
#ifndef HALYARD_COMPILER_DRIVER_RUNMODEL_H
#define HALYARD_COMPILER_DRIVER_RUNMODEL_H

#include "compiler/driver/RunArtifact.h"
#include "targets/Common/Target.h"
#include "llvm/Support/JSON.h"

namespace halyard::driver {

class RunModel {
public:
  /// Opens the artifact in the folder `path`; `threads` as RunArtifact::startThreads takes it, but for an
  /// emulator, which runs one at a time unless asked for more.
  bool open(const std::string &path, int64_t threads, RunError &error);

  /// Its functions may be missing.
  const halyard_program &program() const { return described ? *described : artifact.program(); }

  /// The answer to a question, an error being one too.
  bool ask(const std::vector<uint8_t> &question, std::vector<uint8_t> &answer, RunError &error);

private:
  bool openEmulated(const Target &target, RunError &error);
  bool askEmulated(const std::vector<uint8_t> &question, std::vector<uint8_t> &answer, RunError &error);

  std::string folder;
  int64_t threads = 0;
  RunArtifact artifact;
  /// Of an artifact that is run by an emulator.
  std::optional<halyard_program> described;
  llvm::json::Object report; // holds the names of the description
  Emulator emulator;
};

} // namespace halyard::driver

#endif

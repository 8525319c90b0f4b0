// An artifact that is run to find out how accurate it is.
#ifndef HALYARD_COMPILER_DRIVER_ACCURACYRUN_H
#define HALYARD_COMPILER_DRIVER_ACCURACYRUN_H

#include "compiler/driver/AccuracyData.h"
#include "compiler/driver/RunArtifact.h"

#include <cstdlib>
#include <memory>

namespace halyard::driver {

class AccuracyRun {
public:
  AccuracyRun() = default;
  AccuracyRun(const AccuracyRun &) = delete;
  AccuracyRun &operator=(const AccuracyRun &) = delete;
  ~AccuracyRun() { halyard_session_close(session); }

  /// Opens the artifact in `folder`; `threads` as RunArtifact::startThreads takes it.
  bool open(const std::string &folder, int64_t threads, RunError &error);
  const halyard_program &program() const { return artifact.program(); }

  /// Gives each sample that has none a text, by greedy search. `newTokens`, unless 0, is how many tokens each
  /// has, instead of what the model's files say.
  bool generate(std::vector<AccuracySample> &samples, int32_t newTokens, RunError &error);
  /// What the model says at each position of a text, [tokens - prompt, vocabulary].
  bool logits(const AccuracySample &sample, std::vector<float> &logits, RunError &error);

private:
  RunArtifact artifact;
  std::unique_ptr<void, void (*)(void *)> memory{nullptr, std::free};
  halyard_session *session = nullptr;
};

} // namespace halyard::driver

#endif

// What `halyard run` found out: tokens, logits, encoder outputs and times, and how they are written.
#ifndef HALYARD_COMPILER_DRIVER_RUNRESULTS_H
#define HALYARD_COMPILER_DRIVER_RUNRESULTS_H

#include "compiler/driver/RunInputs.h"

#include <cstdint>
#include <vector>

namespace halyard::driver {

/// One generated text.
struct RunText {
  std::vector<int32_t> tokens;
  std::vector<float> logits; ///< [steps, vocabulary], if asked for
  std::vector<float> memory; ///< [rows, features], if asked for
};

/// Seconds.
struct RunTiming {
  double load = 0;       ///< opening the artifact, reading and checking all weights
  double firstToken = 0; ///< from the beginning of generation to the first token of any text
  double generate = 0;   ///< encoding included
};

class RunResults {
public:
  std::vector<RunText> texts;
  RunTiming timing;
  int64_t newTokens = 0;

  /// Writes the files that were asked for, then prints the tokens. Nothing is printed if a file cannot be
  /// written.
  bool write(const RunOptions &options, const halyard_program &program, RunError &error) const;

private:
  void print() const;
  void printJson() const;
};

} // namespace halyard::driver

#endif

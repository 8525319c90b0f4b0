// What `halyard run` asks of a model as bytes, and results from the bytes that come back
// (runtime/tool/Answer.h).
#ifndef HALYARD_COMPILER_DRIVER_RUNQUESTION_H
#define HALYARD_COMPILER_DRIVER_RUNQUESTION_H

#include "compiler/driver/RunResults.h"
#include "runtime/include/halyard/session.h"

namespace halyard::driver {

std::vector<uint8_t> makeQuestion(const RunOptions &options, const std::vector<RunSource> &sources,
                                  const std::vector<int32_t> &prompt);

/// Reads an answer. False if it is an error, which `problem` then says, or is no answer.
bool readAnswer(const std::vector<uint8_t> &answer, const halyard_program &program, size_t texts,
                RunResults &results, halyard_error &problem);

} // namespace halyard::driver

#endif

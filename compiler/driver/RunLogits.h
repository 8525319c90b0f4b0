// The logits of a text that is known already, given to the model again as a whole.
#ifndef HALYARD_COMPILER_DRIVER_RUNLOGITS_H
#define HALYARD_COMPILER_DRIVER_RUNLOGITS_H

#include "compiler/driver/RunInputs.h"
#include "runtime/include/halyard/session.h"

#include <cstdint>
#include <vector>

namespace halyard::driver {

/// The logits of the steps that chose tokens[prompt], tokens[prompt + 1], ..., [tokens - prompt, vocabulary],
/// appended to `logits`. Uses slot 0 of an arena in which no text is in flight. Returns a halyard_status or a
/// kernel's code.
int computeLogits(const halyard_program &program, const halyard_weights &weights, void *arena,
                  const RunSource &source, const std::vector<int32_t> &tokens, int32_t prompt,
                  std::vector<float> &logits);

} // namespace halyard::driver

#endif

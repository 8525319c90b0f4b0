// Gives a whole text to the model, as many rows at a time as a step takes.
#include "compiler/driver/RunLogits.h"

#include <algorithm>

namespace halyard::driver {

int computeLogits(const halyard_program &program, const void *weights, void *arena, const RunSource &source,
                  const std::vector<int32_t> &tokens, int32_t prompt, std::vector<float> &logits) {
  if (int status =
          program.encode(arena, weights, 0, source.data.data(), source.maskData(), source.length, nullptr))
    return status;
  size_t vocabulary = size_t(program.vocabulary);
  std::vector<int32_t> slots(size_t(program.max_rows), 0), positions(slots.size());
  std::vector<float> rowLogits(slots.size() * vocabulary);
  int32_t last = int32_t(tokens.size()) - 1; // it is chosen, but nothing follows it
  for (int32_t begin = 0; begin < last; begin += program.max_rows) {
    int32_t rows = std::min(program.max_rows, last - begin);
    for (int32_t i = 0; i < rows; ++i)
      positions[size_t(i)] = begin + i;
    if (int status = program.step(arena, weights, rows, tokens.data() + begin, slots.data(), positions.data(),
                                  rowLogits.data()))
      return status;
    int32_t skipped = std::clamp(prompt - 1 - begin, 0, rows); // rows that predict tokens of the prompt
    logits.insert(logits.end(), rowLogits.begin() + int64_t(skipped) * program.vocabulary,
                  rowLogits.begin() + int64_t(rows) * program.vocabulary);
  }
  return halyard_ok;
}

} // namespace halyard::driver

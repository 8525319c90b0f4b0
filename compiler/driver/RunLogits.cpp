// Asks the runtime's tool for the logits of a text.
#include "compiler/driver/RunLogits.h"

#include "runtime/tool/Answer.h"

namespace halyard::driver {

int computeLogits(const halyard_program &program, const halyard_weights &weights, void *arena,
                  const RunSource &source, const std::vector<int32_t> &tokens, int32_t prompt,
                  std::vector<float> &logits) {
  halyard_request request = {};
  request.source = source.data.data();
  request.source_length = source.length;
  request.source_mask = source.maskData();
  size_t before = logits.size();
  logits.resize(before + (tokens.size() - size_t(prompt)) * size_t(program.vocabulary));
  return halyard_text_logits(program, weights, arena, request, tokens.data(), int32_t(tokens.size()), prompt,
                             logits.data() + before);
}

} // namespace halyard::driver

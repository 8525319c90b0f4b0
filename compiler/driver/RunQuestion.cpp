// Every part of a question and of an answer is filled up to 8 bytes.
#include "compiler/driver/RunQuestion.h"

#include "runtime/tool/Answer.h"

#include <cstring>

namespace halyard::driver {
namespace {

void append(std::vector<uint8_t> &bytes, const void *data, size_t size) {
  auto *from = static_cast<const uint8_t *>(data);
  bytes.insert(bytes.end(), from, from + size);
  bytes.resize((bytes.size() + 7) / 8 * 8);
}

/// Takes parts off an answer; nothing once it has ended too early.
class Parts {
public:
  explicit Parts(const std::vector<uint8_t> &bytes) : bytes(bytes) {}

  void take(void *data, size_t size) {
    isWhole &= at + size <= bytes.size();
    if (isWhole && size)
      std::memcpy(data, bytes.data() + at, size);
    at += (size + 7) / 8 * 8;
  }
  /// `count` elements.
  template <typename T> void take(std::vector<T> &elements, uint64_t count) {
    isWhole &= count <= (bytes.size() - std::min(at, bytes.size())) / sizeof(T);
    elements.resize(isWhole ? size_t(count) : 0);
    take(elements.data(), elements.size() * sizeof(T));
  }

  bool isWhole = true;

private:
  const std::vector<uint8_t> &bytes;
  size_t at = 0;
};

} // namespace

std::vector<uint8_t> makeQuestion(const RunOptions &options, const std::vector<RunSource> &sources,
                                  const std::vector<int32_t> &prompt) {
  uint32_t wants = (options.logits.empty() ? 0 : HALYARD_WANTS_LOGITS) |
                   (options.memory.empty() ? 0 : HALYARD_WANTS_MEMORY);
  halyard_question head = {HALYARD_ABI,
                           int32_t(sources.size()),
                           int32_t(options.maxNewTokens),
                           int32_t(options.numBeams),
                           int32_t(prompt.size()),
                           wants};
  std::vector<uint8_t> bytes;
  append(bytes, &head, sizeof(head));
  append(bytes, prompt.data(), prompt.size() * sizeof(int32_t));
  for (const RunSource &source : sources) {
    halyard_question_text text = {source.length, int32_t(source.mask.size()), source.data.size()};
    append(bytes, &text, sizeof(text));
    append(bytes, source.data.data(), source.data.size());
    append(bytes, source.mask.data(), source.mask.size());
  }
  return bytes;
}

bool readAnswer(const std::vector<uint8_t> &answer, const halyard_program &program, size_t texts,
                RunResults &results, halyard_error &problem) {
  Parts parts(answer);
  halyard_answer head = {};
  parts.take(&head, sizeof(head));
  problem = {parts.isWhole ? head.status : int32_t(halyard_kernel_failed), head.request, head.got,
             head.limit};
  if (problem.status)
    return false;
  results.timing.firstToken = head.first_token;
  results.timing.generate = head.generate;
  results.newTokens = head.new_tokens;
  results.texts.resize(texts);
  for (RunText &text : results.texts) {
    halyard_answer_text counts = {};
    parts.take(&counts, sizeof(counts));
    parts.take(text.tokens, uint64_t(counts.tokens));
    parts.take(text.logits, uint64_t(counts.steps) * uint64_t(program.vocabulary));
    parts.take(text.memory, uint64_t(counts.memory_rows) * uint64_t(program.memory_features));
  }
  if (!parts.isWhole)
    problem.status = halyard_kernel_failed;
  return parts.isWhole;
}

} // namespace halyard::driver

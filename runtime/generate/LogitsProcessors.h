// What generation_config.json does to logits before the best token is taken; private to the runtime.
//
// The processors are those of Hugging Face transformers 4.57 (generation/logits_process.py), applied in its
// order (GenerationMixin._get_logits_processor). Ids outside the vocabulary are ignored.
#ifndef HALYARD_GENERATE_LOGITSPROCESSORS_H
#define HALYARD_GENERATE_LOGITSPROCESSORS_H

#include "halyard/program.h"

namespace halyard::rt {

/// A text as processors see it.
struct TextView {
  const int32_t *tokens;
  int32_t count;
  int32_t prompt;     ///< how many of them are the prompt
  int32_t maxLength;  ///< tokens of a text of full length
  const void *source; ///< token ids, or null where the source is not made of tokens
  int32_t sourceType; ///< halyard_i64 or halyard_i32
  int32_t sourceLength;
};

/// Some logits of a vocabulary: those of `count` tokens from `first` on.
struct LogitsWindow {
  float *values;
  int32_t vocabulary;
  int32_t first = 0, count = vocabulary;
};

/// Changes logits in place. No processor moves the logit of one token by another's, and none changes the
/// order of two values of one token, so that bounds of logits become bounds of what the logits become.
void processLogits(const halyard_generation &settings, const TextView &text, const LogitsWindow &logits);

/// True if `processLogits` does nothing, whatever the text.
bool leavesLogitsAlone(const halyard_generation &settings);

/// Index of the largest value, the lowest of equal ones. Never chooses a NaN unless there is nothing else,
/// when it is 0.
int32_t argmax(const float *values, int32_t count);

/// The largest value; -inf if there is none. Ignores NaNs.
float largestOf(const float *values, int32_t count);

bool contains(const halyard_ids &ids, int32_t token);

} // namespace halyard::rt

#endif

// Greedy search's logits processors, one function each, in the order in which transformers applies them.
#include "LogitsProcessors.h"

namespace halyard::rt {
namespace {

constexpr float kNever = -__builtin_huge_valf();

/// The logits at hand; ignores ids that are not among them.
struct Scores : LogitsWindow {
  bool has(int64_t id) const { return id >= first && id - first < count; }
  void ban(int64_t id) {
    if (has(id))
      values[id - first] = kNever;
  }
  void ban(const halyard_ids &ids) {
    for (int32_t i = 0; i < ids.count; ++i)
      ban(ids.data[i]);
  }
  /// Positive scores are divided by the penalty and negative ones multiplied.
  void penalise(int64_t id, float penalty) {
    if (!has(id))
      return;
    float &value = values[id - first];
    value = value < 0 ? value * penalty : value / penalty;
  }
  /// Leaves nothing but `ids` to choose from.
  void force(const int32_t *ids, int32_t size) {
    for (int32_t i = 0; i < count; ++i)
      values[i] = kNever;
    for (int32_t i = 0; i < size; ++i)
      if (has(ids[i]))
        values[ids[i] - first] = 0;
  }
};

/// Token ids of either width.
struct Sequence {
  const void *data;
  int32_t type;
  int32_t count;

  int64_t operator[](int32_t i) const {
    return type == halyard_i64 ? static_cast<const int64_t *>(data)[i]
                               : static_cast<const int32_t *>(data)[i];
  }
};

/// Each token that occurs counts once, however often it does.
void penaliseRepetition(const Sequence &seen, float penalty, Scores &scores) {
  for (int32_t i = 0; i < seen.count; ++i) {
    int32_t first = 0;
    while (seen[first] != seen[i])
      ++first;
    if (first == i)
      scores.penalise(seen[i], penalty);
  }
}

/// Bans every token that would complete an n-gram of `seen` after the end of the text.
void banRepeatedNgrams(const Sequence &seen, int32_t size, const TextView &text, Scores &scores) {
  int32_t prefix = size - 1;
  if (text.count < prefix)
    return;
  const int32_t *end = text.tokens + text.count - prefix;
  for (int32_t i = 0; i + size <= seen.count; ++i) {
    int32_t same = 0;
    while (same < prefix && seen[i + same] == end[same])
      ++same;
    if (same == prefix)
      scores.ban(seen[i + prefix]);
  }
}

/// A bad word that is one end token is allowed. Of longer ones the last token is banned where the text ends
/// with the others; a word longer than the text is left alone even if it is so by one token only, as
/// transformers does.
void banBadWords(const halyard_generation &settings, const TextView &text, Scores &scores) {
  const halyard_ids &words = settings.bad_words;
  for (int32_t at = 0; at < words.count;) {
    int32_t length = words.data[at];
    const int32_t *word = words.data + at + 1;
    at += length + 1;
    if (length == 1 ? contains(settings.eos, word[0]) : length > text.count)
      continue;
    int32_t same = 0;
    while (same < length - 1 && text.tokens[text.count - length + 1 + same] == word[same])
      ++same;
    if (same == length - 1)
      scores.ban(word[length - 1]);
  }
}

void banEarlyEnd(const halyard_generation &settings, const TextView &text, Scores &scores) {
  if (text.count < settings.min_length || text.count - text.prompt < settings.min_new_tokens)
    scores.ban(settings.eos);
}

void forceTokens(const halyard_generation &settings, const TextView &text, Scores &scores) {
  if (text.count == 1 && settings.forced_bos >= 0 && settings.forced_bos < scores.vocabulary)
    scores.force(&settings.forced_bos, 1);
  if (text.count == text.maxLength - 1 && settings.forced_eos.count)
    scores.force(settings.forced_eos.data, settings.forced_eos.count);
}

/// The first token that is free: the one after the prompt, or after the forced one that follows a prompt of
/// one.
void suppressTokens(const halyard_generation &settings, const TextView &text, Scores &scores) {
  scores.ban(settings.suppress);
  bool forced = text.prompt == 1 && settings.forced_bos >= 0;
  if (text.count == text.prompt + (forced ? 1 : 0))
    scores.ban(settings.begin_suppress);
}

} // namespace

bool contains(const halyard_ids &ids, int32_t token) {
  for (int32_t i = 0; i < ids.count; ++i)
    if (ids.data[i] == token)
      return true;
  return false;
}

void processLogits(const halyard_generation &settings, const TextView &text, const LogitsWindow &logits) {
  Scores scores = {logits};
  Sequence source = {text.source, text.sourceType, text.source ? text.sourceLength : 0};
  Sequence target = {text.tokens, halyard_i32, text.count};
  if (settings.encoder_repetition_penalty > 0 && settings.encoder_repetition_penalty != 1)
    penaliseRepetition(source, float(1.0 / double(settings.encoder_repetition_penalty)), scores);
  if (settings.repetition_penalty > 0 && settings.repetition_penalty != 1)
    penaliseRepetition(target, settings.repetition_penalty, scores);
  if (settings.no_repeat_ngram > 0)
    banRepeatedNgrams(target, settings.no_repeat_ngram, text, scores);
  if (settings.encoder_no_repeat_ngram > 0)
    banRepeatedNgrams(source, settings.encoder_no_repeat_ngram, text, scores);
  banBadWords(settings, text, scores);
  banEarlyEnd(settings, text, scores);
  forceTokens(settings, text, scores);
  suppressTokens(settings, text, scores);
}

bool leavesLogitsAlone(const halyard_generation &settings) {
  auto isNeutral = [](float penalty) { return penalty <= 0 || penalty == 1; };
  return isNeutral(settings.encoder_repetition_penalty) && isNeutral(settings.repetition_penalty) &&
         settings.no_repeat_ngram <= 0 && settings.encoder_no_repeat_ngram <= 0 &&
         !settings.bad_words.count && settings.min_length <= 0 && settings.min_new_tokens <= 0 &&
         settings.forced_bos < 0 && !settings.forced_eos.count && !settings.suppress.count &&
         !settings.begin_suppress.count;
}

/// Lanes are compared separately, so that a compiler can use vectors.
float largestOf(const float *values, int32_t count) {
  constexpr int32_t kLanes = 16;
  float lanes[kLanes];
  for (float &lane : lanes)
    lane = kNever;
  int32_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int32_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] = values[i + lane] > lanes[lane] ? values[i + lane] : lanes[lane];
  float largest = kNever;
  for (float lane : lanes)
    largest = lane > largest ? lane : largest;
  for (; i < count; ++i)
    largest = values[i] > largest ? values[i] : largest;
  return largest;
}

int32_t argmax(const float *values, int32_t count) {
  constexpr int32_t kBlock = 512;
  int32_t best = 0;
  float largest = kNever;
  for (int32_t begin = 0; begin < count; begin += kBlock) {
    int32_t length = count - begin < kBlock ? count - begin : kBlock;
    float inBlock = largestOf(values + begin, length);
    if (!(inBlock > largest))
      continue;
    largest = inBlock;
    best = begin;
  }
  if (largest == kNever)
    return 0;                     // nothing can be chosen
  while (values[best] != largest) // the first of equal ones
    ++best;
  return best;
}

} // namespace halyard::rt

// Each processor against values worked out by hand from transformers 4.57, generation/logits_process.py.
#include "runtime/generate/LogitsProcessors.h"
#include "ToyProgram.h"

#include <gtest/gtest.h>

#include <cmath>

using halyard::rt::argmax;
using halyard::rt::processLogits;
using halyard::rt::TextView;

namespace {

constexpr float kBanned = -INFINITY;

struct Case {
  halyard_generation settings = toy::noSettings();
  std::vector<int32_t> text;
  int32_t prompt = 1;
  int32_t maxLength = 100;
  std::vector<int64_t> source;

  /// The logits 1, 2, ... 8 after processing.
  std::vector<float> run() const { return run({1, 2, 3, 4, 5, 6, 7, 8}); }
  std::vector<float> run(std::vector<float> logits) const {
    TextView view = {
        text.data(), int32_t(text.size()),  prompt, maxLength, source.empty() ? nullptr : source.data(),
        halyard_i64, int32_t(source.size())};
    processLogits(settings, view, {logits.data(), int32_t(logits.size())});
    return logits;
  }
};

/// The logits 1, 2, ... 8 without those of `banned`.
std::vector<float> without(const std::vector<int32_t> &banned) {
  std::vector<float> logits = {1, 2, 3, 4, 5, 6, 7, 8};
  for (int32_t id : banned)
    logits[size_t(id)] = kBanned;
  return logits;
}

std::vector<float> only(int32_t id) {
  std::vector<float> logits(8, kBanned);
  logits[size_t(id)] = 0;
  return logits;
}

TEST(LogitsProcessors, NothingSetChangesNothing) {
  Case c;
  c.text = {0, 3, 3};
  EXPECT_EQ(c.run(), without({}));
}

TEST(LogitsProcessors, RepetitionPenaltyCountsEachTokenOnce) {
  Case c;
  c.settings.repetition_penalty = 2;
  c.text = {0, 3, 3, 5};
  EXPECT_EQ(c.run({1, 2, 3, 4, 5, -6, 7, 8}), (std::vector<float>{0.5, 2, 3, 2, 5, -12, 7, 8}));
}

TEST(LogitsProcessors, EncoderRepetitionPenaltyFavoursTheSource) {
  Case c;
  c.settings.encoder_repetition_penalty = 2;
  c.text = {0};
  c.source = {2, 4, 4, 40};
  EXPECT_EQ(c.run({1, 2, 3, 4, -5, 6, 7, 8}), (std::vector<float>{1, 2, 6, 4, -2.5, 6, 7, 8}));
}

TEST(LogitsProcessors, NoRepeatNgram) {
  Case c;
  c.settings.no_repeat_ngram = 2;
  c.text = {1, 2, 3, 1, 4, 1};
  EXPECT_EQ(c.run(), without({2, 4}));
  c.settings.no_repeat_ngram = 3;
  c.text = {1, 2, 3, 1, 2};
  EXPECT_EQ(c.run(), without({3}));
  c.text = {1};
  EXPECT_EQ(c.run(), without({}));
  c.settings.no_repeat_ngram = 1;
  c.text = {1, 5};
  EXPECT_EQ(c.run(), without({1, 5}));
}

TEST(LogitsProcessors, EncoderNoRepeatNgram) {
  Case c;
  c.settings.encoder_no_repeat_ngram = 2;
  c.source = {5, 6, 5, 7};
  c.text = {0, 5};
  EXPECT_EQ(c.run(), without({6, 7}));
  c.text = {0};
  EXPECT_EQ(c.run(), without({}));
}

TEST(LogitsProcessors, BadWords) {
  std::vector<int32_t> words = {1, 6, 2, 3, 4, 3, 2, 3, 5, 1, 7};
  std::vector<int32_t> ends = {7};
  Case c;
  c.settings.bad_words = toy::ids(words);
  c.settings.eos = toy::ids(ends); // [7] is the end token alone, which is always allowed
  c.text = {0, 1};
  EXPECT_EQ(c.run(), without({6}));
  c.text = {0, 3};
  EXPECT_EQ(c.run(), without({6, 4}));
  c.text = {0, 2, 3};
  EXPECT_EQ(c.run(), without({6, 4, 5}));
  c.text = {2, 3}; // [2, 3, 5] is longer than the text, though its beginning is not
  EXPECT_EQ(c.run(), without({6, 4}));
}

TEST(LogitsProcessors, MinimalLengths) {
  std::vector<int32_t> ends = {1, 7, 70};
  Case c;
  c.settings.eos = toy::ids(ends);
  c.settings.min_length = 3;
  c.text = {0, 2};
  EXPECT_EQ(c.run(), without({1, 7}));
  c.text = {0, 2, 2};
  EXPECT_EQ(c.run(), without({}));
  c.settings.min_length = 0;
  c.settings.min_new_tokens = 2;
  c.prompt = 2;
  EXPECT_EQ(c.run(), without({1, 7}));
  c.text = {0, 2, 2, 2};
  EXPECT_EQ(c.run(), without({}));
}

TEST(LogitsProcessors, ForcedTokens) {
  std::vector<int32_t> end = {2};
  Case c;
  c.settings.forced_bos = 5;
  c.settings.forced_eos = toy::ids(end);
  c.maxLength = 4;
  c.text = {0};
  EXPECT_EQ(c.run(), only(5));
  c.text = {0, 5};
  EXPECT_EQ(c.run(), without({}));
  c.text = {0, 5, 3};
  EXPECT_EQ(c.run(), only(2));
}

TEST(LogitsProcessors, ForcedEndWinsOverMinimalLength) {
  std::vector<int32_t> end = {2};
  Case c;
  c.settings.eos = c.settings.forced_eos = toy::ids(end);
  c.settings.min_length = 10;
  c.maxLength = 3;
  c.text = {0, 1};
  EXPECT_EQ(c.run(), only(2));
}

TEST(LogitsProcessors, SuppressedTokens) {
  std::vector<int32_t> always = {4}, first = {6, 7};
  Case c;
  c.settings.suppress = toy::ids(always);
  c.settings.begin_suppress = toy::ids(first);
  c.prompt = 2;
  c.text = {0, 1};
  EXPECT_EQ(c.run(), without({4, 6, 7}));
  c.text = {0, 1, 2};
  EXPECT_EQ(c.run(), without({4}));
}

TEST(LogitsProcessors, BeginIsAfterTheForcedToken) {
  std::vector<int32_t> first = {6};
  Case c;
  c.settings.begin_suppress = toy::ids(first);
  c.settings.forced_bos = 5;
  c.text = {0};
  EXPECT_EQ(c.run(), only(5));
  c.text = {0, 5};
  EXPECT_EQ(c.run(), without({6}));
  c.prompt = 2; // a longer prompt leaves no room for a forced token
  EXPECT_EQ(c.run(), without({6}));
}

TEST(LogitsProcessors, IdsOutsideTheVocabularyAreIgnored) {
  std::vector<int32_t> wrong = {-1, 8, 1000};
  Case c;
  c.settings.suppress = c.settings.begin_suppress = c.settings.eos = toy::ids(wrong);
  c.settings.min_length = 5;
  c.settings.forced_bos = 99;
  c.text = {0};
  EXPECT_EQ(c.run(), without({}));
}

TEST(Argmax, TakesTheLowestOfEqualsAndNeverNaN) {
  std::vector<float> equal = {1, 3, 3, 2}, nan = {NAN, -2, NAN, -1}, nothing = {NAN, kBanned};
  EXPECT_EQ(argmax(equal.data(), 4), 1);
  EXPECT_EQ(argmax(nan.data(), 4), 3);
  EXPECT_EQ(argmax(nothing.data(), 2), 0);
}

} // namespace

// Greedy search over bounds of logits: the same tokens as over logits, however near or far the bounds are.
#include "SessionFixture.h"

#include <cmath>

namespace {

const Sources kSources = {{3}, {4, 5}, {9, 2, 7, 11}, {1, 1}, {40, 30, 20, 10, 5, 4}, {6, 6, 6}, {12}};

Texts generate(const halyard_program &program, const halyard_generation &settings) {
  Fixture fixture(program);
  halyard_options options = {};
  options.generation = &settings;
  options.max_new_tokens = 25;
  Texts texts = fixture.generate(kSources, options);
  EXPECT_EQ(fixture.status, halyard_ok);
  return texts;
}

halyard_generation withStart() {
  halyard_generation settings = toy::noSettings();
  settings.decoder_start = toy::kStart;
  return settings;
}

/// For bounds that are exact, some that leave a few tokens in question, and some that leave all.
void expectTheSame(const halyard_generation &settings) {
  Texts expected = generate(toy::program(), settings);
  for (float slack : {0.0f, 0.3f, 2.0f, 100.0f}) {
    toy::slack = slack;
    EXPECT_EQ(generate(toy::screenedProgram(), settings), expected) << "slack " << slack;
  }
}

TEST(Screening, ChoosesWhatAllLogitsWouldChoose) {
  halyard_generation settings = withStart();
  toy::rescores = toy::heads = 0;
  expectTheSame(settings);
  EXPECT_GT(toy::rescores, 0);
  EXPECT_GT(toy::heads, 0); // bounds that say nothing
}

TEST(Screening, KnowsWhatSettingsDoToLogits) {
  std::vector<int32_t> banned = {3, 8, 12}, words = {1, 9, 2, 5, 6}, ends = {toy::kEnd}, last = {4};
  halyard_generation settings = withStart();
  settings.suppress = toy::ids(banned);
  settings.bad_words = toy::ids(words);
  settings.eos = toy::ids(ends);
  settings.min_length = 8;
  settings.no_repeat_ngram = 2;
  settings.repetition_penalty = 1.7f;
  settings.encoder_repetition_penalty = 0.6f;
  settings.forced_bos = 7;
  settings.forced_eos = toy::ids(last);
  settings.max_length = 20;
  expectTheSame(settings);
}

TEST(Screening, ChoosesTokenZeroWhereNothingCanBeChosen) {
  std::vector<int32_t> all;
  for (int32_t token = 0; token < toy::kVocabulary; ++token)
    all.push_back(token);
  halyard_generation settings = withStart();
  settings.suppress = toy::ids(all);
  expectTheSame(settings);
}

TEST(Screening, IsLeftAloneForAWhileWhereItDoesNotPay) {
  halyard_generation settings = withStart();
  toy::slack = 100;
  toy::heads = toy::screens = toy::steps = 0;
  generate(toy::screenedProgram(), settings);
  EXPECT_GT(toy::heads, 0);
  EXPECT_LT(toy::screens, toy::steps / 3);
}

TEST(Screening, IsNotTriedForMoreRowsThanItPaysFor) {
  toy::slack = 0;
  halyard_generation settings = withStart();
  Texts expected = generate(toy::program(), settings);
  halyard_program program = toy::screenedProgram();
  for (int32_t most : {0, program.max_rows}) {
    program.screen_rows = most;
    toy::screens = 0;
    EXPECT_EQ(generate(program, settings), expected);
    EXPECT_EQ(toy::screens > 0, most > 0);
  }
}

TEST(Screening, GivesLogitsToWhoAsksForThem) {
  toy::slack = 0;
  toy::screens = 0;
  Fixture fixture(toy::screenedProgram());
  halyard_options options = {};
  std::vector<float> seen;
  options.user = &seen;
  options.max_new_tokens = 1;
  options.on_logits = [](void *user, int32_t, const float *logits) {
    static_cast<std::vector<float> *>(user)->assign(logits, logits + toy::kVocabulary);
  };
  fixture.generate({kSources[2]}, options);
  EXPECT_EQ(seen, toy::logits(kSources[2], {toy::kStart}));
  options = {};
  options.num_beams = 2;
  fixture.generate({kSources[2]}, options);
  EXPECT_EQ(toy::screens, 0);
}

} // namespace

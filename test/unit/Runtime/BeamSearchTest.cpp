// Beam search. The expected texts are what transformers 4.57 (GenerationMixin._beam_search) makes of the toy
// program's logits.
#include "SessionFixture.h"

namespace {

const Sources kSources = {{3}, {4, 5}, {9, 2, 7, 11}, {1, 1}, {40, 30, 20, 10, 5, 4}};

halyard_options search(int32_t beams, int32_t newTokens, const halyard_generation &settings) {
  halyard_options options = {};
  options.num_beams = beams;
  options.max_new_tokens = newTokens;
  options.generation = &settings;
  return options;
}

Texts searched(Fixture &fixture, int32_t beams, int32_t newTokens, const halyard_generation &settings) {
  return fixture.generate(kSources, search(beams, newTokens, settings));
}

halyard_generation withPenalty(float penalty, int32_t earlyStopping = 0) {
  halyard_generation settings = toy::program().generation;
  settings.length_penalty = penalty;
  settings.early_stopping = earlyStopping;
  return settings;
}

TEST(BeamSearch, KeepsTheBestText) {
  const Texts expected = {{0, 0, 6, 1}, {0, 1}, {0, 1}, {0, 2, 0, 12, 4, 12, 6, 3, 11, 4, 8, 1}, {0, 1}};
  Fixture fixture;
  EXPECT_EQ(searched(fixture, 4, 12, withPenalty(1)), expected);
  EXPECT_EQ(searched(fixture, 4, 20, withPenalty(1, 1)), expected);
}

TEST(BeamSearch, RecomputingProgramsTakeTheirTokensAlong) {
  Fixture fixture(toy::recomputingProgram());
  const Texts expected = {{0, 0, 6, 1}, {0, 1}, {0, 1}, {0, 2, 0, 12, 4, 12, 6, 3, 11, 4, 8, 1}, {0, 1}};
  EXPECT_EQ(searched(fixture, 4, 12, withPenalty(1)), expected);
}

TEST(BeamSearch, FavoursLongTexts) {
  // Three beams leave one of the four slots unused.
  const Texts expected = {{0, 0, 11, 12, 3, 10, 7, 10, 0, 6, 3, 7, 2, 8, 3, 0, 7, 12, 8, 4, 5},
                          {0, 2, 3, 0, 8, 5, 0, 7, 10, 9, 4, 8, 12, 11, 6, 10, 12, 11, 8, 10, 7},
                          {0, 10, 7, 10, 4, 11, 9, 9, 9, 6, 7, 7, 6, 6, 6, 8, 3, 12, 8, 0, 6},
                          {0, 2, 0, 12, 4, 12, 6, 3, 11, 4, 8, 2, 3, 11, 11, 10, 6, 8, 12, 2, 1},
                          {0, 8, 12, 3, 10, 4, 7, 7, 5, 8, 3, 7, 5, 3, 12, 6, 2, 6, 9, 6, 1}};
  Fixture fixture;
  EXPECT_EQ(searched(fixture, 3, 20, withPenalty(2, 2)), expected);
}

TEST(BeamSearch, FavoursShortTexts) {
  const Texts expected = {{0, 0, 6, 1}, {0, 1}, {0, 1}, {0, 2, 0, 12, 4, 11, 4, 11, 0, 1}, {0, 1}};
  Fixture fixture;
  EXPECT_EQ(searched(fixture, 2, 16, withPenalty(-1)), expected);
}

TEST(BeamSearch, TakesPromptsAndSeveralEndTokens) {
  const Texts expected = {{5, 4, 3, 2, 9, 8, 7, 6, 10, 1},
                          {5, 4, 3, 2, 9, 8, 7, 6, 1},
                          {5, 4, 3, 2, 9, 8, 7, 6, 5, 1},
                          {5, 4, 3, 2, 9, 8, 7, 6, 10, 6, 5, 1},
                          {5, 4, 3, 2, 9, 8, 7, 6, 11, 10, 6, 9, 4}};
  std::vector<int32_t> ends = {1, 4};
  halyard_generation settings = withPenalty(0.6f);
  settings.eos = toy::ids(ends);
  Fixture fixture;
  EXPECT_EQ(fixture.generate(kSources, search(4, 14, settings), {5, 4, 3, 2, 9, 8, 7, 6}), expected);
}

TEST(BeamSearch, ObeysSettings) {
  const Texts expected = {{0, 3, 4, 4, 10, 4, 9, 6, 10, 11, 7},
                          {0, 3, 12, 5, 7, 2, 1},
                          {0, 3, 9, 5, 3, 3, 6, 6, 7, 11, 0},
                          {0, 3, 9, 10, 4, 8, 1},
                          {0, 3, 5, 5, 0, 2, 9, 2, 6, 9, 5}};
  halyard_generation settings = withPenalty(1);
  settings.min_length = 6;
  settings.forced_bos = 3;
  settings.no_repeat_ngram = 2;
  Fixture fixture;
  EXPECT_EQ(fixture.generate(kSources, search(4, 10, settings)), expected);
  EXPECT_EQ(fixture.endings[1], halyard_by_eos);
  EXPECT_EQ(fixture.endings[0], halyard_by_length);
}

TEST(BeamSearch, NeedsASlotPerBeam) {
  Fixture fixture;
  searched(fixture, 5, 10, withPenalty(1));
  char words[200];
  EXPECT_STREQ(halyard_describe(&fixture.error, words, sizeof(words)),
               "5 beams: the model was compiled with slots for 4");
}

TEST(BeamSearch, HandsOverTheTokensAtTheEnd) {
  Fixture fixture;
  std::vector<std::vector<int32_t>> tokens(kSources.size());
  halyard_generation settings = withPenalty(1);
  halyard_options options = search(4, 12, settings);
  options.user = tokens.data();
  options.on_token = [](void *user, int32_t index, int32_t token) {
    static_cast<std::vector<int32_t> *>(user)[index].push_back(token);
    return 1;
  };
  Texts texts = fixture.generate(kSources, options);
  for (size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(std::vector<int32_t>(texts[i].begin() + 1, texts[i].end()), tokens[i]);
}

} // namespace

// Generation over slots: the same tokens as by definition, whatever is decoded together.
#include "SessionFixture.h"

namespace {

const Sources kSources = {{3}, {4, 5}, {9, 2, 7, 11}, {1, 1}, {40, 30, 20, 10, 5, 4}, {6, 6, 6}, {12}};

Texts byDefinition(const Sources &sources, const std::vector<int32_t> &prompt, int32_t newTokens) {
  Texts texts;
  for (const auto &source : sources)
    texts.push_back(toy::greedy(source, prompt, newTokens));
  return texts;
}

halyard_options newTokens(int32_t count) {
  halyard_options options = {};
  options.max_new_tokens = count;
  return options;
}

TEST(Generate, MoreTextsThanSlots) {
  Fixture fixture;
  toy::encodes = toy::mostSources = toy::mostRows = 0;
  EXPECT_EQ(fixture.generate(kSources, newTokens(20)), byDefinition(kSources, {toy::kStart}, 20));
  EXPECT_EQ(fixture.status, halyard_ok);
  EXPECT_EQ(toy::encodes, int(kSources.size()));
  EXPECT_EQ(toy::mostSources, toy::kSlots);
  EXPECT_EQ(toy::mostRows, toy::kSlots);
}

TEST(Generate, TextsEndEarlyAndByLength) {
  Fixture fixture;
  Texts texts = fixture.generate(kSources, newTokens(9));
  int byEnd = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(fixture.endings[i], texts[i].back() == toy::kEnd ? halyard_by_eos : halyard_by_length);
    byEnd += fixture.endings[i] == halyard_by_eos;
  }
  EXPECT_GT(byEnd, 0);
  EXPECT_LT(byEnd, int(texts.size()));
}

TEST(Generate, PromptsLongerThanAStep) {
  Fixture fixture;
  std::vector<int32_t> prompt = {5, 4, 3, 2, 9, 8, 7, 6};
  toy::mostRows = 0;
  EXPECT_EQ(fixture.generate(kSources, newTokens(10), prompt), byDefinition(kSources, prompt, 10));
  EXPECT_EQ(toy::mostRows, toy::kMaxRows);
}

TEST(Generate, RecomputingProgramsKeepTokens) {
  Fixture fixture(toy::recomputingProgram());
  EXPECT_EQ(fixture.generate(kSources, newTokens(20), {2, 3, 4, 5}),
            byDefinition(kSources, {2, 3, 4, 5}, 20));
}

TEST(Generate, TextsGoOnUntilNoPositionIsLeft) {
  Fixture fixture;
  halyard_generation endless = toy::noSettings();
  endless.decoder_start = toy::kStart;
  halyard_options options = {};
  options.generation = &endless;
  EXPECT_EQ(fixture.generate({{3}}, options)[0].size(), size_t(toy::kMaxTarget) + 1);
  endless.max_length = 7;
  EXPECT_EQ(fixture.generate({{3}}, options)[0].size(), 7u);
  endless.max_new_tokens = 9; // goes before max_length
  EXPECT_EQ(fixture.generate({{3}}, options)[0].size(), 10u);
  options.max_new_tokens = 2;
  EXPECT_EQ(fixture.generate({{3}}, options)[0].size(), 3u);
}

TEST(Generate, DefaultPromptHoldsForcedTokensWithoutGap) {
  Fixture fixture;
  std::vector<int32_t> forced = {1, 4, 2, 5, 4, 6};
  halyard_generation settings = toy::program().generation;
  settings.forced_decoder = toy::ids(forced);
  halyard_options options = newTokens(6);
  options.generation = &settings;
  EXPECT_EQ(fixture.generate(kSources, options), byDefinition(kSources, {toy::kStart, 4, 5}, 6));
}

TEST(Generate, SettingsApplyToEachTextByItself) {
  Fixture fixture;
  std::vector<int32_t> last = {2};
  halyard_generation settings = toy::program().generation;
  settings.forced_bos = 7;
  settings.forced_eos = toy::ids(last);
  settings.no_repeat_ngram = 1;
  settings.min_new_tokens = 8;
  halyard_options options = newTokens(8);
  options.generation = &settings;
  for (const std::vector<int32_t> &text : fixture.generate(kSources, options)) {
    ASSERT_EQ(text.size(), 9u);
    EXPECT_EQ(text[1], 7);
    EXPECT_EQ(text[8], 2);
    for (size_t i = 1; i < 8; ++i)
      for (size_t k = 0; k < i; ++k)
        EXPECT_NE(text[i], text[k]);
  }
}

struct Seen {
  Texts tokens{kSources.size()};
  std::vector<std::vector<std::vector<float>>> logits{kSources.size()};
};

TEST(Generate, CallbacksSeeLogitsAsComputedAndCanEndATextEarly) {
  Fixture fixture;
  std::vector<int32_t> never = {5, 6, 7};
  halyard_generation settings = toy::program().generation;
  settings.suppress = toy::ids(never);
  Seen seen;
  halyard_options options = newTokens(20);
  options.generation = &settings;
  options.user = &seen;
  options.on_logits = [](void *user, int32_t index, const float *logits) {
    static_cast<Seen *>(user)->logits[size_t(index)].emplace_back(logits, logits + toy::kVocabulary);
  };
  options.on_token = [](void *user, int32_t index, int32_t token) {
    std::vector<int32_t> &tokens = static_cast<Seen *>(user)->tokens[size_t(index)];
    tokens.push_back(token);
    return tokens.size() == 4 ? 1 : 0;
  };
  Texts texts = fixture.generate(kSources, options);
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_LE(texts[i].size(), 5u);
    EXPECT_EQ(std::vector<int32_t>(texts[i].begin() + 1, texts[i].end()), seen.tokens[i]);
    ASSERT_EQ(seen.logits[i].size(), seen.tokens[i].size());
    std::vector<int32_t> prefix = {toy::kStart};
    for (size_t k = 0; k < seen.tokens[i].size(); prefix.push_back(seen.tokens[i][k++]))
      EXPECT_EQ(seen.logits[i][k], toy::logits(kSources[i], prefix));
  }
}

std::string messageOf(const halyard_error &error) {
  char text[200];
  return halyard_describe(&error, text, sizeof(text));
}

TEST(Generate, InputIsCheckedBeforeAnythingRuns) {
  Fixture fixture;
  toy::encodes = 0;
  fixture.generate({{3}, {1, 2, 3, 4, 5, 6, 7}});
  EXPECT_EQ(messageOf(fixture.error),
            "request 1: a source of length 7: the model was compiled for lengths from 1 to 6");
  fixture.generate({{3}, {1, 50}});
  EXPECT_EQ(messageOf(fixture.error), "request 1: source token 50: the vocabulary has ids from 0 to 49");
  fixture.generate({{3}}, newTokens(3), {0, 13});
  EXPECT_EQ(messageOf(fixture.error), "request 0: decoder token 13: the vocabulary has ids from 0 to 12");
  fixture.generate({{3}}, newTokens(41));
  EXPECT_EQ(messageOf(fixture.error),
            "request 0: a text of 42 tokens, prompt included: at most 41 are possible");
  fixture.generate({{3}}, newTokens(-2));
  EXPECT_EQ(fixture.status, halyard_bad_option);
  halyard_generation nothing = toy::noSettings();
  halyard_options options = {};
  options.generation = &nothing;
  fixture.generate({{3}}, options);
  EXPECT_EQ(fixture.status, halyard_bad_prompt);
  // This program's sources have no padding, so a mask is a mistake.
  const int64_t source[] = {3, 4};
  const uint8_t mask[] = {1, 0};
  halyard_request request = {};
  request.source = source;
  request.source_length = 2;
  request.source_mask = mask;
  EXPECT_EQ(halyard_generate(fixture.session, &request, 1, nullptr, &fixture.error), halyard_bad_mask);
  EXPECT_EQ(messageOf(fixture.error), "request 0: a mask, but the model takes sources without padding");
  EXPECT_EQ(toy::encodes, 0);
}

TEST(Session, RefusesWhatDoesNotFit) {
  alignas(HALYARD_ALIGNMENT) static uint8_t memory[toy::kSessionBytes + HALYARD_ALIGNMENT];
  halyard_session *session = nullptr;
  EXPECT_EQ(toy::kSessionBytes, halyard_session_bytes(&toy::program()));
  auto init = [&](const halyard_program &program, uint8_t *at, uint64_t bytes) {
    return halyard_session_init(&program, &toy::weights(), at, bytes, &session);
  };
  EXPECT_EQ(init(toy::program(), memory, toy::kSessionBytes), halyard_ok);
  EXPECT_EQ(init(toy::program(), memory, toy::kSessionBytes - 1), halyard_bad_memory);
  EXPECT_EQ(init(toy::program(), memory + 1, toy::kSessionBytes), halyard_bad_memory);
  EXPECT_EQ(init(toy::program(), nullptr, toy::kSessionBytes), halyard_bad_memory);
  halyard_program other = toy::program();
  other.abi = HALYARD_ABI + 1;
  EXPECT_EQ(init(other, memory, toy::kSessionBytes), halyard_bad_abi);
}

} // namespace

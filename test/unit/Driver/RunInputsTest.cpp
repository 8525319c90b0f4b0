// What `halyard run` makes of its input options.
#include "compiler/driver/RunInputs.h"
#include "TemporaryFile.h"

#include <cstring>

using namespace halyard::driver;

namespace {

halyard_program tokenProgram() {
  halyard_program program = {};
  program.source_rank = 2;
  program.source_type = halyard_i64;
  program.source_shape[0] = 1;
  program.source_shape[1] = -1;
  program.source_name = "input_ids";
  return program;
}

/// Features [batch, 2, length].
halyard_program featureProgram() {
  halyard_program program = tokenProgram();
  program.source_rank = 3;
  program.source_type = halyard_f32;
  program.source_shape[1] = 2;
  program.source_shape[2] = -1;
  program.source_name = "input_features";
  return program;
}

struct Result {
  std::vector<RunSource> sources;
  RunError error;
  bool fine;
};

Result read(const RunOptions &options, const halyard_program &program) {
  Result result;
  result.fine = readSources(options, program, result.sources, result.error);
  return result;
}

Result readInputs(const std::vector<std::string> &inputs, const halyard_program &program) {
  RunOptions options;
  options.inputs = inputs;
  return read(options, program);
}

template <typename T> std::vector<T> values(const RunSource &source) {
  std::vector<T> all(source.data.size() / sizeof(T));
  std::memcpy(all.data(), source.data.data(), source.data.size());
  return all;
}

TEST(RunInputs, IdListsMakeABatch) {
  RunOptions options;
  options.ids = {"1,2,3", " 40 , 5"};
  Result result = read(options, tokenProgram());
  ASSERT_EQ(result.sources.size(), 2u);
  EXPECT_EQ(values<int64_t>(result.sources[0]), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(values<int64_t>(result.sources[1]), (std::vector<int64_t>{40, 5}));
  EXPECT_EQ(result.sources[1].length, 2);
}

TEST(RunInputs, BadIdListsAreErrorsOfTheCommandLine) {
  for (const char *list :
       {"", ",", "1,", ",1", "1,,2", "a", "1 2", "1.5", "99999999999", "--1", "-", "0x1"}) {
    RunOptions options;
    options.ids = {list};
    Result result = read(options, tokenProgram());
    EXPECT_FALSE(result.fine) << list;
    EXPECT_EQ(result.error.status, kUsageError);
    EXPECT_EQ(result.error.where, "--ids");
  }
}

TEST(RunInputs, PaddingIsDroppedWhereverItStands) {
  TemporaryFile ids("ids.npy", npyBytes<int64_t>("<i8", "(2, 4)", {1, 2, 3, 4, 5, 6, 7, 8}));
  TemporaryFile mask("mask.npy", npyBytes<int64_t>("<i8", "(2, 4)", {1, 1, 0, 0, 0, 1, 0, 1}));
  Result result = readInputs({"input_ids=" + ids.path, "attention_mask=" + mask.path}, tokenProgram());
  ASSERT_EQ(result.sources.size(), 2u) << result.error.what;
  EXPECT_EQ(values<int64_t>(result.sources[0]), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(values<int64_t>(result.sources[1]), (std::vector<int64_t>{6, 8}));
  EXPECT_EQ(result.sources[1].length, 2);
}

TEST(RunInputs, FeaturesAreMaskedAlongTheirLength) {
  TemporaryFile features("f.npy", npyBytes<double>("<f8", "(1, 2, 3)", {1, 2, 3, 10, 20, 30}));
  TemporaryFile mask("m.npy", npyBytes<uint8_t>("|b1", "(1, 3)", {1, 0, 1}));
  Result result =
      readInputs({"attention_mask=" + mask.path, "input_features=" + features.path}, featureProgram());
  ASSERT_EQ(result.sources.size(), 1u) << result.error.what;
  EXPECT_EQ(values<float>(result.sources[0]), (std::vector<float>{1, 3, 10, 30}));
  EXPECT_EQ(result.sources[0].length, 2);
}

TEST(RunInputs, PaddingIsKeptWithItsMaskWhereTheEncoderReadsOne) {
  halyard_program program = tokenProgram();
  program.flags = HALYARD_READS_MASK;
  TemporaryFile ids("ids.npy", npyBytes<int64_t>("<i8", "(2, 3)", {1, 2, 3, 4, 5, 6}));
  TemporaryFile mask("mask.npy", npyBytes<int64_t>("<i8", "(2, 3)", {1, 1, 0, 0, 1, 1}));
  Result result = readInputs({"input_ids=" + ids.path, "attention_mask=" + mask.path}, program);
  ASSERT_EQ(result.sources.size(), 2u) << result.error.what;
  EXPECT_EQ(values<int64_t>(result.sources[0]), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(result.sources[0].mask, (std::vector<uint8_t>{1, 1, 0}));
  EXPECT_EQ(result.sources[1].mask, (std::vector<uint8_t>{0, 1, 1}));
  EXPECT_EQ(result.sources[1].length, 3);
  result = readInputs({"input_ids=" + ids.path}, program);
  EXPECT_EQ(result.sources[0].maskData(), nullptr);
}

TEST(RunInputs, SourcesOfOneSizeHaveLengthOne) {
  halyard_program program = featureProgram();
  program.source_shape[2] = 2;
  TemporaryFile features("f.npy", npyBytes<float>("<f4", "(2, 2, 2)", {1, 2, 3, 4, 5, 6, 7, 8}));
  Result result = readInputs({"input_features=" + features.path}, program);
  ASSERT_EQ(result.sources.size(), 2u) << result.error.what;
  EXPECT_EQ(values<float>(result.sources[1]), (std::vector<float>{5, 6, 7, 8}));
  EXPECT_EQ(result.sources[1].length, 1);
  TemporaryFile mask("m.npy", npyBytes<int64_t>("<i8", "(2, 2)", {1, 1, 1, 1}));
  result = readInputs({"input_features=" + features.path, "attention_mask=" + mask.path}, program);
  EXPECT_EQ(result.error.what, "'input_features' has no length that a mask could shorten");
}

TEST(RunInputs, NarrowIdsDoNotWrapAround) {
  halyard_program program = tokenProgram();
  program.source_type = halyard_i32;
  TemporaryFile ids("ids.npy", npyBytes<int64_t>("<i8", "(1, 2)", {7, (int64_t(1) << 32) + 1}));
  Result result = readInputs({"input_ids=" + ids.path}, program);
  ASSERT_EQ(result.sources.size(), 1u);
  EXPECT_EQ(values<int32_t>(result.sources[0]), (std::vector<int32_t>{7, -1}));
}

TEST(RunInputs, SaysWhatIsWrongWithAFile) {
  TemporaryFile rank("rank.npy", npyBytes<int64_t>("<i8", "(3,)", {1, 2, 3}));
  TemporaryFile type("type.npy", npyBytes<float>("<f4", "(1, 2)", {1, 2}));
  TemporaryFile empty("empty.npy", npyBytes<int64_t>("<i8", "(0, 2)", {}));
  TemporaryFile good("good.npy", npyBytes<int64_t>("<i8", "(1, 2)", {1, 2}));
  TemporaryFile mask("mask.npy", npyBytes<int64_t>("<i8", "(1, 3)", {1, 1, 1}));
  TemporaryFile half("half.npy", npyBytes<float>("<f4", "(1, 2)", {1, 0.5f}));
  auto messageOf = [](const std::vector<std::string> &inputs) {
    Result result = readInputs(inputs, tokenProgram());
    EXPECT_EQ(result.error.status, kModelError);
    return result.error.what;
  };
  EXPECT_EQ(messageOf({"input_ids=" + rank.path}), "shape [3]: 'input_ids' takes [batch, length]");
  EXPECT_EQ(messageOf({"input_ids=" + type.path}),
            "elements of type float32: 'input_ids' takes int32 or int64");
  EXPECT_EQ(messageOf({"input_ids=" + empty.path}), "shape [0, 2]: the batch is empty");
  EXPECT_EQ(messageOf({"input_ids=" + good.path, "attention_mask=" + mask.path}),
            "shape [1, 3]: expected [1, 2] as 'input_ids' has");
  EXPECT_EQ(messageOf({"input_ids=" + good.path, "attention_mask=" + half.path}),
            "element 1 is neither 0 nor 1");
  EXPECT_EQ(messageOf({"pixels=" + good.path}),
            "the model has no input 'pixels': expected 'input_ids' or 'attention_mask'");
  EXPECT_EQ(messageOf({"attention_mask=" + mask.path}), "the model's input 'input_ids' is missing");
}

TEST(RunInputs, ShapesNameEveryExtent) {
  TemporaryFile file("f.npy", npyBytes<float>("<f4", "(1, 3, 1)", {1, 2, 3}));
  EXPECT_EQ(readInputs({"input_features=" + file.path}, featureProgram()).error.what,
            "shape [1, 3, 1]: 'input_features' takes [batch, 2, length]");
}

} // namespace

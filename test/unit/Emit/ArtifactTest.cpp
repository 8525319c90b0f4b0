// Small programs written by hand become artifacts whose library is loaded and run. What it computes is
// compared with loops written out here, which share nothing with the compiler.
#include "compiler/pipelines/ArtifactWriter.h"
#include "dialects/Runtime/IR/Runtime.h"
#include "dialects/Seq/IR/Seq.h"
#include "halyard/kernel.h"
#include "halyard/session.h"
#include "passes/Conversion/Passes.h"
#include "passes/Transforms/Passes.h"

#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <array>
#include <cmath>
#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace mlir;

namespace {

/// A folder that goes when the test is over.
struct TemporaryFolder {
  TemporaryFolder() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("halyard-test", path)); }
  ~TemporaryFolder() { llvm::sys::fs::remove_directories(path); }
  std::string file(const std::string &name) const { return std::string(path) + "/" + name; }
  llvm::SmallString<128> path;
};

bool compile(const std::string &input, const std::string &directory, const std::string &cache) {
  DialectRegistry registry;
  registry.insert<affine::AffineDialect, arith::ArithDialect, emitc::EmitCDialect, func::FuncDialect,
                  linalg::LinalgDialect, math::MathDialect, tensor::TensorDialect, halyard::rt::RtDialect,
                  halyard::seq::SeqDialect>();
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(INPUTS "/" + input, &context);
  if (!module)
    return false;
  PassManager manager(&context);
  manager.addNestedPass<halyard::seq::ProgramOp>(halyard::createFuseElementwise());
  manager.addNestedPass<halyard::seq::ProgramOp>(halyard::createFormDispatches());
  manager.addPass(halyard::createSeqToRt());
  manager.addNestedPass<halyard::rt::ProgramOp>(halyard::createPlaceWeights());
  manager.addNestedPass<halyard::rt::ProgramOp>(halyard::createPlanArena());
  halyard::ArtifactOptions options;
  options.directory = directory;
  options.cache = cache;
  return succeeded(manager.run(*module)) && succeeded(halyard::writeArtifact(*module, options));
}

/// A loaded artifact with an arena of its own, surrounded by bytes that must stay as they are. At first all
/// bytes are those of numbers that are none.
class Loaded {
public:
  Loaded(const TemporaryFolder &folder, const std::string &name) {
    handle = dlopen(folder.file("lib" + name + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_TRUE(handle) << dlerror();
    if (!handle)
      return;
    program = static_cast<const halyard_program *>(dlsym(handle, (name + "_program").c_str()));
    EXPECT_EQ(halyard_weights_open(program, folder.file(name + ".weights").c_str(), &weights), halyard_ok);
    EXPECT_EQ(halyard_weights_verify(program, &weights), halyard_ok);
    memory.assign(program->arena_bytes + 2 * HALYARD_ALIGNMENT, 0xff);
    uintptr_t begin =
        (reinterpret_cast<uintptr_t>(memory.data()) + HALYARD_ALIGNMENT - 1) / HALYARD_ALIGNMENT;
    arena = reinterpret_cast<uint8_t *>(begin * HALYARD_ALIGNMENT);
    halyard_arena_init(arena, program->slots, program->max_target, program->flags);
  }
  ~Loaded() {
    halyard_weights_close(&weights);
    if (handle)
      dlclose(handle);
  }

  /// Whether nothing was written outside of the arena, and something in its last 64 bytes.
  void expectExactArena() const {
    const uint8_t *end = arena + program->arena_bytes;
    for (const uint8_t *at = end; at != memory.data() + memory.size(); ++at)
      ASSERT_EQ(*at, 0xff);
    EXPECT_TRUE(std::any_of(end - HALYARD_ALIGNMENT, end, [](uint8_t byte) { return byte != 0xff; }));
  }

  void *handle = nullptr;
  const halyard_program *program = nullptr;
  halyard_weights weights = {};
  std::vector<uint8_t> memory;
  uint8_t *arena = nullptr;
};

using Row = std::array<float, 4>;

/// One row of attention with two heads of two features.
Row attend(const Row &query, const std::vector<Row> &keys, const std::vector<Row> &values) {
  Row result = {};
  for (int head = 0; head < 2; ++head) {
    double total = 0, sums[2] = {0, 0};
    for (size_t j = 0; j < keys.size(); ++j) {
      double score = 0;
      for (int f = 0; f < 2; ++f)
        score += double(query[2 * head + f]) * keys[j][2 * head + f];
      double weight = std::exp(score);
      total += weight;
      for (int f = 0; f < 2; ++f)
        sums[f] += weight * values[j][2 * head + f];
    }
    for (int f = 0; f < 2; ++f)
      result[2 * head + f] = float(sums[f] / total);
  }
  return result;
}

const Row kSourceTable[] = {{1, 0, 0, 2}, {0, 1, 0.5, 0}, {0, 0.5, 1, -1}};
const Row kTargetTable[] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}, {1, 1, 1, 1}};

/// Logits after the last of the tokens, by the definition of Inputs/incremental.mlir.
std::vector<float> expectedLogits(const std::vector<int64_t> &source, const std::vector<int32_t> &tokens) {
  std::vector<Row> memory, crossKeys, text;
  for (int64_t id : source)
    memory.push_back(kSourceTable[id]);
  const Row scale = {1, 2, 3, 1}, bias = {0.1f, 0.2f, 0.3f, 0.4f};
  for (Row row : memory) {
    for (int f = 0; f < 4; ++f)
      row[f] = row[f] * scale[f] + bias[f];
    crossKeys.push_back(row);
  }
  for (int32_t token : tokens)
    text.push_back(kTargetTable[token]);
  Row self = attend(text.back(), text, text), cross = attend(self, crossKeys, memory);
  std::vector<float> logits;
  for (const Row &entry : kTargetTable) {
    float sum = 0;
    for (int f = 0; f < 4; ++f)
      sum += cross[f] * entry[f];
    logits.push_back(sum);
  }
  return logits;
}

void expectNear(const float *actual, const std::vector<float> &expected) {
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(actual[i], expected[i], 1e-5) << "at " << i;
}

TEST(Artifact, RowsOfTwoSlotsShareAStep) {
  TemporaryFolder folder, cache;
  ASSERT_TRUE(compile("incremental.mlir", std::string(folder.path), std::string(cache.path)));
  Loaded tiny(folder, "tiny");
  ASSERT_TRUE(tiny.program);
  EXPECT_EQ(tiny.program->vocabulary, 5);
  EXPECT_EQ(tiny.program->source_vocabulary, 3);
  EXPECT_EQ(tiny.program->memory_rows(7), 7);

  std::vector<int64_t> first = {0, 1, 2, 1}, second = {2, 2, 0, 1, 1, 0, 2};
  std::vector<float> memory(4 * first.size());
  const halyard_source sources[] = {{0, 4, first.data(), nullptr, memory.data()},
                                    {1, 7, second.data(), nullptr, nullptr}};
  ASSERT_EQ(tiny.program->encode(tiny.arena, tiny.weights.data, 2, sources), 0);
  EXPECT_EQ(memory[3], 2.0f);

  // Three rows of slot 1 around the first of slot 0, then one of each.
  int32_t tokens[] = {4, 1, 2, 3}, slots[] = {1, 0, 1, 1}, positions[] = {0, 0, 1, 2};
  std::vector<float> logits(4 * 5);
  ASSERT_EQ(tiny.program->step(tiny.arena, tiny.weights.data, 4, tokens, slots, positions, logits.data()), 0);
  expectNear(&logits[0], expectedLogits(second, {4}));
  expectNear(&logits[5], expectedLogits(first, {1}));
  expectNear(&logits[10], expectedLogits(second, {4, 2}));
  expectNear(&logits[15], expectedLogits(second, {4, 2, 3}));
  int32_t nextTokens[] = {0, 2}, nextSlots[] = {0, 1}, nextPositions[] = {1, 3};
  ASSERT_EQ(tiny.program->step(tiny.arena, tiny.weights.data, 2, nextTokens, nextSlots, nextPositions,
                               logits.data()),
            0);
  expectNear(&logits[0], expectedLogits(first, {1, 0}));
  expectNear(&logits[5], expectedLogits(second, {4, 2, 3, 2}));

  // The largest source and step fill the arena to its end, and nothing beyond.
  std::vector<int64_t> longest(tiny.program->max_source, 1);
  const halyard_source full = {1, int32_t(longest.size()), longest.data(), nullptr, nullptr};
  ASSERT_EQ(tiny.program->encode(tiny.arena, tiny.weights.data, 1, &full), 0);
  tiny.expectExactArena();
}

TEST(Artifact, RecomputesTheTextOfEachRow) {
  TemporaryFolder folder, cache;
  ASSERT_TRUE(compile("recompute.mlir", std::string(folder.path), std::string(cache.path)));
  Loaded mean(folder, "mean");
  ASSERT_TRUE(mean.program);
  EXPECT_EQ(mean.program->flags, uint32_t(HALYARD_KEEPS_TOKENS));
  const float source[] = {1, 2, 3, 4};
  const halyard_source pairs = {1, 2, source, nullptr, nullptr}; // sums: 4, 6
  ASSERT_EQ(mean.program->encode(mean.arena, mean.weights.data, 1, &pairs), 0);
  const int32_t tokens[] = {0, 1, 1}, slots[] = {1, 1, 1}, positions[] = {0, 1, 2};
  float logits[6];
  ASSERT_EQ(mean.program->step(mean.arena, mean.weights.data, 3, tokens, slots, positions, logits), 0);
  expectNear(logits, {4 + 1, 6 + 0, 4 + 0.5f, 6 + 0.5f, 4 + 1 / 3.0f, 6 + 2 / 3.0f});
}

TEST(Artifact, IsTheSameTwiceAndTheSecondTimeFromTheCache) {
  TemporaryFolder first, second, cache;
  ASSERT_TRUE(compile("incremental.mlir", std::string(first.path), std::string(cache.path)));
  ASSERT_TRUE(compile("incremental.mlir", std::string(second.path), std::string(cache.path)));
  for (const char *name :
       {"tiny.h", "tiny.cpp", "tiny.weights", "report.json", "CMakeLists.txt", "libtiny.so", "tiny"}) {
    auto before = llvm::MemoryBuffer::getFile(first.file(name)),
         after = llvm::MemoryBuffer::getFile(second.file(name));
    ASSERT_TRUE(before && after) << name;
    EXPECT_EQ((*before)->getBuffer(), (*after)->getBuffer()) << name;
  }
}

} // namespace

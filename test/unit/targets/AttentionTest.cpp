// Attention over tensors and over caches, compiled and evaluated, against the formula of seq.attention
// computed in double.
#include "AttentionCase.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::test;

using Case = AttentionCase;

namespace {
constexpr float kLeast = std::numeric_limits<float>::lowest(), kHidden = -kInf;

/// A mask that hides some keys by -inf, others by a large negative number.
void maskSomeKeys(HostTensor &mask) {
  for (int j = 40; j < 60; ++j)
    mask.mutableValues<float>()[j] = j % 2 ? kHidden : kLeast;
}

/// A bias that hides all keys from one row.
void hideKeysFrom(HostTensor &bias, int64_t row) {
  int64_t keys = bias.shape.back();
  std::fill_n(bias.mutableValues<float>().begin() + row * keys, keys, kHidden);
}

/// Products of rounded operands: of bf16 in matrix tiles, or of codes.
class RoundedAttentionTest : public AttentionTest {
protected:
  bool hasTiles() const { return GetParam() == "x86-64-v4-amx"; }

  /// Operands that rounding to bf16 does not change.
  void fillRounded(Case &c) {
    fill(c);
    c.isRounded = true;
    c.scale = 1 / std::sqrt(c.width);
    for (HostTensor *tensor : {&c.query, &c.key, &c.value})
      for (float &value : tensor->mutableValues<float>())
        value = std::round(value * 16) / 16;
    CompiledKernel kernel(parse(c.text()), GetParam());
    EXPECT_EQ(llvm::is_contained(kernel.undefinedSymbols(), "halyard_tiles_multiply_column"), hasTiles());
  }
};

/// Always many queries of f32, which matrix tiles multiply by parts.
class ManyQueriesTest : public AttentionTest {
protected:
  void checkExactly(const Case &c) {
    SCOPED_TRACE(c.text());
    CompiledKernel kernel(parse(c.text()), GetParam());
    ASSERT_EQ(kernel.error, "") << messages;
    EXPECT_EQ(llvm::is_contained(kernel.undefinedSymbols(), "halyard_tiles_multiply_column_of_floats"),
              GetParam() == "x86-64-v4-amx");
    auto results = kernel.run(arguments(c), {{c.rows, c.heads * c.valueWidth}});
    ASSERT_EQ(results.size(), 1u);
    expectNear(results[0], c.expected(), 4e-6);
  }
};
} // namespace

TEST_P(AttentionTest, MatchesTheFormula) {
  for (auto [rows, keys] : {std::pair<int64_t, int64_t>{1, 1}, {7, 5}, {70, 130}}) {
    Case c{4, 4, 16, 16, rows, keys};
    c.scale = 0.25;
    fill(c);
    check(c);
  }
}

TEST_P(AttentionTest, TakesStaticExtents) {
  for (auto [rows, keys] :
       {std::pair<int64_t, int64_t>{197, 197}, {300, 70}, {1, 9}, {5, 5}, {17, 17}, {65, 129}}) {
    Case c{2, 2, 16, 16, rows, keys};
    c.isStatic = true;
    fill(c);
    check(c);
  }
  Case narrow{4, 4, 6, 6, 17, 17};
  narrow.isStatic = true;
  fill(narrow);
  check(narrow);
}

TEST_P(AttentionTest, TakesHeadsOfOddWidth) {
  Case c{2, 2, 36, 20, 19, 23};
  c.scale = 1.0 / 6;
  fill(c);
  check(c);
  Case narrow{4, 4, 4, 4, 9, 3};
  fill(narrow);
  check(narrow);
}

TEST_P(AttentionTest, SharesKeysBetweenHeads) {
  for (bool tiled : {false, true}) {
    Case c{6, 3, 8, 8, 11, 13};
    c.tiled = tiled;
    c.causal = true;
    fill(c);
    check(c);
  }
}

TEST_P(AttentionTest, AddsBiasAndMasks) {
  Case c{4, 4, 16, 16, 9, 12};
  fill(c);
  c.bias = randomFloats({4, 10, 12});
  // Row 2 sees nothing, row 3 one key; the others miss key 5 by a large negative number.
  auto bias = c.bias->mutableValues<float>();
  for (int h = 0; h < 4; ++h)
    for (int i = 0; i < 10; ++i)
      for (int j = 0; j < 12; ++j) {
        float &value = bias[(h * 10 + i) * 12 + j];
        if (i == 2 || (i == 3 && j != 7))
          value = -std::numeric_limits<float>::infinity();
        else if (j == 5)
          value = -1e9f;
      }
  check(c);
  for (float value : run(c.text(), arguments(c), {{9, 64}})[0].values<float>().slice(2 * 64, 64))
    EXPECT_EQ(value, 0.0f);
}

TEST_P(AttentionTest, KeepsRowsWhoseKeysAreAllVeryNegative) {
  Case c{1, 1, 8, 8, 3, 70};
  fill(c);
  c.bias = floats({1, 3, 70}, std::vector<float>(210, std::numeric_limits<float>::lowest()));
  check(c);
}

TEST_P(AttentionTest, ReadsBiasByDistance) {
  Case c{2, 2, 16, 16, 10, 14};
  fill(c);
  c.byDistance = true;
  c.bias = randomFloats({2, 2 * 20 - 1});
  check(c);
}

TEST_P(AttentionTest, CapsScores) {
  Case c{2, 2, 16, 16, 5, 6};
  c.softcap = 2;
  fill(c);
  check(c);
}

TEST_P(AttentionTest, ReadsCachesCausally) {
  Case c{4, 4, 16, 16, 5, 100};
  c.causal = true;
  c.scale = 0.25;
  c.slot = {0, 2, 1, 1, 0};
  c.position = {0, 99, 31, 32, 57};
  fill(c);
  check(c);
  c.byDistance = true;
  c.bias = randomFloats({4, 2 * 100 - 1});
  check(c);
}

TEST_P(AttentionTest, ReadsCachesOfSources) {
  Case c{4, 2, 36, 36, 4, 70};
  c.scale = 0.1;
  c.slot = {1, 0, 2, 1};
  c.position = {5, 6, 7, 8};
  c.counts = {70, 33, 0};
  fill(c);
  check(c);
}

TEST_P(AttentionTest, MasksKeysOfTensors) {
  Case c{2, 2, 16, 16, 9, 70};
  fill(c);
  c.mask = randomFloats({1, 70});
  maskSomeKeys(*c.mask);
  check(c);
  c.bias = randomFloats({1, 9, 70});
  check(c);
}

TEST_P(AttentionTest, MasksKeysOfEachSlot) {
  Case c{4, 2, 16, 16, 4, 70};
  c.scale = 0.25;
  c.slot = {1, 0, 2, 1};
  c.position = {5, 6, 7, 8};
  c.counts = {70, 33, 64};
  fill(c);
  c.mask = randomFloats({3, 70});
  auto mask = c.mask->mutableValues<float>();
  for (int j = 0; j < 70; ++j) {
    if (j >= 50)
      mask[j] = std::numeric_limits<float>::lowest(); // slot 0 is padded on the right, slot 1 on the left
    if (j < 20)
      mask[70 + j] = -std::numeric_limits<float>::infinity();
  }
  check(c);
}

TEST_P(AttentionTest, ReadsBlocksOfCaches) {
  for (bool isCoded : {false, true})
    for (int64_t blockRows : {16, 64}) {
      Case causal{4, 4, 16, 16, 5, 100};
      causal.causal = true;
      causal.scale = 0.25;
      causal.slot = {0, 2, 1, 1, 0};
      causal.position = {0, 99, 31, 32, 57};
      Case sources{4, 2, 36, 20, 4, 70};
      sources.scale = 0.1;
      sources.slot = {1, 0, 2, 1};
      sources.position = {5, 6, 7, 8};
      sources.counts = {70, 33, 0};
      for (Case *c : {&causal, &sources}) {
        c->blockRows = blockRows;
        c->isCoded = isCoded;
        fill(*c);
        check(*c);
      }
      causal.byDistance = true;
      causal.bias = randomFloats({4, 2 * 100 - 1});
      check(causal);
      sources.mask = randomFloats({3, 70});
      check(sources);
    }
}

TEST_P(AttentionTest, KeepsSmallWeightsOfCodes) {
  // One key outweighs each other by far, but not all of them together; and rows of zeros.
  Case c{1, 1, 16, 16, 2, 600};
  c.blockRows = 64;
  c.isCoded = true;
  c.slot = {0, 1};
  c.position = {0, 0};
  c.counts = {600, 600};
  fill(c);
  c.bias = floats({1, 1, 600}, std::vector<float>(600, -6));
  c.bias->mutableValues<float>()[300] = 0;
  for (float &x : c.query.mutableValues<float>())
    x *= 0.01f;
  for (float &x : c.value.mutableValues<float>().drop_front(600 * 16))
    x = 0;
  for (HostTensor *rows : {&c.key, &c.value})
    quantize(*rows, 16);
  check(c);
}

/// Rounding errors of a row must not agree: what all of its elements share, the sum of the weights and its
/// inverse, is exact. What is left are the errors of 512 sums of 1500 values.
TEST_P(AttentionTest, WeighsRowsExactly) {
  Case c{1, 1, 64, 512, 40, 1500};
  c.scale = 0.1;
  fill(c);
  for (float &value : c.value.mutableValues<float>())
    value += 1;
  auto results = run(c.text(), arguments(c), {{c.rows, c.valueWidth}});
  ASSERT_EQ(results.size(), 1u);
  for (int64_t i = 0; i < c.rows; ++i) {
    std::vector<double> exact = c.row(i, 0);
    double dot = 0, norm = 0;
    for (int64_t d = 0; d < c.valueWidth; ++d) {
      dot += results[0].values<float>()[i * c.valueWidth + d] * exact[d];
      norm += exact[d] * exact[d];
    }
    EXPECT_NEAR(dot / norm, 1, 4e-8) << "row " << i;
  }
}

TEST_P(AttentionTest, IsParallelOverLargeCaches) {
  Case c{8, 8, 64, 64, 2, 448};
  c.causal = true;
  c.scale = 0.125;
  c.slot = {0, 1};
  c.position = {447, 12};
  fill(c);
  check(c);
}

void AttentionTest::checkRows(const Case &whole) {
  const int64_t features = whole.heads * whole.width;
  auto all = run(whole.text(), arguments(whole), {{whole.rows, features}});
  ASSERT_EQ(all.size(), 1u);
  for (auto [first, rows] : {std::pair<int64_t, int64_t>{0, 1}, {3, 40}, {100, 130}}) {
    Case some = whole;
    some.rows = rows;
    some.query =
        floats({rows, features}, whole.query.values<float>().slice(first * features, rows * features));
    if (some.isRagged()) {
      some.slot = std::vector(whole.slot.begin() + first, whole.slot.begin() + first + rows);
      some.position = std::vector(whole.position.begin() + first, whole.position.begin() + first + rows);
    }
    auto results = run(some.text(), arguments(some), {{rows, features}});
    ASSERT_EQ(results.size(), 1u);
    EXPECT_EQ(std::memcmp(results[0].data.get(), all[0].values<float>().data() + first * features,
                          results[0].bytes()),
              0)
        << "rows " << first << " to " << first + rows - 1 << (some.isRagged() ? " of caches" : " of tensors");
  }
}

TEST_P(AttentionTest, GivesARowTheSameBitsInAnyCompany) {
  Case tensors{2, 2, 64, 64, 230, 150};
  tensors.scale = 0.125;
  fill(tensors);
  Case caches = tensors;
  for (int i = 0; i < caches.rows; ++i) {
    caches.slot.push_back(i % 3);
    caches.position.push_back(i * 7 % 150);
  }
  caches.causal = true;
  Case codes = caches;
  codes.blockRows = 64;
  codes.isCoded = true;
  fill(caches);
  fill(codes);
  checkRows(tensors);
  checkRows(caches);
  checkRows(codes);
}

TEST_P(RoundedAttentionTest, MatchesTheFormula) {
  for (auto [rows, keys] : {std::pair<int64_t, int64_t>{1, 1}, {7, 5}, {450, 130}, {33, 300}})
    for (bool isStatic : {false, true}) {
      Case c{2, 1, 64, 64, rows, keys};
      c.isStatic = isStatic;
      fillRounded(c);
      check(c);
    }
}

TEST_P(RoundedAttentionTest, TakesHeadsOfAnyTiles) {
  for (auto [width, valueWidth] : {std::pair<int64_t, int64_t>{32, 48}, {96, 16}, {128, 128}}) {
    Case c{2, 2, width, valueWidth, 40, 50};
    fillRounded(c);
    check(c);
  }
}

TEST_P(RoundedAttentionTest, AddsBiasAndMasks) {
  Case c{2, 2, 32, 32, 50, 140};
  fillRounded(c);
  c.mask = randomFloats({1, 140});
  maskSomeKeys(*c.mask);
  check(c);
  c.byDistance = true;
  c.bias = randomFloats({2, 2 * 150 - 1});
  check(c);
  c.softcap = 2;
  check(c);
}

TEST_P(RoundedAttentionTest, GivesZerosWhereNoKeyIsSeen) {
  Case c{2, 2, 32, 32, 40, 140};
  fillRounded(c);
  c.bias = randomFloats({1, 40, 140});
  hideKeysFrom(*c.bias, 17);
  check(c);
  for (float value : run(c.text(), arguments(c), {{40, 64}})[0].values<float>().slice(17 * 64, 64))
    EXPECT_EQ(value, 0.0f);
}

/// Widths of no multiple are filled up in tiles; odd ones are as exact as ever.
TEST_P(RoundedAttentionTest, TakesOtherShapes) {
  for (bool causal : {false, true})
    for (int64_t width : {64, 36, 10, 5}) {
      Case c{2, 2, width, 20, 219, 223};
      c.causal = causal;
      if (width % 2 == 0)
        fillRounded(c);
      if (width % 2 || !hasTiles()) // codes take any operands
        fill(c);
      c.isRounded = true;
      c.scale = 0.3;
      auto results = run(c.text(), arguments(c), {{c.rows, c.heads * c.valueWidth}});
      ASSERT_EQ(results.size(), 1u);
      expectNear(results[0], c.expected(), width % 2 ? 1e-5 : roundedTolerance());
    }
}

/// Rows, keys and values of very different sizes have codes of their own; rows of zeros have none.
TEST_P(RoundedAttentionTest, TakesRowsOfAnySize) {
  Case c{1, 1, 36, 20, 60, 150};
  fillRounded(c);
  if (!hasTiles())
    fill(c);
  c.scale = 0.02;
  auto scaleRow = [](HostTensor &tensor, int64_t row, int64_t width, float factor) {
    for (float &x : tensor.mutableValues<float>().slice(row * width, width))
      x *= factor;
  };
  scaleRow(c.query, 3, 36, 0);
  scaleRow(c.query, 4, 36, 0x1p-66f);
  scaleRow(c.query, 5, 36, 128);
  scaleRow(c.key, 7, 36, 0);
  scaleRow(c.key, 8, 36, 32);
  scaleRow(c.value, 9, 20, 0);
  auto results = run(c.text(), arguments(c), {{c.rows, c.heads * c.valueWidth}});
  ASSERT_EQ(results.size(), 1u);
  expectNear(results[0], c.expected(), 2 * roundedTolerance());
}

TEST_P(RoundedAttentionTest, GivesARowTheSameBitsInAnyCompany) {
  Case c{2, 2, 64, 64, 430, 150};
  fillRounded(c);
  checkRows(c);
}

TEST_P(ManyQueriesTest, MatchTheFormula) {
  for (auto [width, valueWidth] : {std::pair<int64_t, int64_t>{64, 64}, {36, 20}, {10, 128}, {128, 5}})
    for (bool causal : {false, true}) {
      Case c{2, 1, width, valueWidth, 300, causal ? 300 : 415};
      c.causal = causal;
      c.isStatic = true;
      c.scale = 1 / std::sqrt(width);
      fill(c);
      checkExactly(c);
    }
}

TEST_P(ManyQueriesTest, AddBiasAndMasks) {
  Case c{2, 2, 32, 32, 270, 140};
  c.isStatic = true;
  fill(c);
  c.mask = randomFloats({1, 140});
  maskSomeKeys(*c.mask);
  checkExactly(c);
  c.byDistance = true;
  c.bias = randomFloats({2, 2 * 300 - 1});
  checkExactly(c);
  c.softcap = 2;
  checkExactly(c);
}

TEST_P(ManyQueriesTest, GiveZerosWhereNoKeyIsSeen) {
  Case c{2, 2, 32, 32, 256, 140};
  c.isStatic = true;
  fill(c);
  c.bias = randomFloats({1, 256, 140});
  hideKeysFrom(*c.bias, 17);
  checkExactly(c);
  for (float value : run(c.text(), arguments(c), {{256, 64}})[0].values<float>().slice(17 * 64, 64))
    EXPECT_EQ(value, 0.0f);
}

/// Scores from nearly equal ones to those of which one outweighs all others, and values of any size.
TEST_P(ManyQueriesTest, MayBeOfAnySize) {
  Case c{2, 2, 40, 40, 320, 200};
  c.isStatic = true;
  fill(c);
  std::uniform_int_distribution<int> exponents(-12, 1);
  for (HostTensor *tensor : {&c.query, &c.key, &c.value})
    for (float &value : tensor->mutableValues<float>())
      value = std::ldexp(value, exponents(random));
  checkExactly(c);
}

INSTANTIATE_TEST_SUITE_P(Targets, ManyQueriesTest, ::testing::Values("x86-64-v4-vnni", "x86-64-v4-amx"),
                         targetTestName);
INSTANTIATE_TEST_SUITE_P(Targets, RoundedAttentionTest, ::testing::Values("x86-64-v4-vnni", "x86-64-v4-amx"),
                         targetTestName);
HALYARD_INSTANTIATE_FOR_TARGETS(AttentionTest);

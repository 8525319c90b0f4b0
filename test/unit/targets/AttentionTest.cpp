// Attention over tensors and over caches, compiled and evaluated, against the formula of seq.attention
// computed in double.
#include "KernelTestBase.h"

#include <limits>

using namespace mlir;
using namespace halyard;
using namespace halyard::test;

namespace {
/// Of results whose queries, keys and values are bf16 themselves: what rounding the weights costs.
constexpr double kBfloatTolerance = 2e-3;
constexpr double kInf = std::numeric_limits<double>::infinity();

/// A case of seq.attention with its operands. Over caches, `slot` and `position` have one entry per row, and
/// `counts` one per slot unless the attention is causal.
struct Case {
  int64_t heads, kvHeads, width, valueWidth, rows, keys;
  bool causal = false, byDistance = false, tiled = false, isStatic = false, isRounded = false;
  double scale = 1, softcap = 0;
  /// Rows of a block of the caches, if they have blocks; whether they hold codes. `key` and `value` are the
  /// plain numbers nevertheless.
  int64_t blockRows = 0;
  bool isCoded = false;
  HostTensor query = {}, key = {}, value = {};
  std::optional<HostTensor> bias = {}, mask = {}; // mask: [slots, keys], whatever the form
  std::vector<int32_t> slot = {}, position = {}, counts = {};

  bool isRagged() const { return !slot.empty(); }

  double biasAt(int64_t h, int64_t i, int64_t j) const {
    if (!bias)
      return 0;
    int64_t first = bias->shape[0] == 1 ? 0 : h;
    if (byDistance)
      return bias->values<float>()[first * bias->shape[1] + i - j + bias->shape[1] / 2];
    return bias->values<float>()[(first * bias->shape[1] + i) * bias->shape[2] + j];
  }

  std::vector<double> row(int64_t i, int64_t h) const {
    int64_t g = tiled ? h % kvHeads : h / (heads / kvHeads), at = isRagged() ? position[i] : i;
    int64_t count = causal ? std::min(at + 1, keys) : isRagged() ? counts[slot[i]] : keys;
    int64_t base = isRagged() ? slot[i] * keys : 0;
    std::vector<double> scores;
    double top = -kInf, total = 0;
    for (int64_t j = 0; j < count; ++j) {
      double dot = 0;
      for (int64_t d = 0; d < width; ++d)
        dot += double(query.values<float>()[(i * heads + h) * width + d]) *
               key.values<float>()[((base + j) * kvHeads + g) * width + d];
      dot *= scale;
      if (softcap != 0)
        dot = softcap * std::tanh(dot / softcap);
      scores.push_back(dot + biasAt(h, at, j) + (mask ? mask->values<float>()[base + j] : 0));
      top = std::max(top, scores.back());
    }
    std::vector<double> result(valueWidth, 0);
    for (int64_t j = 0; j < count && top > -kInf; ++j) {
      double weight = std::exp(scores[j] - top);
      total += weight;
      for (int64_t d = 0; d < valueWidth; ++d)
        result[d] += weight * value.values<float>()[((base + j) * kvHeads + g) * valueWidth + d];
    }
    for (double &x : result)
      x = total > 0 ? x / total : 0;
    return result;
  }

  std::vector<double> expected() const {
    std::vector<double> all;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t h = 0; h < heads; ++h)
        llvm::append_range(all, row(i, h));
    return all;
  }

  /// The type of keys or values in blocks, and of their scales.
  seq::CacheType cacheType(int64_t features, seq::BlockForm form) const {
    MLIRContext *context = query.elementType.getContext();
    Type element = isCoded ? Type(IntegerType::get(context, 8)) : Type(Float32Type::get(context));
    return seq::CacheType::get(context, keys, kvHeads * features, element,
                               seq::BlocksAttr::get(context, kvHeads, blockRows, form));
  }
  seq::CacheType scaleType() const {
    MLIRContext *context = query.elementType.getContext();
    return seq::CacheType::get(context, keys, kvHeads, Float32Type::get(context),
                               seq::BlocksAttr::get(context, kvHeads, blockRows, seq::BlockForm::rows));
  }
  static std::string typeText(Type type) {
    std::string text;
    llvm::raw_string_ostream(text) << type;
    return text;
  }

  std::string text() const {
    auto rowsOf = [&](int64_t count, int64_t features) {
      return "tensor<" + (isStatic ? std::to_string(count) : "?") + "x" + std::to_string(features) + "xf32>";
    };
    auto tensor = [&](int64_t features) { return rowsOf(rows, features); };
    auto rowsOrCache = [&](int64_t features) {
      return isRagged() ? "!seq.cache<" + std::to_string(keys) + ", " + std::to_string(features) + ", f32>"
                        : rowsOf(keys, features);
    };
    std::string q = tensor(heads * width), k = rowsOrCache(kvHeads * width),
                v = rowsOrCache(kvHeads * valueWidth), scales;
    if (blockRows) {
      k = typeText(cacheType(width, isCoded ? seq::BlockForm::feature_pairs : seq::BlockForm::rows));
      v = typeText(cacheType(valueWidth, isCoded ? seq::BlockForm::row_pairs : seq::BlockForm::rows));
    }
    std::string o = tensor(heads * valueWidth), arguments = "%q: " + q + ", %k: " + k + ", %v: " + v, clauses;
    if (isCoded) {
      std::string s = typeText(scaleType());
      arguments += ", %ks: " + s + ", %vs: " + s;
      clauses += " scales(%ks, %vs : " + s + ", " + s + ")";
    }
    if (bias) {
      std::string type = byDistance ? "tensor<" + std::to_string(bias->shape[0]) + "x" +
                                          std::to_string(bias->shape[1]) + "xf32>"
                                    : "tensor<" + std::to_string(bias->shape[0]) + "x?x?xf32>";
      arguments += ", %b: " + type;
      clauses += " bias(%b : " + type + ")";
    }
    if (mask) {
      arguments += ", %m: " + rowsOrCache(1);
      clauses += " mask(%m : " + rowsOrCache(1) + ")";
    }
    if (isRagged()) {
      arguments += ", %slot: tensor<?xi32>, %position: tensor<?xi32>";
      clauses += " rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)";
      if (!causal)
        arguments += ", %counts: tensor<?xi32> {seq.source_rows}";
    }
    std::string attributes = "heads = " + std::to_string(heads) +
                             " : i64, kv_heads = " + std::to_string(kvHeads) +
                             " : i64, scale = " + std::to_string(scale) + " : f64";
    if (softcap != 0)
      attributes += ", softcap = " + std::to_string(softcap) + " : f64";
    attributes += std::string(causal ? ", causal" : "") + (byDistance ? ", by_distance" : "") +
                  (tiled ? ", head_map = 1 : i32" : "") + (isRounded ? ", bfloat_products" : "");
    return "func.func @attend(" + arguments + ") -> " + o + " {\n %o = seq.attention %q, %k, %v" + clauses +
           " {" + attributes + "} : " + q + ", " + k + ", " + v + " -> " + o + "\n return %o : " + o + "\n}";
  }
};

class AttentionTest : public KernelTestBase {
protected:
  void fill(Case &c) {
    int64_t slots = c.isRagged() ? *std::max_element(c.slot.begin(), c.slot.end()) + 1 : 1;
    c.query = randomFloats({c.rows, c.heads * c.width});
    c.key = randomFloats({slots, c.keys, c.kvHeads * c.width});
    c.value = randomFloats({slots, c.keys, c.kvHeads * c.valueWidth});
    if (c.isCoded) {
      quantize(c.key, c.width);
      quantize(c.value, c.valueWidth);
    }
    if (!c.isRagged()) {
      c.key = c.key.reshaped({c.keys, c.kvHeads * c.width});
      c.value = c.value.reshaped({c.keys, c.kvHeads * c.valueWidth});
    }
  }

  /// Keys or values become codes, each row of a head with a scale of its own, and then what the codes stand
  /// for.
  static std::pair<std::vector<int8_t>, std::vector<float>> quantize(HostTensor &rows, int64_t width) {
    auto elements = rows.mutableValues<float>();
    std::vector<int8_t> codes;
    std::vector<float> scales;
    for (size_t begin = 0; begin < elements.size(); begin += width) {
      float largest = 0;
      for (float x : elements.slice(begin, width))
        largest = std::max(largest, std::fabs(x));
      scales.push_back(largest / 127);
      for (float &x : elements.slice(begin, width)) {
        codes.push_back(static_cast<int8_t>(std::nearbyint(x / scales.back())));
        x = codes.back() * scales.back();
      }
    }
    return {codes, scales};
  }

  /// Rows [slots, keys, features] in the blocks of a type; what is behind the last key is `other`.
  template <typename T>
  HostTensor inBlocks(seq::CacheType type, llvm::ArrayRef<T> elements, int64_t slots, T other) {
    llvm::SmallVector<int64_t> shape{slots};
    llvm::append_range(shape, type.slotShape());
    HostTensor blocks = HostTensor::allocate(shape, type.getElementType());
    auto to = blocks.mutableValues<T>();
    std::fill(to.begin(), to.end(), other);
    int64_t rows = type.getBlocks().getRows(), heads = type.getBlocks().getHeads(),
            features = type.getFeatures();
    int64_t width = features / heads, perSlot = blocks.elements() / slots;
    auto form = type.getBlocks().getForm();
    for (size_t i = 0; i < elements.size(); ++i) {
      int64_t slot = i / features / type.getLength(), position = i / features % type.getLength();
      int64_t head = i % features / width, w = i % width, r = position % rows, within = r * width + w;
      if (form == seq::BlockForm::row_pairs)
        within = r / 2 * 2 * width + w * 2 + r % 2;
      else if (form == seq::BlockForm::feature_pairs)
        within = r / 16 * 16 * width + w / 2 * 32 + r % 16 * 2 + w % 2;
      to[slot * perSlot + (position / rows * heads + head) * rows * width + within] = elements[i];
    }
    return blocks;
  }

  std::vector<CompiledKernel::Argument> caches(const Case &c) {
    if (!c.blockRows)
      return {c.key, c.value};
    int64_t slots = c.key.shape[0];
    if (!c.isCoded)
      return {
          inBlocks<float>(c.cacheType(c.width, seq::BlockForm::rows), c.key.values<float>(), slots, 1e30f),
          inBlocks<float>(c.cacheType(c.valueWidth, seq::BlockForm::rows), c.value.values<float>(), slots,
                          1e30f)};
    HostTensor key = c.key, value = c.value;
    auto [keyCodes, keyScales] = quantize(key, c.width);
    auto [valueCodes, valueScales] = quantize(value, c.valueWidth);
    return {inBlocks<int8_t>(c.cacheType(c.width, seq::BlockForm::feature_pairs), keyCodes, slots, 127),
            inBlocks<int8_t>(c.cacheType(c.valueWidth, seq::BlockForm::row_pairs), valueCodes, slots, 127),
            inBlocks<float>(c.scaleType(), keyScales, slots, 1e30f),
            inBlocks<float>(c.scaleType(), valueScales, slots, 1e30f)};
  }

  std::vector<CompiledKernel::Argument> arguments(const Case &c) {
    std::vector<CompiledKernel::Argument> all{c.query};
    llvm::append_range(all, caches(c));
    if (c.bias)
      all.push_back(*c.bias);
    if (c.mask)
      all.push_back(c.isRagged() ? c.mask->reshaped({c.mask->shape[0], c.keys, 1})
                                 : c.mask->reshaped({c.keys, 1}));
    if (c.isRagged()) {
      all.push_back(smallIntegers({c.rows}, c.slot));
      all.push_back(smallIntegers({c.rows}, c.position));
      if (!c.causal)
        all.push_back(smallIntegers({static_cast<int64_t>(c.counts.size())}, c.counts));
    }
    return all;
  }

  void check(const Case &c) {
    SCOPED_TRACE(c.text());
    auto results = run(c.text(), arguments(c), {{c.rows, c.heads * c.valueWidth}});
    ASSERT_EQ(results.size(), 1u);
    expectNear(results[0], c.expected(), c.isRounded ? kBfloatTolerance : c.isCoded ? 2e-4 : 1e-5);
    if (c.isRounded || c.isRagged() || GetParam() != "x86-64")
      return;
    llvm::SmallVector<HostTensor> tensors;
    for (const CompiledKernel::Argument &argument : arguments(c))
      tensors.push_back(std::get<HostTensor>(argument));
    auto evaluated = evaluate(c.text(), tensors);
    ASSERT_EQ(evaluated.size(), 1u);
    expectNear(evaluated[0], c.expected());
  }

  /// Some rows by themselves have the bits that they have among all.
  void checkRows(const Case &whole);
};

/// Products of rounded operands, in matrix tiles.
class MatrixAttentionTest : public AttentionTest {
protected:
  /// Operands that rounding does not change.
  void fillRounded(Case &c) {
    fill(c);
    c.isRounded = true;
    c.scale = 1 / std::sqrt(c.width);
    for (HostTensor *tensor : {&c.query, &c.key, &c.value})
      for (float &value : tensor->mutableValues<float>())
        value = std::round(value * 16) / 16;
    CompiledKernel kernel(parse(c.text()), GetParam());
    EXPECT_TRUE(llvm::is_contained(kernel.undefinedSymbols(), "halyard_tiles_multiply_bfloats"));
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
  for (int j = 40; j < 60; ++j)
    c.mask->mutableValues<float>()[j] =
        j % 2 ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::lowest();
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

TEST_P(MatrixAttentionTest, MatchesTheFormula) {
  for (auto [rows, keys] : {std::pair<int64_t, int64_t>{1, 1}, {7, 5}, {450, 130}, {33, 300}})
    for (bool isStatic : {false, true}) {
      Case c{2, 1, 64, 64, rows, keys};
      c.isStatic = isStatic;
      fillRounded(c);
      check(c);
    }
}

TEST_P(MatrixAttentionTest, TakesHeadsOfAnyTiles) {
  for (auto [width, valueWidth] : {std::pair<int64_t, int64_t>{32, 48}, {96, 16}, {128, 128}}) {
    Case c{2, 2, width, valueWidth, 40, 50};
    fillRounded(c);
    check(c);
  }
}

TEST_P(MatrixAttentionTest, AddsBiasAndMasks) {
  Case c{2, 2, 32, 32, 50, 140};
  fillRounded(c);
  c.mask = randomFloats({1, 140});
  for (int j = 40; j < 60; ++j)
    c.mask->mutableValues<float>()[j] =
        j % 2 ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::lowest();
  check(c);
  c.byDistance = true;
  c.bias = randomFloats({2, 2 * 150 - 1});
  check(c);
  c.softcap = 2;
  check(c);
}

TEST_P(MatrixAttentionTest, GivesZerosWhereNoKeyIsSeen) {
  Case c{2, 2, 32, 32, 40, 140};
  fillRounded(c);
  c.bias = randomFloats({1, 40, 140});
  for (int j = 0; j < 140; ++j)
    c.bias->mutableValues<float>()[17 * 140 + j] = -std::numeric_limits<float>::infinity();
  check(c);
  for (float value : run(c.text(), arguments(c), {{40, 64}})[0].values<float>().slice(17 * 64, 64))
    EXPECT_EQ(value, 0.0f);
}

/// Shapes and forms that tiles do not fit are as exact as ever.
TEST_P(MatrixAttentionTest, LeavesOthersExact) {
  Case c{2, 2, 36, 20, 19, 23};
  fill(c);
  for (bool causal : {false, true}) {
    c.causal = causal;
    c.isRounded = true;
    auto results = run(c.text(), arguments(c), {{c.rows, c.heads * c.valueWidth}});
    ASSERT_EQ(results.size(), 1u);
    expectNear(results[0], c.expected());
  }
}

TEST_P(MatrixAttentionTest, GivesARowTheSameBitsInAnyCompany) {
  Case c{2, 2, 64, 64, 430, 150};
  fillRounded(c);
  checkRows(c);
}

INSTANTIATE_TEST_SUITE_P(Targets, MatrixAttentionTest, ::testing::Values("x86-64-v4-amx"), targetTestName);
HALYARD_INSTANTIATE_FOR_TARGETS(AttentionTest);

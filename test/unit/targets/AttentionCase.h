// What tests of seq.attention share: cases with their operands, as text and as plain numbers, and the formula
// computed in double.
#ifndef HALYARD_TEST_UNIT_TARGETS_ATTENTIONCASE_H
#define HALYARD_TEST_UNIT_TARGETS_ATTENTIONCASE_H

#include "KernelTestBase.h"

#include <limits>

namespace halyard::test {

/// Of results whose queries, keys and values are bf16 themselves: what rounding the weights costs.
constexpr double kBfloatTolerance = 2e-3;
/// Of any: what codes of 13 bits and more cost.
constexpr double kCodeTolerance = 8e-4;
constexpr double kInf = std::numeric_limits<double>::infinity();

/// A case of seq.attention with its operands. Over caches, `slot` and `position` have one entry per row, and
/// `counts` one per slot unless the attention is causal.
struct AttentionCase {
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
    mlir::MLIRContext *context = query.elementType.getContext();
    mlir::Type element = isCoded ? mlir::Type(mlir::IntegerType::get(context, 8))
                                 : mlir::Type(mlir::Float32Type::get(context));
    return seq::CacheType::get(context, keys, kvHeads * features, element,
                               seq::BlocksAttr::get(context, kvHeads, blockRows, form));
  }
  seq::CacheType scaleType() const {
    mlir::MLIRContext *context = query.elementType.getContext();
    return seq::CacheType::get(context, keys, kvHeads, mlir::Float32Type::get(context),
                               seq::BlocksAttr::get(context, kvHeads, blockRows, seq::BlockForm::rows));
  }
  static std::string typeText(mlir::Type type) {
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
  void fill(AttentionCase &c) {
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

  std::vector<CompiledKernel::Argument> caches(const AttentionCase &c) {
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

  std::vector<CompiledKernel::Argument> arguments(const AttentionCase &c) {
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

  static double roundedTolerance() {
    return GetParam() == "x86-64-v4-amx" ? kBfloatTolerance : kCodeTolerance;
  }

  void check(const AttentionCase &c) {
    SCOPED_TRACE(c.text());
    auto results = run(c.text(), arguments(c), {{c.rows, c.heads * c.valueWidth}});
    ASSERT_EQ(results.size(), 1u);
    expectNear(results[0], c.expected(), c.isRounded ? roundedTolerance() : c.isCoded ? 2e-4 : 1e-5);
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
  void checkRows(const AttentionCase &whole);
};

} // namespace halyard::test

#endif

// The model's generation settings as a `halyard_generation` of C; see the header. The order is the struct's.
#include "compiler/pipelines/emit/GenerationSettings.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace halyard::emit {

namespace {

/// Writes one setting after the other.
class Writer {
public:
  Writer(DictionaryAttr settings, std::string &definitions) : settings(settings), definitions(definitions) {}

  void integer(StringRef key, int64_t absent) {
    auto value = get<IntegerAttr>(key);
    SmallVector<int64_t> list = ids(key);
    add(std::to_string(value ? value.getInt() : list.empty() ? absent : list.front()));
  }
  void real(StringRef key, double absent) {
    auto value = get<FloatAttr>(key);
    auto whole = get<IntegerAttr>(key);
    double number = value ? value.getValueAsDouble() : whole ? static_cast<double>(whole.getInt()) : absent;
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%.9g", number);
    add(text.find_first_of(".en") == std::string::npos ? text + ".0f" : text + "f");
  }
  /// A list of ids, or one id.
  void list(StringRef key) { addList(key, ids(key)); }
  /// Pairs one after the other; those of which a part is null decide nothing and are left out.
  void pairs(StringRef key) {
    SmallVector<int64_t> flat;
    for (ArrayRef<int64_t> pair : lists(key))
      if (pair.size() == 2 && pair[0] >= 0 && pair[1] >= 0)
        flat.append(pair.begin(), pair.end());
    addList(key, flat);
  }
  /// Sequences one after the other, each after its length.
  void sequences(StringRef key) {
    SmallVector<int64_t> flat;
    for (ArrayRef<int64_t> sequence : lists(key)) {
      flat.push_back(sequence.size());
      flat.append(sequence.begin(), sequence.end());
    }
    addList(key, flat);
  }
  void earlyStopping() {
    auto flag = get<BoolAttr>("early_stopping");
    bool never = get<StringAttr>("early_stopping") != nullptr;
    add(never ? "2" : flag && flag.getValue() ? "1" : "0");
  }
  std::string take() { return "{" + llvm::join(fields, ", ") + "}"; }

private:
  template <typename T> T get(StringRef key) const { return settings ? settings.getAs<T>(key) : T(); }

  SmallVector<int64_t> ids(StringRef key) const {
    if (auto one = get<IntegerAttr>(key); one && one.getInt() >= 0)
      return {one.getInt()};
    if (auto several = get<DenseI64ArrayAttr>(key))
      return SmallVector<int64_t>(several.asArrayRef());
    return {};
  }
  SmallVector<ArrayRef<int64_t>> lists(StringRef key) const {
    SmallVector<ArrayRef<int64_t>> result;
    if (auto several = get<ArrayAttr>(key))
      for (auto one : several.getAsRange<DenseI64ArrayAttr>())
        result.push_back(one.asArrayRef());
    return result;
  }
  void add(const Twine &field) { fields.push_back(field.str()); }
  void addList(StringRef key, ArrayRef<int64_t> values) {
    if (values.empty())
      return add("{nullptr, 0}");
    std::string name = "k_" + key.str();
    auto numbers = llvm::map_range(values, [](int64_t value) { return std::to_string(value); });
    definitions += "\nstatic const int32_t " + name + "[] = {" + llvm::join(numbers, ", ") + "};\n";
    add("{" + name + ", " + Twine(values.size()) + "}");
  }

  DictionaryAttr settings;
  std::string &definitions;
  SmallVector<std::string> fields;
};

} // namespace

std::string generationSettings(DictionaryAttr settings, std::string &definitions) {
  Writer writer(settings, definitions);
  writer.integer("decoder_start_token_id", -1);
  writer.integer("pad_token_id", -1);
  writer.list("eos_token_id");
  writer.integer("forced_bos_token_id", -1);
  writer.list("forced_eos_token_id");
  writer.list("suppress_tokens");
  writer.list("begin_suppress_tokens");
  writer.pairs("forced_decoder_ids");
  writer.sequences("bad_words_ids");
  for (StringRef length : {"min_length", "min_new_tokens", "max_length", "max_new_tokens",
                           "no_repeat_ngram_size", "encoder_no_repeat_ngram_size"})
    writer.integer(length, 0);
  writer.real("repetition_penalty", 1);
  writer.real("encoder_repetition_penalty", 1);
  writer.integer("num_beams", 1);
  writer.real("length_penalty", 1);
  writer.earlyStopping();
  return writer.take();
}

} // namespace halyard::emit

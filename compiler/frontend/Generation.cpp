// transformers' precedence: generation_config.json, where there is one, is all that counts, but for special
// tokens that it leaves out; without it the settings are those of config.json, then of its decoder's part.
#include "compiler/frontend/Generation.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using nlohmann::json;

namespace {

/// Settings that a config.json may hold among many other things.
constexpr StringLiteral kSettings[] = {"bad_words_ids",
                                       "begin_suppress_tokens",
                                       "bos_token_id",
                                       "decoder_start_token_id",
                                       "do_sample",
                                       "early_stopping",
                                       "encoder_no_repeat_ngram_size",
                                       "eos_token_id",
                                       "forced_bos_token_id",
                                       "forced_decoder_ids",
                                       "forced_eos_token_id",
                                       "length_penalty",
                                       "max_length",
                                       "max_new_tokens",
                                       "min_length",
                                       "min_new_tokens",
                                       "no_repeat_ngram_size",
                                       "num_beams",
                                       "pad_token_id",
                                       "renormalize_logits",
                                       "repetition_penalty",
                                       "suppress_tokens",
                                       "temperature",
                                       "top_k",
                                       "top_p",
                                       "encoder_repetition_penalty"};

constexpr StringLiteral kSpecialTokens[] = {"bos_token_id", "decoder_start_token_id", "eos_token_id",
                                            "pad_token_id"};

/// Parts of a composite model's config.json that speak for the decoder.
constexpr StringLiteral kDecoderParts[] = {"decoder", "text_config", "generator"};

bool isReal(StringRef key) {
  return llvm::StringSwitch<bool>(key)
      .Cases({"length_penalty", "repetition_penalty", "encoder_repetition_penalty", "temperature", "top_p"},
             true)
      .Cases({"min_p", "typical_p", "diversity_penalty", "epsilon_cutoff", "eta_cutoff"}, true)
      .Default(false);
}

json mergeSettings(const json &config, const json &generationConfig) {
  json settings = generationConfig;
  auto take = [&](StringRef key, const json &from) {
    const json *present = halyard::onnx::findJson(settings, key), *value = halyard::onnx::findJson(from, key);
    if (!present && value)
      settings[key.str()] = *value;
  };
  ArrayRef<StringLiteral> keys = kSettings;
  if (!generationConfig.empty())
    keys = kSpecialTokens;
  for (StringRef key : keys) {
    take(key, config);
    for (StringRef part : kDecoderParts)
      if (const json *decoder = halyard::onnx::findJson(config, part))
        take(key, *decoder);
  }
  if (const json *bos = halyard::onnx::findJson(settings, "bos_token_id");
      bos && !halyard::onnx::findJson(settings, "decoder_start_token_id"))
    settings["decoder_start_token_id"] = *bos;
  return settings;
}

std::optional<SmallVector<int64_t>> integers(const json &array) {
  SmallVector<int64_t> values;
  for (const json &element : array) {
    if (!element.is_number_integer() && !element.is_null())
      return std::nullopt;
    values.push_back(element.is_null() ? -1 : element.get<int64_t>());
  }
  return values;
}

/// The attribute of a setting; null for a value that has no form here (it matters to nobody then).
Attribute toAttribute(Builder &builder, StringRef key, const json &value) {
  if (value.is_boolean())
    return builder.getBoolAttr(value.get<bool>());
  if (value.is_number_float() || (value.is_number() && isReal(key)))
    return builder.getF64FloatAttr(value.get<double>());
  if (value.is_number_integer())
    return builder.getI64IntegerAttr(value.get<int64_t>());
  if (value.is_string())
    return builder.getStringAttr(value.get_ref<const std::string &>());
  if (value.is_object()) {
    SmallVector<NamedAttribute> entries;
    for (const auto &[name, element] : value.items())
      if (Attribute attribute = toAttribute(builder, name, element); attribute && !name.empty())
        entries.push_back(builder.getNamedAttr(name, attribute));
    return builder.getDictionaryAttr(entries);
  }
  if (!value.is_array())
    return nullptr;
  if (auto flat = integers(value))
    return builder.getDenseI64ArrayAttr(*flat);
  SmallVector<Attribute> lists;
  for (const json &element : value) {
    auto list = element.is_array() ? integers(element) : std::nullopt;
    if (!list)
      return nullptr;
    lists.push_back(builder.getDenseI64ArrayAttr(*list));
  }
  return builder.getArrayAttr(lists);
}

} // namespace

FailureOr<DictionaryAttr> halyard::onnx::generationSettings(Location location, const json &config,
                                                            const json &generationConfig) {
  json settings = mergeSettings(config, generationConfig);
  for (StringRef key : kSpecialTokens) {
    const json *value = findJson(settings, key);
    if (value && !value->is_number_integer() && !(value->is_array() && integers(*value)))
      return emitError(location) << "setting '" << key << "' is " << value->dump()
                                 << ", a token id was expected";
  }
  Builder builder(location.getContext());
  SmallVector<NamedAttribute> entries;
  for (const auto &[name, value] : settings.items()) {
    StringRef key = name;
    if (key.empty() || key.starts_with("_") || key == "transformers_version")
      continue;
    if (Attribute attribute = toAttribute(builder, key, value))
      entries.push_back(builder.getNamedAttr(key, attribute));
  }
  return builder.getDictionaryAttr(entries);
}

// Names of inputs in the files of Hugging Face's exporters (Optimum, transformers.js) and of ONNX Runtime's.
#include "passes/Transforms/InterfaceRoles.h"

#include "llvm/ADT/StringSwitch.h"

using namespace halyard;
using llvm::StringRef;

const char *const halyard::knownEncoderInputs = "input_ids, input_features, input_values, pixel_values, "
                                                "flattened_patches, inputs_embeds, attention_mask and "
                                                "token_type_ids";
const char *const halyard::knownDecoderInputs =
    "input_ids or decoder_input_ids, encoder_hidden_states, encoder_attention_mask, decoder_attention_mask, "
    "position_ids, cache_position, use_cache_branch and past_key_values.N.{decoder,encoder}.{key,value}";

std::optional<InputRole> halyard::encoderRole(StringRef name) {
  return llvm::StringSwitch<std::optional<InputRole>>(name)
      .Cases({"input_ids", "encoder_input_ids", "input_features", "input_values", "pixel_values",
              "flattened_patches", "inputs_embeds", "audio_features", "encoder_input_features",
              "encoder_inputs"},
             InputRole::source)
      .Cases({"attention_mask", "encoder_attention_mask", "pixel_mask"}, InputRole::sourceMask)
      .Case("token_type_ids", InputRole::tokenTypes)
      .Case("decoder_input_ids", InputRole::tokens)
      .Default(std::nullopt);
}

/// Caches: past_key_values.0.decoder.key, past_key_values.0.key, past_key_self_0, past_value_cross_0, past_0.
static std::optional<InputRole> cacheRole(StringRef name) {
  if (!name.starts_with("past"))
    return std::nullopt;
  bool cross = name.contains(".encoder.") || name.contains("cross");
  return cross ? InputRole::crossCache : InputRole::selfCache;
}

StringRef halyard::cacheName(StringRef name) {
  for (StringRef prefix : {"past_key_values", "present_key_values", "past", "present"})
    if (name.consume_front(prefix))
      break;
  return name;
}

std::optional<InputRole> halyard::decoderRole(StringRef name, bool hasDecoderIds) {
  if (std::optional<InputRole> cache = cacheRole(name))
    return cache;
  if (name == "attention_mask")
    return hasDecoderIds ? InputRole::sourceMask : InputRole::targetMask;
  if (name == "input_ids" && hasDecoderIds)
    return std::nullopt;
  return llvm::StringSwitch<std::optional<InputRole>>(name)
      .Cases({"input_ids", "decoder_input_ids"}, InputRole::tokens)
      .Cases({"encoder_hidden_states", "encoder_outputs", "encoder_last_hidden_state", "last_hidden_state"},
             InputRole::memory)
      .Case("encoder_attention_mask", InputRole::sourceMask)
      .Case("decoder_attention_mask", InputRole::targetMask)
      .Cases({"position_ids", "decoder_position_ids", "cache_position"}, InputRole::positions)
      .Case("token_type_ids", InputRole::tokenTypes)
      .Case("use_cache_branch", InputRole::useCache)
      .Default(std::nullopt);
}

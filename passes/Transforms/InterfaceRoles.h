// What an input of an encoder or decoder file is, by the names under which exporters publish it.
#ifndef HALYARD_PASSES_TRANSFORMS_INTERFACEROLES_H
#define HALYARD_PASSES_TRANSFORMS_INTERFACEROLES_H

#include "llvm/ADT/StringRef.h"

#include <optional>

namespace halyard {

enum class InputRole {
  source,     // what the encoder reads: ids, features, samples, pixels, patches
  tokens,     // ids of the decoder rows
  memory,     // the encoder's last hidden state
  sourceMask, // one per source position that is there
  targetMask, // one per decoder row that is there
  positions,  // 0, 1, 2, ... for the decoder rows (`position_ids`, with a batch axis, or `cache_position`,
              // without)
  tokenTypes, // segment ids, all zero for a single segment
  useCache,   // whether a merged decoder reads its caches
  selfCache,  // keys or values of self-attention for rows already decoded
  crossCache  // keys or values of cross-attention
};

/// The role of an encoder's input; none for a name that is not known. Files of the encoder and the decoder's
/// first step together have the decoder's tokens as well.
std::optional<InputRole> encoderRole(llvm::StringRef name);

/// The role of a decoder's input. `hasDecoderIds` tells files whose ids are called `decoder_input_ids`:
/// there, `attention_mask` is the encoder's; elsewhere it is the decoder's own.
std::optional<InputRole> decoderRole(llvm::StringRef name, bool hasDecoderIds);

/// What an input of a decoder and the output it continues have in common in their names: that of
/// `past_key_values.0.encoder.key` and `present.0.encoder.key`, of `past_key_cross_0` and
/// `present_key_cross_0`.
llvm::StringRef cacheName(llvm::StringRef name);

/// Names to be listed where one is not known.
extern const char *const knownEncoderInputs;
extern const char *const knownDecoderInputs;

} // namespace halyard

#endif

// Weights as an Ethos-U reads them: a stream of codes in the order in which they are multiplied.
#ifndef HALYARD_TEST_ETHOSU_EMULATOR_WEIGHTSTREAM_H
#define HALYARD_TEST_ETHOSU_EMULATOR_WEIGHTSTREAM_H

#include "Array.h"

#include <stdint.h>

namespace ethosu {

/// The codes of a compressed stream (the decoder that all of them have). False if it is damaged.
bool decodeWeights(const uint8_t *stream, size_t bytes, Array<int16_t> &codes);

/// Those of a stream for the Ethos-U85's fast decoder, as far as it holds `count` codes as they are. False if
/// it does not.
bool readWeights(const uint8_t *stream, size_t bytes, size_t count, Array<int16_t> &codes);

} // namespace ethosu

#endif

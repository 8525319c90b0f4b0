// Runs the commands of an Ethos-U, as far as linear layers need them.
#ifndef HALYARD_TEST_ETHOSU_EMULATOR_COMMANDS_H
#define HALYARD_TEST_ETHOSU_EMULATOR_COMMANDS_H

#include <stddef.h>
#include <stdint.h>

namespace ethosu {

struct Region {
  uint8_t *base;
  size_t bytes;
};

/// What a driver is given: `payload` begins with "COP1". Null if all was done, or a word for what was not
/// understood or would have reached outside the regions.
const char *run(const void *payload, size_t bytes, const Region *regions, int count);

} // namespace ethosu

#endif

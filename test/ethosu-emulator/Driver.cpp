// A stand-in for Arm's driver: the functions that the runtime calls (runtime/ethosu/Driver.h), for programs
// that run where there is no NPU.
#include "Commands.h"

#include <stdio.h>

struct ethosu_driver {
  int runs;
};

extern "C" {

ethosu_driver *ethosu_reserve_driver(void) {
  static ethosu_driver only;
  return &only;
}

void ethosu_release_driver(ethosu_driver *) {}

int ethosu_invoke_v3(ethosu_driver *driver, const void *commands, const int command_bytes,
                     uint64_t *const base_addresses, const size_t *base_bytes, const int bases, void *) {
  ethosu::Region regions[8] = {};
  if (bases > 8)
    return -1;
  for (int i = 0; i < bases; ++i) {
    if (base_addresses[i] % 16)
      return -1; // as the NPU's bus wants it
    regions[i] = {reinterpret_cast<uint8_t *>(uintptr_t(base_addresses[i])), base_bytes[i]};
  }
  const char *problem = ethosu::run(commands, size_t(command_bytes), regions, bases);
  if (problem)
    fprintf(stderr, "ethosu-emulator: %s\n", problem);
  ++driver->runs;
  return problem ? -1 : 0;
}
}

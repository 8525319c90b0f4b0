/* What is used of Arm's driver for the Ethos-U (ethos-u-core-driver), which is linked into a program beside
 * the artifact: initialised, with its interrupt handler installed, before the first layer runs. */
#ifndef HALYARD_ETHOSU_DRIVER_H
#define HALYARD_ETHOSU_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ethosu_driver;

/* Waits for an NPU that is free. Null if there is none. */
struct ethosu_driver *ethosu_reserve_driver(void);
void ethosu_release_driver(struct ethosu_driver *driver);

/* Runs commands to their end, with the addresses of the regions that they name, and how long these are.
 * Returns 0, or a negative number. */
int ethosu_invoke_v3(struct ethosu_driver *driver, const void *commands, const int command_bytes,
                     uint64_t *const base_addresses, const size_t *base_bytes, const int bases, void *user);

#ifdef __cplusplus
}
#endif
#endif

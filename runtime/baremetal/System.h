/* What a program asks of the system or of the emulator that runs it, where there is no C library. A folder of
 * the runtime for a processor defines these functions.
 */
#ifndef HALYARD_BAREMETAL_SYSTEM_H
#define HALYARD_BAREMETAL_SYSTEM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Files: a number, or less than 0 if there is none. `isNew` makes it, or empties it, for writing. */
int32_t halyard_system_open(const char *path, int32_t isNew);
/* How many bytes were read or written; 0 at the end, less than 0 for a failure. */
int32_t halyard_system_read(int32_t file, void *data, uint32_t bytes);
int32_t halyard_system_write(int32_t file, const void *data, uint32_t bytes);
int32_t halyard_system_close(int32_t file);
/* Memory that is zero and never given back, aligned to 128 bytes; null if there is none left. */
void *halyard_system_memory(uint32_t bytes);
__attribute__((noreturn)) void halyard_system_exit(int32_t status);

#ifdef __cplusplus
}
#endif
#endif

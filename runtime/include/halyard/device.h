/* Programs whose kernels run on a device with memory of its own.
 *
 * Such a program's arena, as the caller has it, is the header alone (arena.h); all else lies in the device's
 * memory, as do copies of the weights, shared by the arenas of a process. They are made when an arena encodes
 * its first source and go with halyard_session_close. A step's kernels are recorded when a number of rows
 * comes for the second time, and replayed from then on, if the driver can do that.
 */
#ifndef HALYARD_DEVICE_H
#define HALYARD_DEVICE_H

#include "program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The two functions of a program as the compiler writes them, with addresses in the device's memory (encode's
 * sources are in the processor's, but not what they point to), and what they need of it. */
typedef struct halyard_device_program {
  const halyard_program *program;
  uint64_t arena_bytes;
  int32_t (*encode)(void *arena, const void *weights, int32_t count, const void *sources);
  int32_t (*step)(void *arena, const void *weights, int32_t rows, const void *token, const void *slot,
                  const void *position, void *logits);
} halyard_device_program;

/* What the functions of halyard_program do, encode for one source. Arguments were checked. */
int halyard_device_encode(const halyard_device_program *of, void *arena, const void *weights,
                          const halyard_source *source);
int halyard_device_step(const halyard_device_program *of, void *arena, const void *weights, int32_t rows,
                        const int32_t *token, const int32_t *slot, const int32_t *position, float *logits);
int halyard_device_choose(void *arena, int32_t rows, int32_t *token);
int halyard_device_move(void *arena, uint64_t to, uint64_t from, uint64_t bytes);
void halyard_device_release(void *arena);

/* Copies that a program's functions ask for between kernels, in their order. */
void halyard_device_copy(void *to, const void *from, uint64_t bytes);
void halyard_device_upload(void *to, const void *from, uint64_t bytes);

#ifdef __cplusplus
} // extern "C"
#endif
#endif

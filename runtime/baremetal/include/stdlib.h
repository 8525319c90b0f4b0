/* The part of the C library's stdlib.h that the runtime needs, for systems without a C library. What is freed
 * is not given again: a program answers one question and ends.
 */
#ifndef HALYARD_BAREMETAL_STDLIB_H
#define HALYARD_BAREMETAL_STDLIB_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *calloc(size_t count, size_t bytes);
void *realloc(void *memory, size_t bytes);
void *aligned_alloc(size_t alignment, size_t bytes);
void free(void *memory);
__attribute__((noreturn)) void abort(void);

#ifdef __cplusplus
}
#endif
#endif

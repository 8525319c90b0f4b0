/* The part of the C library's string.h that the runtime needs, for systems without a C library. */
#ifndef HALYARD_BAREMETAL_STRING_H
#define HALYARD_BAREMETAL_STRING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *text);

#ifdef __cplusplus
}
#endif
#endif

// The C library's memory functions over memory that only grows.
#include "System.h"

#include <stdlib.h>
#include <string.h>

/// Before every block, as long as the strictest alignment.
static constexpr size_t kHead = 128;

static void *allocate(size_t bytes) {
  if (bytes > UINT32_MAX / 2)
    return nullptr;
  auto *block = static_cast<uint8_t *>(halyard_system_memory(static_cast<uint32_t>(kHead + bytes)));
  if (!block)
    return nullptr;
  memcpy(block, &bytes, sizeof(bytes));
  return block + kHead;
}

extern "C" {

void *calloc(size_t count, size_t bytes) {
  return bytes && count > UINT32_MAX / bytes ? nullptr : allocate(count * bytes);
}

void *realloc(void *memory, size_t bytes) {
  void *block = allocate(bytes);
  size_t had = 0;
  if (!block || !memory)
    return block;
  memcpy(&had, static_cast<uint8_t *>(memory) - kHead, sizeof(had));
  memcpy(block, memory, had < bytes ? had : bytes);
  return block;
}

void *aligned_alloc(size_t alignment, size_t bytes) { return alignment > kHead ? nullptr : allocate(bytes); }
void free(void *) {}
void abort() { halyard_system_exit(1); }
}

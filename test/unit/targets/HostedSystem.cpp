// What a kernel's driver asks of a system, where there is a C library.
#include "baremetal/System.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern "C" {

int32_t halyard_system_open(const char *path, int32_t isNew) {
  return isNew ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : open(path, O_RDONLY);
}
int32_t halyard_system_read(int32_t file, void *data, uint32_t bytes) {
  return static_cast<int32_t>(read(file, data, bytes));
}
int32_t halyard_system_write(int32_t file, const void *data, uint32_t bytes) {
  return static_cast<int32_t>(write(file, data, bytes));
}
int32_t halyard_system_close(int32_t file) { return close(file); }

void *halyard_system_memory(uint32_t bytes) {
  size_t whole = (size_t(bytes) + 127) / 128 * 128;
  void *memory = aligned_alloc(128, whole);
  return memory ? memset(memory, 0, whole) : nullptr;
}

void halyard_system_exit(int32_t status) { exit(status); }
}

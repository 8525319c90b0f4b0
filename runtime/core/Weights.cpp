// Weights: mapped from a file where there is a file system, or given in memory.
//
// HALYARD_NO_FILES leaves the file system out; weights are then linked into the program.
#include "halyard/weights.h"
#include "halyard/session.h"

#ifndef HALYARD_NO_FILES
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

int halyard_weights_from_memory(const halyard_program *program, const void *data, uint64_t bytes,
                                halyard_weights *weights) {
  *weights = {nullptr, 0, 0};
  if (program->abi != HALYARD_ABI)
    return halyard_bad_abi;
  if (!data || reinterpret_cast<uintptr_t>(data) % HALYARD_ALIGNMENT)
    return halyard_bad_memory;
  if (bytes < sizeof(halyard_weights_header) || bytes != program->weights_bytes)
    return halyard_bad_weights;
  const halyard_weights_header &header = *static_cast<const halyard_weights_header *>(data);
  if (header.magic != HALYARD_WEIGHTS_MAGIC || header.abi != HALYARD_ABI || header.bytes != bytes ||
      header.checksum != program->weights_checksum)
    return halyard_bad_weights;
  *weights = {data, bytes, 0};
  return halyard_ok;
}

int halyard_weights_verify(const halyard_program *program, const halyard_weights *weights) {
  const uint8_t *tensors = static_cast<const uint8_t *>(weights->data) + sizeof(halyard_weights_header);
  halyard_checksum sum = halyard_checksum_begin();
  halyard_checksum_add(&sum, tensors, weights->bytes - sizeof(halyard_weights_header));
  return halyard_checksum_end(&sum) == program->weights_checksum ? halyard_ok : halyard_bad_weights;
}

#ifdef HALYARD_NO_FILES

int halyard_weights_open(const halyard_program *, const char *, halyard_weights *weights) {
  *weights = {nullptr, 0, 0};
  return halyard_cannot_read;
}

void halyard_weights_close(halyard_weights *weights) { *weights = {nullptr, 0, 0}; }

#else

int halyard_weights_open(const halyard_program *program, const char *path, halyard_weights *weights) {
  *weights = {nullptr, 0, 0};
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return halyard_cannot_read;
  struct stat status;
  if (fstat(file, &status) || !S_ISREG(status.st_mode)) {
    close(file);
    return halyard_cannot_read;
  }
  uint64_t bytes = static_cast<uint64_t>(status.st_size);
  if (bytes != program->weights_bytes || bytes == 0) {
    close(file);
    return program->abi == HALYARD_ABI ? halyard_bad_weights : halyard_bad_abi;
  }
  void *data = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (data == MAP_FAILED)
    return halyard_cannot_read;
  int result = halyard_weights_from_memory(program, data, bytes, weights);
  if (result)
    munmap(data, bytes);
  else
    weights->mapped = 1;
  return result;
}

void halyard_weights_close(halyard_weights *weights) {
  if (weights->mapped)
    munmap(const_cast<void *>(weights->data), weights->bytes);
  *weights = {nullptr, 0, 0};
}

#endif

// The program of a system without a C library: answers a question of `halyard run` (Answer.h), and has its
// weights inside.
//
//   NAME --question FILE --answer FILE [--threads N]
//
// Compiled with -DHALYARD_PROGRAM=NAME_program -DHALYARD_WEIGHTS=NAME_weights. Exit status: 0 done; 1 a file
// cannot be read or written; 2 the command line is at fault.
#include "../baremetal/System.h"
#include "Answer.h"

#include <stdlib.h>
#include <string.h>

extern "C" const halyard_program HALYARD_PROGRAM;
extern "C" const uint8_t HALYARD_WEIGHTS[];

namespace {

const halyard_program &program = HALYARD_PROGRAM;

/// A file that is written in order; remembers whether all went well.
struct Output {
  int32_t file;
  bool isFine = true;

  void write(const void *data, uint64_t bytes) {
    for (const uint8_t *at = static_cast<const uint8_t *>(data); isFine && bytes;) {
      int32_t written = halyard_system_write(file, at, static_cast<uint32_t>(bytes));
      isFine = written > 0;
      at += written;
      bytes -= static_cast<uint64_t>(isFine ? written : 0);
    }
  }
};

/// All of a file, aligned for everything; null if it cannot be read.
uint8_t *readFile(const char *path, uint64_t &bytes) {
  int32_t file = halyard_system_open(path, /*isNew=*/0);
  uint32_t room = 1 << 16, used = 0;
  auto *data = static_cast<uint8_t *>(calloc(room, 1));
  for (int32_t got = 1; data && file >= 0 && got > 0; used += static_cast<uint32_t>(got)) {
    if (used == room)
      data = static_cast<uint8_t *>(realloc(data, room *= 2));
    got = data ? halyard_system_read(file, data + used, room - used) : -1;
    if (got < 0)
      return nullptr;
  }
  bytes = used;
  return file < 0 ? nullptr : data;
}

int answer(const char *question, const char *path) {
  uint64_t bytes = 0;
  const uint8_t *asked = readFile(question, bytes);
  Output output = {halyard_system_open(path, /*isNew=*/1)};
  if (!asked || output.file < 0)
    return 1;
  halyard_answer_to to = {
      [](void *user, const void *data, uint64_t size) { static_cast<Output *>(user)->write(data, size); },
      &output};
  halyard_weights weights = {};
  halyard_error error = {halyard_ok, -1, 0, 0};
  error.status = halyard_weights_from_memory(&program, HALYARD_WEIGHTS, program.weights_bytes, &weights);
  if (!error.status)
    error.status = halyard_weights_verify(&program, &weights);
  if (error.status)
    halyard_answer_error(error, to);
  else
    halyard_answer_question(program, weights, asked, bytes, to);
  return halyard_system_close(output.file) < 0 || !output.isFine;
}

bool isEqual(const char *a, const char *b) {
  size_t length = strlen(a);
  return length == strlen(b) && memcmp(a, b, length) == 0;
}

} // namespace

int main(int argc, char **argv) {
  const char *question = nullptr, *told = nullptr;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (isEqual(argv[i], "--question"))
      question = argv[i + 1];
    else if (isEqual(argv[i], "--answer"))
      told = argv[i + 1];
    else if (!isEqual(argv[i], "--threads"))
      return 2;
  }
  return question && told ? answer(question, told) : 2;
}

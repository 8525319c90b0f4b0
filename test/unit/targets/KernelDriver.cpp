// A program around one kernel, for machines that only an emulator runs: reads arguments from a file, calls
// the kernel, writes its results to another. Both are sequences of 32-bit integers and of elements, in the
// processor's order of bytes, as ForeignKernel.cpp writes and reads them.
#include "halyard/kernel.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

/// Integers and pointers go through registers and the stack alike, so that any kernel can be called with 16
/// words. The linker is told which kernel this is.
extern "C" int halyard_test_kernel(intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t,
                                   intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t,
                                   intptr_t, intptr_t);

/// Serial stand-in for the artifact's thread pool.
extern "C" int halide_do_par_for(void *context, int (*task)(void *, int, uint8_t *), int min, int size,
                                 uint8_t *closure) {
  for (int i = min; i < min + size; ++i)
    if (int status = task(context, i, closure))
      return status;
  return 0;
}

static std::vector<int32_t> fetched;

extern "C" int32_t halyard_prefetch(const char *, int64_t offset, int32_t lines) {
  fetched.push_back(static_cast<int32_t>(offset));
  fetched.push_back(lines * 64);
  return 0;
}

namespace {
constexpr int32_t kScalar = 0, kArgument = 1;
constexpr size_t kGuard = 64;
constexpr unsigned char kUntouched = 0xA5;

[[noreturn]] void fail(const char *what) {
  fprintf(stderr, "kernel driver: %s\n", what);
  exit(1);
}

void read(FILE *file, void *to, size_t bytes) {
  if (bytes && fread(to, 1, bytes, file) != bytes)
    fail("the arguments end too early");
}

int32_t readInteger(FILE *file) {
  int32_t value;
  read(file, &value, sizeof(value));
  return value;
}

/// A tensor between bytes that must not be touched.
struct Tensor {
  void readFrom(FILE *file, bool isResult) {
    dims.resize(size_t(readInteger(file)));
    int32_t stride = 1;
    for (halyard_dimension &dim : dims) {
      dim = {0, readInteger(file), stride, 0};
      stride *= dim.extent;
    }
    bytes = size_t(readInteger(file));
    memory.assign(bytes + 2 * kGuard, kUntouched);
    if (!isResult)
      read(file, memory.data() + kGuard, bytes);
    buffer.host = memory.data() + kGuard;
    buffer.dimensions = int32_t(dims.size());
    buffer.dim = dims.data();
  }

  bool keptItsBounds() const {
    for (size_t i = 0; i < kGuard; ++i)
      if (memory[i] != kUntouched || memory[memory.size() - 1 - i] != kUntouched)
        return false;
    return true;
  }

  size_t bytes = 0;
  std::vector<unsigned char> memory;
  std::vector<halyard_dimension> dims;
  halyard_buffer buffer = {};
};
} // namespace

int main(int argc, char **argv) {
  FILE *from = argc == 3 ? fopen(argv[1], "rb") : nullptr;
  if (!from)
    fail("usage: ARGUMENTS RESULTS");
  int32_t count = readInteger(from);
  std::vector<Tensor> tensors(static_cast<size_t>(count));
  std::vector<bool> isResult;
  intptr_t w[16] = {};
  for (int32_t i = 0; i < count; ++i) {
    int32_t kind = readInteger(from);
    isResult.push_back(kind > kArgument);
    if (kind == kScalar) {
      w[i] = readInteger(from);
      continue;
    }
    tensors[size_t(i)].readFrom(from, isResult.back());
    w[i] = reinterpret_cast<intptr_t>(&tensors[size_t(i)].buffer);
  }
  if (halyard_test_kernel(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11], w[12],
                          w[13], w[14], w[15]))
    fail("the kernel returns an error");
  FILE *to = fopen(argv[2], "wb");
  if (!to)
    fail("no file for results");
  for (int32_t i = 0; i < count; ++i) {
    const Tensor &tensor = tensors[size_t(i)];
    if (!tensor.memory.empty() && !tensor.keptItsBounds())
      fail("the kernel writes past a buffer");
    if (isResult[size_t(i)])
      fwrite(tensor.buffer.host, 1, tensor.bytes, to);
  }
  fwrite(fetched.data(), sizeof(int32_t), fetched.size(), to);
  return fclose(to);
}

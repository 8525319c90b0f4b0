// A program around one kernel, for machines that only an emulator runs and for devices: reads arguments from
// a file, calls the kernel, writes its results to another. Both are sequences of 32-bit integers and of
// elements, in the processor's order of bytes, as ForeignKernel.cpp writes and reads them. It needs no C
// library: what it asks of a system is runtime/baremetal/System.h.
//
// With -DHALYARD_DEVICE, tensors lie in the memory of the device whose driver it is linked with.
#include "baremetal/System.h"
#include "halyard/kernel.h"

#ifdef HALYARD_DEVICE
#include "device/Driver.h"
#endif

/// Integers and pointers go through registers and the stack alike, so that any kernel can be called with 16
/// words. The linker is told which kernel this is.
extern "C" int halyard_test_kernel(intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t,
                                   intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t,
                                   intptr_t, intptr_t);

namespace {
constexpr int32_t kScalar = 0, kArgument = 1, kMostArguments = 16, kMostDims = 8;
constexpr uint32_t kGuard = 64;
constexpr uint8_t kUntouched = 0xA5;

[[noreturn]] void fail(const char *what) {
  halyard_system_write(2, "kernel driver: ", 15);
  halyard_system_write(2, what, static_cast<uint32_t>(strlen(what)));
  halyard_system_write(2, "\n", 1);
  halyard_system_exit(1);
}

/// A file that is read or written in order.
struct File {
  File(const char *path, bool isNew) : number(halyard_system_open(path, isNew)) {
    if (number < 0)
      fail("a file cannot be opened");
  }

  void read(void *to, uint32_t bytes) {
    for (auto *at = static_cast<uint8_t *>(to); bytes;) {
      int32_t got = halyard_system_read(number, at, bytes);
      if (got <= 0)
        fail("the arguments end too early");
      at += got;
      bytes -= static_cast<uint32_t>(got);
    }
  }
  int32_t readInteger() {
    int32_t value;
    read(&value, sizeof(value));
    return value;
  }

  void write(const void *from, uint32_t bytes) {
    for (auto *at = static_cast<const uint8_t *>(from); bytes;) {
      int32_t written = halyard_system_write(number, at, bytes);
      if (written <= 0)
        fail("the results cannot be written");
      at += written;
      bytes -= static_cast<uint32_t>(written);
    }
  }

  int32_t number;
};

#ifdef HALYARD_DEVICE
using namespace halyard;

void openDevice() {
  if (device::open() || !device::openQueue())
    fail("no device");
}
uint8_t *place(uint8_t *from, uint32_t bytes) {
  void *to = device::allocate(bytes);
  device::upload(to, from, bytes);
  return static_cast<uint8_t *>(to);
}
void fetch(uint8_t *to, const uint8_t *from, uint32_t bytes) { device::download(to, from, bytes); }
void finish() {
  if (device::finish())
    fail("the device fails");
}
#else
void openDevice() {}
uint8_t *place(uint8_t *from, uint32_t) { return from; }
void fetch(uint8_t *, const uint8_t *, uint32_t) {}
void finish() {}
#endif

/// A tensor between bytes that must not be touched.
struct Tensor {
  void readFrom(File &file, bool isResult) {
    buffer.dimensions = file.readInteger();
    buffer.dim = dims;
    if (buffer.dimensions > kMostDims)
      fail("too many dimensions");
    int32_t stride = 1;
    for (int32_t i = 0; i < buffer.dimensions; ++i) {
      dims[i] = {0, file.readInteger(), stride, 0};
      stride *= dims[i].extent;
    }
    bytes = static_cast<uint32_t>(file.readInteger());
    memory = static_cast<uint8_t *>(halyard_system_memory(bytes + 2 * kGuard));
    if (!memory)
      fail("no memory");
    memset(memory, kUntouched, bytes + 2 * kGuard);
    if (!isResult)
      file.read(memory + kGuard, bytes);
    placed = place(memory, bytes + 2 * kGuard);
    buffer.host = placed + kGuard;
    buffer.device = reinterpret_cast<uintptr_t>(buffer.host);
  }

  bool keptItsBounds() const {
    for (uint32_t i = 0; i < kGuard; ++i)
      if (memory[i] != kUntouched || memory[kGuard + bytes + i] != kUntouched)
        return false;
    return true;
  }

  uint32_t bytes;
  uint8_t *memory, *placed;
  halyard_dimension dims[kMostDims];
  halyard_buffer buffer;
};

Tensor tensors[kMostArguments];
bool isResult[kMostArguments];
int32_t fetched[1 << 16];
uint32_t fetchedCount;
} // namespace

/// Serial stand-in for the artifact's thread pool.
extern "C" int halide_do_par_for(void *context, int (*task)(void *, int, uint8_t *), int min, int size,
                                 uint8_t *closure) {
  for (int i = min; i < min + size; ++i)
    if (int status = task(context, i, closure))
      return status;
  return 0;
}

extern "C" int32_t halyard_prefetch(const char *, int64_t offset, int32_t lines) {
  if (fetchedCount + 2 > sizeof(fetched) / sizeof(*fetched))
    fail("too much is fetched ahead");
  fetched[fetchedCount++] = static_cast<int32_t>(offset);
  fetched[fetchedCount++] = lines * 64;
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3)
    fail("usage: ARGUMENTS RESULTS");
  openDevice();
  File from(argv[1], /*isNew=*/false);
  int32_t count = from.readInteger();
  if (count > kMostArguments)
    fail("too many arguments");
  intptr_t w[kMostArguments] = {};
  for (int32_t i = 0; i < count; ++i) {
    int32_t kind = from.readInteger();
    isResult[i] = kind > kArgument;
    if (kind == kScalar) {
      w[i] = from.readInteger();
      continue;
    }
    tensors[i].readFrom(from, isResult[i]);
    w[i] = reinterpret_cast<intptr_t>(&tensors[i].buffer);
  }
  if (halyard_test_kernel(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11], w[12],
                          w[13], w[14], w[15]))
    fail("the kernel returns an error");
  for (int32_t i = 0; i < count; ++i)
    if (tensors[i].memory)
      fetch(tensors[i].memory, tensors[i].placed, tensors[i].bytes + 2 * kGuard);
  finish();
  File to(argv[2], /*isNew=*/true);
  for (int32_t i = 0; i < count; ++i) {
    if (tensors[i].memory && !tensors[i].keptItsBounds())
      fail("the kernel writes past a buffer");
    if (isResult[i])
      to.write(tensors[i].memory + kGuard, tensors[i].bytes);
  }
  to.write(fetched, fetchedCount * sizeof(*fetched));
  return halyard_system_close(to.number) < 0;
}

// OpenCL. Memory is shared virtual memory, whose addresses are plain pointers: everything is laid out as for
// other devices. Kernels come from Halide: an object holds their text and code for the processor that
// computes the size of a launch and calls the functions at the end of this file.
#include "../device/Driver.h"
#include "Api.h"

#include "halyard/kernel.h"

#include <dlfcn.h>
#include <mutex>
#include <new>
#include <stdlib.h>
#include <string.h>

using namespace halyard;
using namespace halyard::opencl;

struct device::Queue {
  CommandQueue commands;
};

struct device::Recording {};

namespace {

Api api;
Device theDevice;
Context context;
std::mutex mutex;
thread_local CommandQueue current;
thread_local Result failed; // the first error since the last `finish`

void check(Result result) {
  if (result && !failed)
    failed = result;
}

bool loadFunctions(void *library) {
#define LOAD(LIBRARY_NAME, NAME, RESULT, PARAMETERS)                                                         \
  api.NAME = reinterpret_cast<decltype(api.NAME)>(dlsym(library, #LIBRARY_NAME));                            \
  if (!api.NAME)                                                                                             \
    return false;
  HALYARD_OPENCL_FUNCTIONS(LOAD)
#undef LOAD
  return true;
}

/// The first device of the kind that has shared virtual memory.
bool findDevice(Bits kind) {
  constexpr Count kMost = 16;
  Platform platforms[kMost];
  Count platformCount = 0, deviceCount = 0;
  if (api.platforms(kMost, platforms, &platformCount))
    return false;
  for (Count p = 0; p < platformCount && p < kMost; ++p) {
    Device devices[kMost];
    if (api.devices(platforms[p], kind, kMost, devices, &deviceCount))
      continue;
    for (Count d = 0; d < deviceCount && d < kMost; ++d) {
      Bits memory = 0;
      theDevice = devices[d];
      if (!api.deviceInfo(theDevice, kSharedMemoryOfDevice, sizeof(memory), &memory, nullptr) &&
          (memory & kSharedBuffers))
        return true;
    }
  }
  return false;
}

int openDevice() {
  void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library || !loadFunctions(library))
    return halyard_no_driver;
  Result result = 0;
  if (!findDevice(kDeviceGpu) && !findDevice(kDeviceAll))
    return halyard_no_device;
  context = api.contextMake(nullptr, 1, &theDevice, nullptr, nullptr, &result);
  return context && !result ? halyard_ok : halyard_no_device;
}

/// The kernels of one object. Arguments belong to a kernel, so a launch is made by one thread at a time.
struct Kernels {
  Program program;
  struct Entry {
    const char *name;
    Kernel kernel;
  };
  static constexpr int kMost = 16;
  Entry entries[kMost];
  int count;
};

Kernel lookup(Kernels &kernels, const char *name) {
  for (int i = 0; i < kernels.count; ++i)
    if (!strcmp(kernels.entries[i].name, name))
      return kernels.entries[i].kernel;
  Result result = 0;
  Kernel kernel = kernels.count < Kernels::kMost ? api.kernelMake(kernels.program, name, &result) : nullptr;
  if (!kernel || result)
    return nullptr;
  kernels.entries[kernels.count++] = {name, kernel};
  return kernel;
}

/// Arguments in their order, then the shared memory, which is there even if there is none.
int setArguments(Kernel kernel, size_t sizes[], void *arguments[], int8_t isBuffer[], int sharedBytes) {
  Count index = 0;
  for (; sizes[index]; ++index) {
    auto *buffer = static_cast<halyard_buffer *>(arguments[index]);
    if (isBuffer[index] ? api.kernelSetPointer(kernel, index, reinterpret_cast<void *>(buffer->device))
                        : api.kernelSet(kernel, index, sizes[index], arguments[index]))
      return halyard_kernel_failed;
  }
  return api.kernelSet(kernel, index, sharedBytes > 0 ? size_t(sharedBytes) : 1, nullptr)
             ? halyard_kernel_failed
             : 0;
}

} // namespace

namespace halyard::device {

int open() {
  static const int status = openDevice();
  return status;
}

void *allocate(uint64_t bytes) { return api.allocate(context, kReadWrite, bytes, 0); }
void release(void *memory) { api.release(context, memory); }
void *allocateHost(uint64_t bytes) { return malloc(bytes); }
void releaseHost(void *memory) { free(memory); }

Queue *openQueue() {
  Result result = 0;
  auto *queue = new (std::nothrow) Queue{api.queueMake(context, theDevice, nullptr, &result)};
  if (!queue || !queue->commands || result)
    return delete queue, nullptr;
  use(queue);
  return queue;
}

void closeQueue(Queue *queue) {
  api.queueRelease(queue->commands);
  delete queue;
}

void use(Queue *queue) { current = queue ? queue->commands : nullptr; }

/// What is on the caller's stack must have been read when this returns.
void upload(void *to, const void *from, uint64_t bytes) {
  check(api.copy(current, 1, to, from, bytes, 0, nullptr, nullptr));
}
void download(void *to, const void *from, uint64_t bytes) {
  check(api.copy(current, 0, to, from, bytes, 0, nullptr, nullptr));
}
void copy(void *to, const void *from, uint64_t bytes) {
  check(api.copy(current, 0, to, from, bytes, 0, nullptr, nullptr));
}
void clear(void *memory, uint64_t bytes) {
  const uint8_t zero = 0;
  check(api.fill(current, memory, &zero, 1, bytes, 0, nullptr, nullptr));
}

int finish() {
  check(api.finish(current));
  bool isGood = !failed;
  failed = 0;
  return isGood ? halyard_ok : halyard_device_failed;
}

bool record() { return false; }
Recording *recorded() { return nullptr; }
void replay(Recording *) {}
void forget(Recording *) {}

} // namespace halyard::device

//===-- what Halide's objects call -----------------------------------------------------------------===//

extern "C" {

const void *halide_opencl_device_interface() {
  static const char there = 0;
  return &there;
}

/// All memory is the device's already.
int halide_copy_to_device(void *, halyard_buffer *, const void *) { return 0; }

int halide_opencl_initialize_kernels(void *, void **state, const char *text, int size) {
  std::lock_guard<std::mutex> lock(mutex);
  if (*state)
    return 0;
  Result result = 0;
  size_t bytes = strnlen(text, size_t(size));
  auto *kernels = new (std::nothrow) Kernels{};
  if (kernels)
    kernels->program = api.programMake(context, 1, &text, &bytes, &result);
  if (!kernels || !kernels->program || result ||
      api.programBuild(kernels->program, 1, &theDevice, "", nullptr, nullptr))
    return delete kernels, halyard_kernel_failed;
  *state = kernels;
  return 0;
}

void halide_opencl_finalize_kernels(void *, void *) {}

int halide_opencl_run(void *, void *state, const char *name, int blocksX, int blocksY, int blocksZ,
                      int threadsX, int threadsY, int threadsZ, int sharedBytes, size_t sizes[],
                      void *arguments[], int8_t isBuffer[]) {
  std::lock_guard<std::mutex> lock(mutex);
  Kernel kernel = lookup(*static_cast<Kernels *>(state), name);
  if (!kernel || setArguments(kernel, sizes, arguments, isBuffer, sharedBytes))
    return halyard_kernel_failed;
  size_t ofBlock[3] = {size_t(threadsX), size_t(threadsY), size_t(threadsZ)};
  size_t all[3] = {size_t(blocksX) * ofBlock[0], size_t(blocksY) * ofBlock[1], size_t(blocksZ) * ofBlock[2]};
  return api.launch(current, kernel, 3, nullptr, all, ofBlock, 0, nullptr, nullptr) ? halyard_kernel_failed
                                                                                    : 0;
}
}

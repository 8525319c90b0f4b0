// NVIDIA's driver. Kernels come from Halide: an object holds PTX text and code for the processor that
// computes the size of a launch and calls the functions at the end of this file, as Halide's own runtime
// would define them. Here they look each kernel up once and launch into the stream that the thread uses,
// which may record.
#include "../device/Driver.h"
#include "Api.h"

#include "halyard/kernel.h"

#include <dlfcn.h>
#include <mutex>
#include <new>
#include <stdio.h>
#include <string.h>

using namespace halyard;
using namespace halyard::cuda;

struct device::Queue {
  Stream stream;
};

struct device::Recording {
  GraphExec graph;
};

namespace {

Api api;
Context context;
std::mutex mutex;
thread_local Stream current;
thread_local Result failed; // the first error since the last `finish`

void check(Result result) {
  if (result && !failed)
    failed = result;
}

bool loadFunctions(void *library) {
#define LOAD(LIBRARY_NAME, NAME, PARAMETERS)                                                                 \
  api.NAME = reinterpret_cast<decltype(api.NAME)>(dlsym(library, #LIBRARY_NAME));                            \
  if (!api.NAME)                                                                                             \
    return false;
  HALYARD_CUDA_FUNCTIONS(LOAD)
#undef LOAD
  return true;
}

int openDevice() {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library || !loadFunctions(library))
    return halyard_no_driver;
  Device first = 0;
  if (api.init(0) || api.deviceGet(&first, 0) || api.contextRetain(&context, first))
    return halyard_no_device;
  return halyard_ok;
}

/// The kernels of one object.
struct Kernels {
  Module module;
  struct Entry {
    const char *name;
    Function function;
    int sharedBytes;
  };
  static constexpr int kMost = 16;
  Entry entries[kMost];
  int count;
};

/// A kernel by its name, which is a constant of its object.
Function lookup(Kernels &kernels, const char *name, int sharedBytes) {
  constexpr int kAlwaysAllowed = 48 * 1024;
  std::lock_guard<std::mutex> lock(mutex);
  Kernels::Entry *entry = kernels.entries;
  while (entry != kernels.entries + kernels.count && strcmp(entry->name, name))
    ++entry;
  if (entry == kernels.entries + kernels.count) {
    if (kernels.count == Kernels::kMost)
      return nullptr;
    *entry = {name, nullptr, kAlwaysAllowed};
    if (api.moduleFunction(&entry->function, kernels.module, name))
      return nullptr;
    ++kernels.count;
  }
  if (sharedBytes > entry->sharedBytes) {
    if (api.functionSet(entry->function, kMostSharedMemory, sharedBytes))
      return nullptr;
    entry->sharedBytes = sharedBytes;
  }
  return entry->function;
}

} // namespace

namespace halyard::device {

int open() {
  static const int status = openDevice();
  if (!status)
    api.contextUse(context);
  return status;
}

static DevicePointer address(const void *memory) { return reinterpret_cast<DevicePointer>(memory); }

void *allocate(uint64_t bytes) {
  DevicePointer memory = 0;
  return api.allocate(&memory, bytes) ? nullptr : reinterpret_cast<void *>(memory);
}

void release(void *memory) { api.release(address(memory)); }

void *allocateHost(uint64_t bytes) {
  void *memory = nullptr;
  return api.allocateHost(&memory, bytes) ? nullptr : memory;
}

void releaseHost(void *memory) { api.releaseHost(memory); }

Queue *openQueue() {
  auto *queue = new (std::nothrow) Queue{};
  if (!queue || api.streamCreate(&queue->stream, kNonBlocking))
    return delete queue, nullptr;
  use(queue);
  return queue;
}

void closeQueue(Queue *queue) {
  api.streamDestroy(queue->stream);
  delete queue;
}

void use(Queue *queue) { current = queue ? queue->stream : nullptr; }

void upload(void *to, const void *from, uint64_t bytes) {
  check(api.upload(address(to), from, bytes, current));
}
void download(void *to, const void *from, uint64_t bytes) {
  check(api.download(to, address(from), bytes, current));
}
void copy(void *to, const void *from, uint64_t bytes) {
  check(api.copy(address(to), address(from), bytes, current));
}
void clear(void *memory, uint64_t bytes) { check(api.fill(address(memory), 0, bytes, current)); }

int finish() {
  check(api.streamFinish(current));
  bool isGood = !failed;
  failed = 0;
  return isGood ? halyard_ok : halyard_device_failed;
}

bool record() { return !api.captureBegin(current, kCaptureOfThread); }

Recording *recorded() {
  Graph graph = nullptr;
  if (api.captureEnd(current, &graph) || !graph)
    return nullptr;
  auto *recording = new (std::nothrow) Recording{};
  bool isMade = recording && !api.graphMake(&recording->graph, graph, 0);
  api.graphDestroy(graph);
  if (isMade)
    return recording;
  delete recording;
  return nullptr;
}

void replay(Recording *recording) { check(api.graphLaunch(recording->graph, current)); }

void forget(Recording *recording) {
  api.graphForget(recording->graph);
  delete recording;
}

} // namespace halyard::device

//===-- what Halide's objects call -----------------------------------------------------------------===//

extern "C" {

const void *halide_cuda_device_interface() {
  static const char there = 0;
  return &there;
}

/// All memory is the device's already.
int halide_copy_to_device(void *, halyard_buffer *, const void *) { return 0; }

int halide_cuda_initialize_kernels(void *, void **state, const char *text, int) {
  std::lock_guard<std::mutex> lock(mutex);
  if (*state)
    return 0;
  auto *kernels = new (std::nothrow) Kernels{};
  if (!kernels || api.moduleLoad(&kernels->module, text))
    return delete kernels, halyard_kernel_failed;
  *state = kernels;
  return 0;
}

void halide_cuda_finalize_kernels(void *, void *) {}

int halide_cuda_run(void *, void *state, const char *name, int blocksX, int blocksY, int blocksZ,
                    int threadsX, int threadsY, int threadsZ, int sharedBytes, size_t sizes[],
                    void *arguments[], int8_t isBuffer[]) {
  constexpr int kMostArguments = 64;
  void *parameters[kMostArguments];
  int count = 0;
  for (; sizes[count]; ++count) {
    if (count == kMostArguments)
      return halyard_kernel_failed;
    parameters[count] =
        isBuffer[count] ? &static_cast<halyard_buffer *>(arguments[count])->device : arguments[count];
  }
  Function function = lookup(*static_cast<Kernels *>(state), name, sharedBytes);
  if (!function)
    return halyard_kernel_failed;
  Result result = api.launch(function, blocksX, blocksY, blocksZ, threadsX, threadsY, threadsZ, sharedBytes,
                             current, parameters, nullptr);
  return result ? halyard_kernel_failed : 0;
}
}

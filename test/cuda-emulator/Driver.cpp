// A stand-in for libcuda.so.1: the calls of NVIDIA's driver that artifacts make, on machines without a GPU.
// What is asked of a stream happens when it is waited for, so that a program that does not wait is found out;
// the processor's memory is read at the time of the call, unless it was allocated for the device.
//
// With HALYARD_EMULATOR_LOG=FILE, what was done is counted there when the process ends.
#include "Interpreter.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>

using namespace halyard::emulator;

namespace {

enum Result {
  kDone = 0,
  kInvalid = 1,
  kNoMemory = 2,
  kBadText = 218,
  kNotFound = 500,
  kFailed = 719,
  kNotNow = 900
};

/// Everything that was allocated, of the device and for it.
class Allocations : public Memory {
public:
  void *add(size_t bytes) {
    void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (memory) {
      std::memset(memory, 0xff, bytes); // nothing may depend on it
      std::lock_guard<std::mutex> lock(mutex);
      all[reinterpret_cast<uint64_t>(memory)] = bytes;
    }
    return memory;
  }
  bool remove(uint64_t address) {
    std::lock_guard<std::mutex> lock(mutex);
    if (!all.erase(address))
      return false;
    std::free(reinterpret_cast<void *>(address));
    return true;
  }
  bool find(uint64_t address, uint64_t &begin, uint64_t &end) const override {
    std::lock_guard<std::mutex> lock(mutex);
    auto after = all.upper_bound(address);
    if (after == all.begin())
      return false;
    const auto &[at, bytes] = *--after;
    begin = at;
    end = at + bytes;
    return address < end;
  }
  bool holds(uint64_t address, size_t bytes) const {
    uint64_t begin, end;
    return find(address, begin, end) && address + bytes <= end;
  }

private:
  mutable std::mutex mutex;
  std::map<uint64_t, size_t> all;
};

struct Counts {
  long modules = 0, launches = 0, graphs = 0, graphLaunches = 0, bytesToHost = 0;

  ~Counts() {
    const char *path = std::getenv("HALYARD_EMULATOR_LOG");
    FILE *file = path ? std::fopen(path, "w") : nullptr;
    if (!file)
      return;
    std::fprintf(file,
                 "{\"modules\": %ld, \"launches\": %ld, \"graphs\": %ld, \"graph_launches\": %ld, "
                 "\"bytes_to_host\": %ld, \"matrix_products\": %ld}\n",
                 modules, launches, graphs, graphLaunches, bytesToHost, matrixProducts.load());
    std::fclose(file);
  }
};

Allocations device, pinned;
Counts counts;

using Action = std::function<void()>;

struct Stream {
  std::vector<Action> actions;
  bool isCapturing = false;
};

struct Graph {
  std::vector<Action> actions;
};

struct LoadedModule {
  Module module;
};

/// What the driver does with errors: the call fails, and why is said where a developer looks.
int report(int result, const std::string &what) {
  std::fprintf(stderr, "cuda-emulator: %s\n", what.c_str());
  return result;
}

int enqueue(Stream *stream, Action action) {
  stream->actions.push_back(std::move(action));
  return kDone;
}

void copyBytes(uint64_t to, uint64_t from, size_t bytes) {
  std::memmove(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
}

} // namespace

#pragma GCC visibility push(default)
extern "C" {

int cuInit(unsigned flags) { return flags ? kInvalid : kDone; }

int cuDeviceGet(int *result, int ordinal) {
  *result = ordinal;
  return ordinal ? kInvalid : kDone;
}

int cuDevicePrimaryCtxRetain(void **context, int ordinal) {
  *context = &device;
  return ordinal ? kInvalid : kDone;
}

int cuCtxSetCurrent(void *context) { return context == &device ? kDone : kInvalid; }

int cuStreamCreate(Stream **stream, unsigned) {
  *stream = new Stream;
  return kDone;
}

int cuStreamDestroy_v2(Stream *stream) {
  delete stream;
  return kDone;
}

int cuStreamSynchronize(Stream *stream) {
  if (stream->isCapturing)
    return report(kNotNow, "a stream that records is waited for");
  std::vector<Action> actions = std::move(stream->actions);
  stream->actions.clear();
  try {
    for (const Action &action : actions)
      action();
  } catch (const Error &error) {
    return report(kFailed, error.what());
  }
  return kDone;
}

int cuMemAlloc_v2(uint64_t *memory, size_t bytes) {
  *memory = reinterpret_cast<uint64_t>(bytes ? device.add(bytes) : nullptr);
  return bytes ? (*memory ? kDone : kNoMemory) : kInvalid;
}

int cuMemFree_v2(uint64_t memory) { return device.remove(memory) ? kDone : kInvalid; }

int cuMemAllocHost_v2(void **memory, size_t bytes) {
  *memory = pinned.add(bytes);
  return *memory ? kDone : kNoMemory;
}

int cuMemFreeHost(void *memory) {
  return pinned.remove(reinterpret_cast<uint64_t>(memory)) ? kDone : kInvalid;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, Stream *stream) {
  if (!device.holds(to, bytes))
    return report(kInvalid, "a copy to what is not the device's memory");
  auto address = reinterpret_cast<uint64_t>(from);
  if (pinned.holds(address, bytes))
    return enqueue(stream, [=] { copyBytes(to, address, bytes); });
  if (stream->isCapturing)
    return report(kNotNow, "a copy from memory that may move is recorded");
  std::vector<uint8_t> now(static_cast<const uint8_t *>(from), static_cast<const uint8_t *>(from) + bytes);
  return enqueue(stream, [to, now = std::move(now)] {
    std::memcpy(reinterpret_cast<void *>(to), now.data(), now.size());
  });
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, Stream *stream) {
  if (!device.holds(from, bytes))
    return report(kInvalid, "a copy from what is not the device's memory");
  auto address = reinterpret_cast<uint64_t>(to);
  if (stream->isCapturing && !pinned.holds(address, bytes))
    return report(kNotNow, "a copy to memory that may move is recorded");
  return enqueue(stream, [=] {
    counts.bytesToHost += static_cast<long>(bytes);
    copyBytes(address, from, bytes);
  });
}

int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, Stream *stream) {
  if (!device.holds(to, bytes) || !device.holds(from, bytes))
    return report(kInvalid, "a copy within what is not the device's memory");
  return enqueue(stream, [=] { copyBytes(to, from, bytes); });
}

int cuMemsetD8Async(uint64_t memory, unsigned char value, size_t bytes, Stream *stream) {
  if (!device.holds(memory, bytes))
    return report(kInvalid, "a fill of what is not the device's memory");
  return enqueue(stream, [=] { std::memset(reinterpret_cast<void *>(memory), value, bytes); });
}

int cuModuleLoadData(LoadedModule **module, const void *image) {
  try {
    *module = new LoadedModule{parse(static_cast<const char *>(image))};
    ++counts.modules;
    return kDone;
  } catch (const Error &error) {
    return report(kBadText, error.what());
  }
}

int cuModuleGetFunction(const Kernel **function, LoadedModule *module, const char *name) {
  auto found = module->module.kernels.find(name);
  if (found == module->module.kernels.end())
    return report(kNotFound, "there is no kernel " + std::string(name));
  *function = &found->second;
  return kDone;
}

int cuFuncSetAttribute(const Kernel *, int attribute, int value) {
  constexpr int kMostSharedMemory = 8, kMost = 227 * 1024;
  return attribute == kMostSharedMemory && value <= kMost ? kDone : kInvalid;
}

int cuLaunchKernel(const Kernel *kernel, unsigned blocksX, unsigned blocksY, unsigned blocksZ,
                   unsigned threadsX, unsigned threadsY, unsigned threadsZ, unsigned sharedBytes,
                   Stream *stream, void **parameters, void **extra) {
  Grid grid = {{blocksX, blocksY, blocksZ}, {threadsX, threadsY, threadsZ}, sharedBytes};
  unsigned threads = threadsX * threadsY * threadsZ;
  if (!blocksX || !blocksY || !blocksZ || !threads || threads > 1024 || threadsZ > 64 || blocksY > 65535 ||
      blocksZ > 65535 || extra)
    return report(kInvalid, "a launch of a size that there is not: " + kernel->name);
  std::vector<uint8_t> values(static_cast<size_t>(kernel->parameterEnd));
  for (size_t i = 0; i < kernel->parameterBytes.size(); ++i)
    std::memcpy(&values[static_cast<size_t>(kernel->parameterOffsets[i])], parameters[i],
                static_cast<size_t>(kernel->parameterBytes[i]));
  return enqueue(stream, [=, values = std::move(values)] {
    ++counts.launches;
    launch(*kernel, grid, values, device);
  });
}

int cuStreamBeginCapture_v2(Stream *stream, int) {
  if (stream->isCapturing || !stream->actions.empty())
    return report(kNotNow, "a stream with work to do begins to record");
  stream->isCapturing = true;
  return kDone;
}

int cuStreamEndCapture(Stream *stream, Graph **graph) {
  if (!stream->isCapturing)
    return kInvalid;
  stream->isCapturing = false;
  *graph = new Graph{std::move(stream->actions)};
  stream->actions.clear();
  ++counts.graphs;
  return kDone;
}

int cuGraphInstantiateWithFlags(Graph **made, Graph *graph, unsigned long long) {
  *made = new Graph(*graph);
  return kDone;
}

int cuGraphLaunch(Graph *graph, Stream *stream) {
  ++counts.graphLaunches;
  stream->actions.insert(stream->actions.end(), graph->actions.begin(), graph->actions.end());
  return kDone;
}

int cuGraphDestroy(Graph *graph) {
  delete graph;
  return kDone;
}

int cuGraphExecDestroy(Graph *graph) {
  delete graph;
  return kDone;
}
}
#pragma GCC visibility pop

// The part of NVIDIA's driver interface that is used here, from its public documentation, so that neither
// building nor running needs a toolkit: the driver is found when a model is used.
#ifndef HALYARD_CUDA_API_H
#define HALYARD_CUDA_API_H

#include <stddef.h>
#include <stdint.h>

namespace halyard::cuda {

typedef int Result; // 0: done
typedef int Device;
typedef struct OpaqueContext *Context;
typedef struct OpaqueStream *Stream;
typedef struct OpaqueModule *Module;
typedef struct OpaqueFunction *Function;
typedef struct OpaqueGraph *Graph;
typedef struct OpaqueGraphExec *GraphExec;
typedef uint64_t DevicePointer;

/// Captures what the thread that began it asks for.
constexpr int kCaptureOfThread = 1;
/// Streams that do not wait for the default one.
constexpr unsigned kNonBlocking = 1;
/// The attribute of a function that says how much shared memory a launch may ask for.
constexpr int kMostSharedMemory = 8;

/// Name of the function in the library, its name here, its parameters.
#define HALYARD_CUDA_FUNCTIONS(FUNCTION)                                                                     \
  FUNCTION(cuInit, init, (unsigned flags))                                                                   \
  FUNCTION(cuDeviceGet, deviceGet, (Device * device, int ordinal))                                           \
  FUNCTION(cuDevicePrimaryCtxRetain, contextRetain, (Context * context, Device device))                      \
  FUNCTION(cuCtxSetCurrent, contextUse, (Context context))                                                   \
  FUNCTION(cuStreamCreate, streamCreate, (Stream * stream, unsigned flags))                                  \
  FUNCTION(cuStreamDestroy_v2, streamDestroy, (Stream stream))                                               \
  FUNCTION(cuStreamSynchronize, streamFinish, (Stream stream))                                               \
  FUNCTION(cuMemAlloc_v2, allocate, (DevicePointer * memory, size_t bytes))                                  \
  FUNCTION(cuMemFree_v2, release, (DevicePointer memory))                                                    \
  FUNCTION(cuMemAllocHost_v2, allocateHost, (void **memory, size_t bytes))                                   \
  FUNCTION(cuMemFreeHost, releaseHost, (void *memory))                                                       \
  FUNCTION(cuMemcpyHtoDAsync_v2, upload, (DevicePointer to, const void *from, size_t bytes, Stream stream))  \
  FUNCTION(cuMemcpyDtoHAsync_v2, download, (void *to, DevicePointer from, size_t bytes, Stream stream))      \
  FUNCTION(cuMemcpyDtoDAsync_v2, copy, (DevicePointer to, DevicePointer from, size_t bytes, Stream stream))  \
  FUNCTION(cuMemsetD8Async, fill, (DevicePointer memory, unsigned char value, size_t bytes, Stream stream))  \
  FUNCTION(cuModuleLoadData, moduleLoad, (Module * module, const void *image))                               \
  FUNCTION(cuModuleGetFunction, moduleFunction, (Function * function, Module module, const char *name))      \
  FUNCTION(cuFuncSetAttribute, functionSet, (Function function, int attribute, int value))                   \
  FUNCTION(cuLaunchKernel, launch,                                                                           \
           (Function function, unsigned blocksX, unsigned blocksY, unsigned blocksZ, unsigned threadsX,      \
            unsigned threadsY, unsigned threadsZ, unsigned sharedBytes, Stream stream, void **parameters,    \
            void **extra))                                                                                   \
  FUNCTION(cuStreamBeginCapture_v2, captureBegin, (Stream stream, int mode))                                 \
  FUNCTION(cuStreamEndCapture, captureEnd, (Stream stream, Graph * graph))                                   \
  FUNCTION(cuGraphInstantiateWithFlags, graphMake,                                                           \
           (GraphExec * made, Graph graph, unsigned long long flags))                                        \
  FUNCTION(cuGraphLaunch, graphLaunch, (GraphExec graph, Stream stream))                                     \
  FUNCTION(cuGraphDestroy, graphDestroy, (Graph graph))                                                      \
  FUNCTION(cuGraphExecDestroy, graphForget, (GraphExec graph))

/// The functions of the driver, null before it is loaded.
struct Api {
#define DECLARE(LIBRARY_NAME, NAME, PARAMETERS) Result(*NAME) PARAMETERS;
  HALYARD_CUDA_FUNCTIONS(DECLARE)
#undef DECLARE
};

} // namespace halyard::cuda

#endif

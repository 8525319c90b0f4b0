// The part of OpenCL 2.0 that is used here, from Khronos's public specification, so that building needs no
// header of it; the library is found when a model is used.
#ifndef HALYARD_OPENCL_API_H
#define HALYARD_OPENCL_API_H

#include <stddef.h>
#include <stdint.h>

namespace halyard::opencl {

typedef int32_t Result; // 0: done
typedef uint32_t Count;
typedef uint64_t Bits;
typedef struct OpaquePlatform *Platform;
typedef struct OpaqueDevice *Device;
typedef struct OpaqueContext *Context;
typedef struct OpaqueQueue *CommandQueue;
typedef struct OpaqueProgram *Program;
typedef struct OpaqueKernel *Kernel;
typedef struct OpaqueEvent *Event;

constexpr Bits kDeviceGpu = 1 << 2, kDeviceAll = 0xffffffff, kReadWrite = 1 << 0;
/// What a device says of shared virtual memory; the first bit is enough here.
constexpr Count kSharedMemoryOfDevice = 0x1053;
constexpr Bits kSharedBuffers = 1 << 0;

/// Name of the function in the library, its name here, its type of result and its parameters.
#define HALYARD_OPENCL_FUNCTIONS(FUNCTION)                                                                   \
  FUNCTION(clGetPlatformIDs, platforms, Result, (Count most, Platform * all, Count * count))                 \
  FUNCTION(clGetDeviceIDs, devices, Result,                                                                  \
           (Platform platform, Bits kind, Count most, Device * all, Count * count))                          \
  FUNCTION(clGetDeviceInfo, deviceInfo, Result,                                                              \
           (Device device, Count what, size_t bytes, void *value, size_t *needed))                           \
  FUNCTION(clCreateContext, contextMake, Context,                                                            \
           (const intptr_t *properties, Count count, const Device *devices,                                  \
            void (*notify)(const char *, const void *, size_t, void *), void *user, Result *result))         \
  FUNCTION(clCreateCommandQueueWithProperties, queueMake, CommandQueue,                                      \
           (Context context, Device device, const Bits *properties, Result *result))                         \
  FUNCTION(clReleaseCommandQueue, queueRelease, Result, (CommandQueue queue))                                \
  FUNCTION(clFinish, finish, Result, (CommandQueue queue))                                                   \
  FUNCTION(clSVMAlloc, allocate, void *, (Context context, Bits flags, size_t bytes, Count alignment))       \
  FUNCTION(clSVMFree, release, void, (Context context, void *memory))                                        \
  FUNCTION(clEnqueueSVMMemcpy, copy, Result,                                                                 \
           (CommandQueue queue, Count waits, void *to, const void *from, size_t bytes, Count count,          \
            const Event *events, Event *event))                                                              \
  FUNCTION(clEnqueueSVMMemFill, fill, Result,                                                                \
           (CommandQueue queue, void *memory, const void *pattern, size_t patternBytes, size_t bytes,        \
            Count count, const Event *events, Event *event))                                                 \
  FUNCTION(clCreateProgramWithSource, programMake, Program,                                                  \
           (Context context, Count count, const char **texts, const size_t *sizes, Result *result))          \
  FUNCTION(clBuildProgram, programBuild, Result,                                                             \
           (Program program, Count count, const Device *devices, const char *options,                        \
            void (*notify)(Program, void *), void *user))                                                    \
  FUNCTION(clCreateKernel, kernelMake, Kernel, (Program program, const char *name, Result *result))          \
  FUNCTION(clSetKernelArg, kernelSet, Result, (Kernel kernel, Count index, size_t bytes, const void *value)) \
  FUNCTION(clSetKernelArgSVMPointer, kernelSetPointer, Result,                                               \
           (Kernel kernel, Count index, const void *address))                                                \
  FUNCTION(clEnqueueNDRangeKernel, launch, Result,                                                           \
           (CommandQueue queue, Kernel kernel, Count dimensions, const size_t *offset,                       \
            const size_t *threads, const size_t *threadsOfBlock, Count count, const Event *events,           \
            Event *event))

/// The functions of the library, null before it is loaded.
struct Api {
#define DECLARE(LIBRARY_NAME, NAME, RESULT, PARAMETERS) RESULT(*NAME) PARAMETERS;
  HALYARD_OPENCL_FUNCTIONS(DECLARE)
#undef DECLARE
};

} // namespace halyard::opencl

#endif

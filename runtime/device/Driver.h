// What a program needs of a device's driver; cuda/Driver.cpp and opencl/Driver.cpp are the two that there
// are, of which an artifact has one. Memory of the device is addressed by plain pointers, which the processor
// may add to and may not follow. All that is asked for happens in the order of the asking, in the queue that
// the calling thread uses, and later: the first error is kept and told by `finish`.
#ifndef HALYARD_DEVICE_DRIVER_H
#define HALYARD_DEVICE_DRIVER_H

#include <stdint.h>

namespace halyard::device {

struct Queue;
struct Recording;

/// Finds the driver and its first device, once. Returns halyard_ok or why there is none.
int open();

/// Null if there is no memory left. Memory of the device, and memory of the processor that the device reads
/// and writes without a copy in between.
void *allocate(uint64_t bytes);
void release(void *memory);
void *allocateHost(uint64_t bytes);
void releaseHost(void *memory);

/// A queue that the calling thread then uses; null if there can be none.
Queue *openQueue();
void closeQueue(Queue *queue);
void use(Queue *queue);

void upload(void *to, const void *from, uint64_t bytes);
void download(void *to, const void *from, uint64_t bytes);
void copy(void *to, const void *from, uint64_t bytes);
void clear(void *memory, uint64_t bytes);
/// Waits for all that was asked for. Returns halyard_ok or halyard_device_failed.
int finish();

/// Begins to record what is asked for instead of doing it; false if the driver has no recordings. The end of
/// it returns null if something could not be recorded, in which case nothing was done.
bool record();
Recording *recorded();
void replay(Recording *recording);
void forget(Recording *recording);

} // namespace halyard::device

#endif

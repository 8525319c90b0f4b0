/* The threads that kernels run on.
 *
 * Kernels made by Halide hand their parallel loops to `halide_do_par_for`, which the runtime defines: each
 * thread takes one contiguous chunk of the iterations, always the same one, so that a thread finds the
 * weights that it read in the step before in its own cache, and what is left of the others' when it is done.
 * Waiting threads stay awake for a short while,
 * because the next loop of a step follows within microseconds, and then sleep. Threads are made here and
 * nowhere else; running a loop allocates nothing.
 *
 * Compiled with HALYARD_NO_THREADS, loops run in the calling thread and no thread library is needed.
 */
#ifndef HALYARD_THREADS_H
#define HALYARD_THREADS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Most threads that will be used, whatever is asked for. */
#define HALYARD_MAX_THREADS 64

/* Makes loops run on `threads` threads, the calling one included; 0 asks for one per processor available to
 * the process. Ends the threads of an earlier call. Returns how many there are: fewer if the system refuses
 * some. Not to be called while a model runs. Before the first call loops run in the calling thread. */
int32_t halyard_threads_start(int32_t threads);

/* Ties each thread, the calling one included, to a processor of its own among those that the process may use.
 * Returns 0; with more threads than processors, or if the system refuses, another number, and threads stay
 * free to move. Lasts until threads are started anew. */
int32_t halyard_threads_pin(void);

/* Runs task(context, i) for i from 0 to count - 1 as kernels run their loops. Returns 0, or the result other
 * than 0 of a task that failed. */
int32_t halyard_threads_run(int32_t (*task)(void *context, int32_t index), void *context, int32_t count);

/* Ends all threads; loops run in the calling thread again. */
void halyard_threads_stop(void);

/* Threads in use, at least 1. */
int32_t halyard_threads_count(void);

#ifdef __cplusplus
} // extern "C"
#endif
#endif

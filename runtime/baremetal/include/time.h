/* The part of the C library's time.h that the runtime needs, for systems without a C library. */
#ifndef HALYARD_BAREMETAL_TIME_H
#define HALYARD_BAREMETAL_TIME_H

#define CLOCK_MONOTONIC 1

#ifdef __cplusplus
extern "C" {
#endif

struct timespec {
  long tv_sec, tv_nsec;
};

int clock_gettime(int clock, struct timespec *time);

#ifdef __cplusplus
}
#endif
#endif

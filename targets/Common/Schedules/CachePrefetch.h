// Attention over caches: while one block of keys or values is computed with, a later one is fetched.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_CACHEPREFETCH_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_CACHEPREFETCH_H

#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// Adds to `pipeline`, which computes the outputs of the scheduled `kernel`, what fetches blocks of caches
/// ahead.
void addCachePrefetch(Halide::Pipeline &pipeline, const Kernel &kernel);

} // namespace halyard::kernels

#endif

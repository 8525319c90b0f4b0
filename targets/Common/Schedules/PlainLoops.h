// Serial loops in place of others, for targets that lack what these need.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_PLAINLOOPS_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_PLAINLOOPS_H

#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// Make serial loops of all loops that a finished schedule made parallel, or vectors of.
void dropThreads(Kernel &kernel);
void dropVectors(Kernel &kernel);

} // namespace halyard::kernels

#endif

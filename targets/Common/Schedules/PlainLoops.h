// Loops instead of vectors, for code that is to be compiled by any compiler.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_PLAINLOOPS_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_PLAINLOOPS_H

#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// Makes serial loops of all loops that a finished schedule made vectors of and, if the target has no
/// threads, of parallel ones.
void makeLoopsPlain(Kernel &kernel, bool keepsParallel);

} // namespace halyard::kernels

#endif

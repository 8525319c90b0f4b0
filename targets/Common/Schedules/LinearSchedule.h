// Linear layers: tiles of accumulators in registers, panels of weights read as one stream.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_LINEARSCHEDULE_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_LINEARSCHEDULE_H

#include "targets/Common/CpuShape.h"
#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// Schedules an output that finishes the sums of one linear layer at its own row and column; false, and
/// nothing is done, if it is none.
bool scheduleLinear(Kernel &kernel, Output &output, const CpuShape &shape);

} // namespace halyard::kernels

#endif

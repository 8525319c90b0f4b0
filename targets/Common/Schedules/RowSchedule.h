// Several results of the same rows in one loop over rows.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_ROWSCHEDULE_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_ROWSCHEDULE_H

#include "targets/Common/CpuShape.h"
#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// Schedules all outputs of a kernel with stages that are kept per row; false, and nothing is done, if it has
/// none. Every output's outermost dimension is the rows.
bool scheduleRowsTogether(Kernel &kernel, const CpuShape &shape);

} // namespace halyard::kernels

#endif

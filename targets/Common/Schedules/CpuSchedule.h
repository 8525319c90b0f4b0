// Schedules for processors with vectors and caches. The shape of the machine is a parameter; the policy is
// the same for all: reductions in register tiles, everything elementwise inlined into them, parallel over
// what is large.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_CPUSCHEDULE_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_CPUSCHEDULE_H

#include "targets/Common/CpuShape.h"
#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// Schedules every Func of the kernel. Nothing is placed on the heap: intermediates are inlined, or computed
/// per tile or row with constant extents. Throws Halide::Error if that cannot be.
void scheduleForCpu(Kernel &kernel, const CpuShape &shape);

} // namespace halyard::kernels

#endif

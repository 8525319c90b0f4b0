// Schedules for GPUs: blocks of threads, whatever the interface by which they are started.
#ifndef HALYARD_TARGETS_GPU_GPUSCHEDULE_H
#define HALYARD_TARGETS_GPU_GPUSCHEDULE_H

#include "targets/Common/CpuShape.h"
#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// Columns of a panel of a linear layer's weight: threads that stand beside each other in a block.
inline constexpr int kGpuPanel = 16;
/// Terms of f16 that one instruction of tensor cores multiplies and adds up.
inline constexpr int kTensorTerms = 16;

/// Schedules every Func of the kernel. Each output becomes one launch or, for sizes that are only known at
/// run time, one of several; nothing is kept in memory between them. Throws Halide::Error if that cannot be.
void scheduleForGpu(Kernel &kernel, const CpuShape &shape);

/// Schedules an output that finishes the sums of a linear layer; false if it does not.
bool scheduleGpuLinear(Kernel &kernel, Output &output);

} // namespace halyard::kernels

#endif

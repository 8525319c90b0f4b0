// Serial loops in place of others, for targets that lack what these need.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_PLAINLOOPS_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_PLAINLOOPS_H

#include "targets/Common/Kernel.h"

#include <map>

namespace halyard::kernels {

/// Make serial loops of all loops that a finished schedule made parallel, or vectors of; vectors of those
/// definitions that are asked for. What a loop computes, and in which order sums are made, stays.
void dropThreads(Kernel &kernel);
void dropVectors(Kernel &kernel);
void dropVectors(Kernel &kernel, llvm::function_ref<bool(const Halide::Internal::Definition &)> ofDefinition);

/// All Funcs that the kernel's outputs need, by name.
std::map<std::string, Halide::Internal::Function> functionsOf(const Kernel &kernel);

} // namespace halyard::kernels

#endif

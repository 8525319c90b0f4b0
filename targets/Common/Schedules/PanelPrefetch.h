// Many rows of a linear layer: while one panel of the weight is multiplied, the next is fetched.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_PANELPREFETCH_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_PANELPREFETCH_H

#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// Adds to `pipeline`, which computes the outputs of the scheduled `kernel`, what fetches panels ahead.
void addPanelPrefetch(Halide::Pipeline &pipeline, const Kernel &kernel);

} // namespace halyard::kernels

#endif

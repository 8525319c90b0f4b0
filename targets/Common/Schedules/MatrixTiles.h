// Products of many rows: the processor's matrix tiles instead of loops.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_MATRIXTILES_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_MATRIXTILES_H

#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// Adds to `pipeline`, which computes the outputs of the scheduled `kernel`, what puts calls of the runtime
/// in the place of loops that compute LinearSum::matrixTiles.
void addMatrixTiles(Halide::Pipeline &pipeline, const Kernel &kernel);

} // namespace halyard::kernels

#endif

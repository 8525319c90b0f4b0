// Vectors of results that are laid out for others to read, as keys and values in pairs are.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_PACKEDRESULT_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_PACKEDRESULT_H

#include "targets/Common/CpuShape.h"
#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// For a result whose innermost dimension is narrower than a vector, and in which what lies side by side in
/// the argument is apart: schedules its innermost loops, of those from position `firstSerial` on, and returns
/// true. Leaves any other result as it is, for vectors along its innermost dimension.
bool vectorizePackedResult(Halide::Stage stage, const Output &output, const CpuShape &shape, int firstSerial);

} // namespace halyard::kernels

#endif

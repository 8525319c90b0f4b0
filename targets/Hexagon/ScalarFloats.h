// Schedules for vector units that compute with integers only.
#ifndef HALYARD_TARGETS_HEXAGON_SCALARFLOATS_H
#define HALYARD_TARGETS_HEXAGON_SCALARFLOATS_H

#include "targets/Common/Kernel.h"

namespace halyard::kernels {

/// Makes loops over vectors serial where floats are computed.
void keepFloatsScalar(Kernel &kernel);

} // namespace halyard::kernels

#endif

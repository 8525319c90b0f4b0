// A layer as a TOSA function.
#ifndef HALYARD_TARGETS_ETHOSU_TOSALAYER_H
#define HALYARD_TARGETS_ETHOSU_TOSALAYER_H

#include "targets/Common/Npu.h"

namespace halyard {

/// Names of the function's argument and result in what it is serialised to.
inline constexpr llvm::StringLiteral kTosaCodes = "codes", kTosaSums = "sums";

/// A module with one function, in MLIR's TOSA dialect, as text.
std::string tosaLayer(const NpuLayer &layer);

} // namespace halyard

#endif

// Sums of products by a GPU's tensor cores (LinearSum.h).
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_TENSORTILE_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_TENSORTILE_H

#include "targets/Common/Algorithms/LinearSum.h"
#include "targets/Common/LinalgToHalide/TensorView.h"

namespace halyard::kernels {

/// Of a packed weight.
struct PanelCounts {
  int32_t panels, groups;
};

/// Defines them for the lane, vector and row of `sum`, to be read where `condition` holds. Both operands are
/// arguments of the kernel.
TensorTile defineTensorTile(const LinearSum &sum, const TensorView &input, const TensorView &weight,
                            PanelCounts counts, const Halide::Expr &condition, const std::string &name);

} // namespace halyard::kernels

#endif

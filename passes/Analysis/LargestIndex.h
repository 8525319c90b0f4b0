// Largest values of numbers in functions of the rt dialect.
#ifndef HALYARD_PASSES_ANALYSIS_LARGESTINDEX_H
#define HALYARD_PASSES_ANALYSIS_LARGESTINDEX_H

#include "mlir/IR/Value.h"

namespace halyard {

/// Largest value that an index takes: function arguments carry theirs as `rt.maximum`, and what is computed
/// of lengths grows with them.
int64_t largestIndex(mlir::Value value);

} // namespace halyard

#endif

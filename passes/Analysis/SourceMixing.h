// Whether an encoder computes the same rows with padding as without.
//
// An encoder that treats rows of its source independently, but for attention that does not see masked rows,
// gives the rows that are there the same values whether padding follows them or not: padding can be dropped.
// Statistics over time (a group norm, a mean), windows and blocks of rows see the padding as well, and then
// the source has to be read as it is given.
#ifndef HALYARD_PASSES_ANALYSIS_SOURCEMIXING_H
#define HALYARD_PASSES_ANALYSIS_SOURCEMIXING_H

#include "passes/Analysis/SymbolicShapes.h"

#include <string>

namespace halyard {

/// An operation through which padding reaches rows that are there, and how.
struct SourceMixing {
  mlir::Operation *op;
  std::string reason;
};

/// The first such operation of `encoder`, which reads `source` and the attention mask `mask`; none if padding
/// can be dropped. Sums up to each row (CumSum) do not see what follows. Operators that are not known to
/// leave rows alone count as mixing them.
std::optional<SourceMixing> findSourceMixing(mlir::func::FuncOp encoder, mlir::Value source, mlir::Value mask,
                                             const SymbolicShapes &shapes);

} // namespace halyard

#endif

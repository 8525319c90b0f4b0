// Length-only values: those that depend on no argument of a function, only on the source and target lengths.
#ifndef HALYARD_PASSES_ANALYSIS_LENGTHONLY_H
#define HALYARD_PASSES_ANALYSIS_LENGTHONLY_H

#include "mlir/IR/Operation.h"

namespace halyard {

/// Masks, positions and rotary angles are length-only; so are constants. Computed on demand and remembered,
/// so an instance must not outlive a change to what it was asked about.
class LengthOnly {
public:
  /// Counts `value` as if it depended on lengths only.
  void assume(mlir::Value value) { known[value] = true; }
  bool operator()(mlir::Value value) const;

private:
  mutable llvm::DenseMap<mlir::Value, bool> known;
};

} // namespace halyard

#endif

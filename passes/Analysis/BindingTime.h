// Binding times: when each value of a program is known.
//
// A value's binding time is the latest of its operands': const (when compiling), source (once per encoded
// source) or step (once per generated token). Encoder-once scheduling and the hoisting of cross-attention
// keys and values are nothing but "source values leave the step".
#ifndef HALYARD_PASSES_ANALYSIS_BINDINGTIME_H
#define HALYARD_PASSES_ANALYSIS_BINDINGTIME_H

#include "mlir/Analysis/DataFlowFramework.h"
#include "mlir/IR/Operation.h"

namespace halyard {

enum class BindingTime { constant = 0, source = 1, step = 2 };

llvm::StringRef stringify(BindingTime time);

/// Binding times of every value inside one stage (seq.step) or function, from those of its arguments.
/// `seq.length source` is bound to the source, `seq.length target` and everything that keeps state to the
/// step.
class BindingTimes {
public:
  /// `arguments` holds one time for each entry argument of `stage`'s only region.
  BindingTimes(mlir::Operation *stage, llvm::ArrayRef<BindingTime> arguments);

  BindingTime of(mlir::Value value) const;
  /// The latest time of an operation's results; of its operands if it has none.
  BindingTime of(mlir::Operation *op) const;

private:
  llvm::DenseMap<mlir::Value, BindingTime> times;
};

} // namespace halyard

#endif

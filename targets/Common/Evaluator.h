// Runs lowered functions inside the compiler, with the very kernels a compiled program is made of. Constant
// folding, the causality proof and positional tables all rest on it, so that there is no second set of
// kernels to disagree.
#ifndef HALYARD_TARGETS_COMMON_EVALUATOR_H
#define HALYARD_TARGETS_COMMON_EVALUATOR_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "targets/Common/HostTensor.h"

#include <functional>

namespace halyard {

/// Computes an operation that has no loop-nest form. Gets the operation (for its attributes) and its
/// operands; appends one tensor per result. On failure it has emitted an error at the operation. An absent
/// optional operand (a value of type `none`) is a tensor without an element type.
using HostOp = std::function<mlir::LogicalResult(mlir::Operation *, llvm::ArrayRef<HostTensor>,
                                                 llvm::SmallVectorImpl<HostTensor> &)>;

/// Interprets a function of linalg, tensor, arith, affine and seq operations at given lengths.
///
/// linalg and seq.{attention, norm, rotary, prefix_sum} run as compiled kernels, one per signature (body,
/// maps, ranks and element types; extents are not part of it), kept for the evaluator's life. Arithmetic is
/// IEEE throughout: no reassociation, transcendental functions are the C library's. Everything runs on the
/// calling thread.
///
/// A function that is run again unchanged is not analysed again: the cost of an operation is then a few
/// microseconds beside its kernel. An evaluator is used by one thread at a time.
class Evaluator {
public:
  explicit Evaluator(mlir::MLIRContext *context);
  ~Evaluator();

  /// Makes operations named `opName` (as in "onnx.NonZero") known; replaces an earlier registration.
  void addHostOp(llvm::StringRef opName, HostOp op);

  /// The results of `function` for tensor `arguments` and the two lengths of the program (`seq.length`).
  /// Fails, with an error at the operation concerned, when an operation is unknown, cannot be compiled, or
  /// meets extents that do not fit each other. Results may share elements with arguments and constants.
  mlir::FailureOr<llvm::SmallVector<HostTensor>>
  run(mlir::func::FuncOp function, llvm::ArrayRef<HostTensor> arguments, int64_t source, int64_t target);

private:
  class Implementation;
  std::unique_ptr<Implementation> implementation;
};

} // namespace halyard

#endif

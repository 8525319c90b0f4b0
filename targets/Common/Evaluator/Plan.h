// A function prepared for running: one closure per operation over numbered slots. Preparing pays once for
// everything that does not depend on lengths, so that a proof over hundreds of lengths spends its time in
// kernels.
#ifndef HALYARD_TARGETS_COMMON_EVALUATOR_PLAN_H
#define HALYARD_TARGETS_COMMON_EVALUATOR_PLAN_H

#include "mlir/IR/Operation.h"
#include "targets/Common/HostTensor.h"
#include "llvm/ADT/DenseMap.h"

#include <functional>

namespace halyard::evaluation {

/// What an SSA value is while a plan runs: a tensor, or a scalar as bits (integers sign-extended, i1 as 0 or
/// 1, floats as their own bits). A tensor without data has a shape only: it is a tensor.empty nobody reads.
struct RuntimeValue {
  HostTensor tensor;
  int64_t bits = 0;
};

/// The state of one run.
struct Frame {
  std::vector<RuntimeValue> slots;
  int64_t source = 0, target = 0;
};

/// Computes an operation's results from its operands' slots. On failure it has emitted an error.
using Step = std::function<mlir::LogicalResult(Frame &)>;

/// Numbers the values of a function.
class SlotMap {
public:
  unsigned slot(mlir::Value value) { return numbers.try_emplace(value, numbers.size()).first->second; }
  llvm::SmallVector<unsigned> slots(mlir::ValueRange values) {
    return llvm::map_to_vector(values, [&](mlir::Value value) { return slot(value); });
  }
  unsigned size() const { return numbers.size(); }

private:
  llvm::DenseMap<mlir::Value, unsigned> numbers;
};

/// Steps by family. A null Step means that the family does not know the operation.
Step makeScalarStep(mlir::Operation *op, SlotMap &slots);
Step makeTensorStep(mlir::Operation *op, SlotMap &slots);
Step makeSliceStep(mlir::Operation *op, SlotMap &slots);

/// Elements of `tensor` for reading; allocates them (as zeros) if it has a shape only.
void *materialise(HostTensor &tensor);

/// A rank-0 or larger tensor of one repeated scalar.
HostTensor filledTensor(llvm::ArrayRef<int64_t> shape, mlir::Type elementType, int64_t bits);

/// The bits of element `linear`.
int64_t elementBits(const HostTensor &tensor, int64_t linear);

} // namespace halyard::evaluation

#endif

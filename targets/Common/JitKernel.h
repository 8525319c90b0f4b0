// One operation compiled for this machine: what the evaluator calls. No Halide here, so that callers need not
// know it.
#ifndef HALYARD_TARGETS_COMMON_JITKERNEL_H
#define HALYARD_TARGETS_COMMON_JITKERNEL_H

#include "mlir/IR/Operation.h"
#include "targets/Common/HostTensor.h"

#include <memory>
#include <string>

namespace halyard {

/// What a kernel of one operation takes, in call order. Found by `bindKernel`, before anything is compiled.
struct KernelBinding {
  /// Equal for operations that one kernel can serve: the operation's text without extents, names and
  /// locations.
  std::string signature;
  /// Operands and values captured by the body that are passed as tensors. Inits that are never read are left
  /// out.
  llvm::SmallVector<mlir::Value> tensors;
  /// Values that are passed as scalars; those that are constants are part of the signature instead.
  llvm::SmallVector<mlir::Value> scalars;
};

/// True for the operations that run as kernels: linalg and seq.{attention, norm, rotary, prefix_sum} over
/// tensors.
bool isKernelOp(mlir::Operation *op);

KernelBinding bindKernel(mlir::Operation *op);

class JitKernel {
public:
  /// Compiles `op` exactly (IEEE, libm) and serially, with extents left open. On failure an error was emitted
  /// at it.
  static mlir::FailureOr<std::shared_ptr<JitKernel>> compile(mlir::Operation *op,
                                                             const KernelBinding &binding);
  ~JitKernel();

  /// Computes into `results`, which are allocated and overlap nothing. `scalars` are integers sign-extended,
  /// floats as the bits of their own type.
  void call(llvm::ArrayRef<const HostTensor *> tensors, llvm::ArrayRef<int64_t> scalars,
            llvm::MutableArrayRef<HostTensor> results) const;

private:
  struct Code;
  explicit JitKernel(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code;
};

} // namespace halyard

#endif

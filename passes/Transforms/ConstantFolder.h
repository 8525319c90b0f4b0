// Evaluates single onnx operations at compile time, through the lowering and the kernels of compiled
// programs.
#ifndef HALYARD_PASSES_TRANSFORMS_CONSTANTFOLDER_H
#define HALYARD_PASSES_TRANSFORMS_CONSTANTFOLDER_H

#include "targets/Common/Evaluator.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"

namespace halyard {

/// Operations that were evaluated once are kept lowered and compiled, so that the next one of the same kind
/// costs microseconds. Used by one thread at a time.
class ConstantFolder {
public:
  explicit ConstantFolder(mlir::MLIRContext *context);

  /// The results of `op` for constant operands; a null attribute is an absent operand. `resultTypes` give at
  /// least the ranks of the results. Fails without a diagnostic if the operation cannot be evaluated.
  mlir::FailureOr<llvm::SmallVector<mlir::ElementsAttr>>
  evaluate(mlir::Operation *op, llvm::ArrayRef<mlir::ElementsAttr> operands, mlir::TypeRange resultTypes);

private:
  struct Lowered {
    mlir::OwningOpRef<mlir::ModuleOp> module;
    /// Operands that the function takes as arguments; the others are constants inside it.
    llvm::SmallVector<unsigned> arguments;
  };
  Lowered &lowered(mlir::Operation *op, llvm::ArrayRef<mlir::ElementsAttr> operands,
                   mlir::TypeRange resultTypes);

  mlir::MLIRContext *context;
  Evaluator evaluator;
  llvm::StringMap<Lowered> functions;
};

} // namespace halyard

#endif

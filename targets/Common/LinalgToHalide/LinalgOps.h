// One linalg operation as one Halide Func: indexing maps become arguments, parallel iterators Vars, reduction
// iterators an RDom, and the body the definition.
#ifndef HALYARD_TARGETS_COMMON_LINALGTOHALIDE_LINALGOPS_H
#define HALYARD_TARGETS_COMMON_LINALGTOHALIDE_LINALGOPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "targets/Common/LinalgToHalide/InitUse.h"
#include "targets/Common/LinalgToHalide/Stage.h"
#include "targets/Common/LinalgToHalide/ValueScope.h"

namespace halyard::kernels {

/// Translates any operation of the LinalgOp interface (named ones by the body they stand for). `operands` are
/// views of inputs and inits, scalars as views of rank 0; a view without `at` stands for an init that is
/// never read. The extents of a view may be undefined where another operand tells them.
///
/// `substitute`, if given, replaces what operand `substituted` is read as: it gets the indices of all loops.
using LoopReader = std::function<Halide::Expr(ExprsRef loops)>;
mlir::FailureOr<Stage> translateLinalg(mlir::linalg::LinalgOp op, llvm::ArrayRef<TensorView> operands,
                                       ValueScope &outer, Precision precision, const std::string &name,
                                       unsigned substituted = 0, const LoopReader &substitute = nullptr);

} // namespace halyard::kernels

#endif

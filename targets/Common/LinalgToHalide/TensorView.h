// How a tensor value looks to the translator: something that can be read at an index. A kernel argument, a
// computed Func and a remapping of either (slice, reshape, concatenation) are all views, so structural
// operations cost nothing and leave no copies in a kernel.
#ifndef HALYARD_TARGETS_COMMON_LINALGTOHALIDE_TENSORVIEW_H
#define HALYARD_TARGETS_COMMON_LINALGTOHALIDE_TENSORVIEW_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

#include <Halide.h>

#include <functional>

namespace halyard::kernels {

using Exprs = llvm::SmallVector<Halide::Expr, 4>;
using ExprsRef = llvm::ArrayRef<Halide::Expr>;

/// What an expression promises.
///   exact: what IEEE and the C library say.
///   fast: functions by approximations that vectorise; sums of products may be contracted and reordered.
///   Everything
///     else obeys IEEE, so that masks of -inf do.
///   relaxed: the C library's functions, no promise about NaN. For reductions of several values at once,
///   whose update
///     Halide 21 computes from half-updated values when a strict comparison is in it.
///   deterministic: IEEE's basic operations in the order written, and functions made of them, so that every
///   target
///     gets the same bits.
enum class Precision { exact, fast, relaxed, deterministic };

/// The type an element has in memory: i1 is a byte, index eight bytes.
Halide::Type storageType(mlir::Type elementType);

/// The type an element has in expressions: f16 and bf16 are computed in float32 (and rounded after every
/// operation), i1 is bool, index is 32 bits wide as Halide's loop variables are.
Halide::Type computeType(mlir::Type elementType);

/// Converts a loaded element to its compute type, and back.
Halide::Expr fromStorage(Halide::Expr value, mlir::Type elementType);
Halide::Expr toStorage(Halide::Expr value, mlir::Type elementType);

/// Rounds an expression in compute type to what `elementType` can hold; only f16 and bf16 change.
Halide::Expr rounded(Halide::Expr value, mlir::Type elementType);

/// A 64-bit or narrower integer as an index; what lies beyond 2^30 either way saturates.
Halide::Expr toIndex(Halide::Expr value);

struct TensorView {
  mlir::Type elementType;
  /// Extents, outermost first as in MLIR; Int(32), constant where statically known.
  Exprs extents;
  /// The element at an index (outermost first), in compute type. Indices must be within the extents.
  std::function<Halide::Expr(ExprsRef)> at;
  /// True if reading an element is one load: a kernel argument, or a slice or reshape of one.
  bool isMemory = false;

  int64_t rank() const { return extents.size(); }
};

/// A view of a kernel argument. Extents are read from the buffer unless `type` knows them.
TensorView viewOf(const Halide::ImageParam &param, mlir::RankedTensorType type);

/// A view of element `tupleIndex` of a Func whose arguments are the dimensions, innermost first.
TensorView viewOf(const Halide::Func &func, int tupleIndex, ExprsRef extents, mlir::Type elementType);

/// Constrains a buffer to start at 0, to be dense and row-major, and to the extents (MLIR's order) that are
/// constant; undefined ones are open. A tuple's buffers after the first share its bounds (`isFirst` false).
void constrainToDense(Halide::OutputImageParam buffer, ExprsRef extents, bool isFirst = true);

/// Indices reversed: MLIR's outermost first to Halide's innermost first, or back.
std::vector<Halide::Expr> reversed(ExprsRef indices);

/// Index clamped into [0, extent - 1], so that data-dependent reads stay within the tensor.
Halide::Expr clampedIndex(Halide::Expr index, Halide::Expr extent);

} // namespace halyard::kernels

#endif

// Sums of products: what matrix products, einsums and convolutions are made of.
#ifndef HALYARD_PASSES_CONVERSION_ONNXTOLINALG_CONTRACTION_H
#define HALYARD_PASSES_CONVERSION_ONNXTOLINALG_CONTRACTION_H

#include "passes/Conversion/OnnxToLinalg/Lowering.h"

namespace halyard::lowering {

/// result[map] = sum of the products of all reads, over the loops that `map` leaves out. Operands that are
/// transposed copies are read in place. Half floats are accumulated in float32; the result has element type
/// `type`.
mlir::Value contract(Lowering &l, llvm::ArrayRef<Extent> extents, mlir::AffineMap map,
                     llvm::ArrayRef<Read> reads, mlir::Type type);

/// The same with a body of its own, which gets the elements read and then the sum so far.
mlir::Value contract(Lowering &l, llvm::ArrayRef<Extent> extents, mlir::AffineMap map,
                     llvm::ArrayRef<Read> reads, mlir::Type type, Body1 body);

/// A tensor read through a transposition, if it is one.
Read readThrough(Lowering &l, Read read);

/// Loops and extents of a matrix product as numpy.matmul has it: batch axes, then m, n, k.
struct MatMulLoops {
  mlir::AffineMap a, b, result;
  Extents extents;
  int64_t batch = 0; ///< Number of batch loops.
};
MatMulLoops matMulLoops(Lowering &l, mlir::Value a, mlir::Value b);

} // namespace halyard::lowering

#endif

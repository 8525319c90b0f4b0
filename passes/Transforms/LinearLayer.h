// Recognises linear layers: contractions of rows with a constant matrix.
#ifndef HALYARD_PASSES_TRANSFORMS_LINEARLAYER_H
#define HALYARD_PASSES_TRANSFORMS_LINEARLAYER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "targets/Common/HostTensor.h"

namespace halyard {

/// y[i, o] = sum over k of input[i, k] matrix(k, o), all f32, summed up from zero.
struct LinearLayer {
  mutable mlir::linalg::LinalgOp op; // a handle, whose accessors are not const
  mlir::Value input;                 // [rows, features]
  mlir::ElementsAttr
      matrix; // [features, outputs], or the other way round if `isTransposed`; f32, f16 or bf16
  bool isTransposed = false;
  int64_t features = 0, outputs = 0;

  static std::optional<LinearLayer> match(mlir::linalg::LinalgOp op);
};

/// Whether an operation of two inputs sums up their products from zero.
bool sumsProducts(mlir::linalg::LinalgOp op);

/// The elements of a constant of f32, f16 or bf16 as f32.
HostTensor asFloats(mlir::ElementsAttr attribute);

/// The matrix of a layer as f32, read by (term, output) however it is stored.
struct Matrix {
  explicit Matrix(const LinearLayer &layer);
  /// f32 elements [outputs, features].
  explicit Matrix(const HostTensor &rows);

  float at(int64_t term, int64_t output) const { return values[term * termStride + output * outputStride]; }

  HostTensor tensor;
  llvm::ArrayRef<float> values;
  int64_t features, outputs, termStride, outputStride;
};

/// The attribute in which choose-precision leaves its choice on a layer for pack-weights: "f32", "bf16",
/// "f16", "int8" or "int4".
inline constexpr llvm::StringLiteral kPrecisionAttribute = "seq.precision";

} // namespace halyard

#endif

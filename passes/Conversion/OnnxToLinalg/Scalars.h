// Scalar arithmetic in the bodies of linalg operations, over float and integer types alike.
#ifndef HALYARD_PASSES_CONVERSION_ONNXTOLINALG_SCALARS_H
#define HALYARD_PASSES_CONVERSION_ONNXTOLINALG_SCALARS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halyard::lowering {

/// The signless type of the same width, in which bodies compute; other types are left alone.
mlir::Type signless(mlir::Type type);

/// Whether integers of this ONNX type are unsigned (bool counts as such).
bool isUnsigned(mlir::Type type);

/// Half floats are summed in float32.
mlir::Type accumulatorType(mlir::Type type);

/// Builds scalar operations. Operands are floats or signless integers; `integersUnsigned` says how to read
/// the latter.
class Scalars {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;

  Scalars(mlir::ImplicitLocOpBuilder &b, bool integersUnsigned) : b(b), integersUnsigned(integersUnsigned) {}

  Value constant(Type type, double value);
  Value integer(Type type, int64_t value);
  Value constant(mlir::Attribute value);
  Value lowest(Type type);  ///< -infinity, or the smallest integer.
  Value highest(Type type); ///< Infinity, or the largest integer.

  Value add(Value x, Value y);
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value div(Value x, Value y); ///< Integers are truncated.
  Value max(Value x, Value y);
  Value min(Value x, Value y);
  Value less(Value x, Value y);
  Value lessOrEqual(Value x, Value y);
  Value equal(Value x, Value y);
  Value select(Value condition, Value x, Value y);
  Value neg(Value x);
  Value abs(Value x);

  Value logicalAnd(Value x, Value y);
  Value logicalNot(Value x);
  Value exp(Value x);
  Value log(Value x);
  Value sqrt(Value x);
  Value sigmoid(Value x);
  Value softplus(Value x);
  Value tanh(Value x);
  Value erf(Value x);

  /// Conversion as ONNX's Cast does it: floats are truncated towards zero, what is not 0 is true. `to` is an
  /// ONNX type; the result is signless.
  Value cast(Value x, Type to);

  /// Position of loop `dim`, as an index, or as a number of an integer type.
  Value position(int64_t dim);
  Value position(int64_t dim, Type type);
  Value toIndex(Value x);

  /// An index into an axis of `extent` elements: negative ones count from its end.
  Value wrapped(Value index, Value extent);

  mlir::ImplicitLocOpBuilder &b;
  const bool integersUnsigned;

private:
  /// Elements of unsigned tensors come with a conversion that tells; computed values follow the body.
  bool isUnsignedValue(Value x) const;
};

} // namespace halyard::lowering

#endif

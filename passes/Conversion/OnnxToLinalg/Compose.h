// Builds onnx operations with unranked results, for rewriting operators into simpler ones. Shapes are found
// afterwards.
#ifndef HALYARD_PASSES_CONVERSION_ONNXTOLINALG_COMPOSE_H
#define HALYARD_PASSES_CONVERSION_ONNXTOLINALG_COMPOSE_H

#include "dialects/ONNX/IR/ONNX.h"
#include "targets/Common/HostTensor.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halyard::lowering {

class Compose {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;

  /// Builds before `op`, at its location.
  explicit Compose(mlir::Operation *op) : b(op->getLoc(), op) {}

  Value none() { return onnx::NoneOp::create(b, b.getNoneType()); }
  Value ints(llvm::ArrayRef<int64_t> values);
  Value scalar(Type elementType, double value);
  Value constant(const HostTensor &tensor);

  template <typename Op> Value binary(Value x, Value y) { return Op::create(b, like(x), x, y); }
  Value add(Value x, Value y) { return binary<onnx::AddOp>(x, y); }
  Value sub(Value x, Value y) { return binary<onnx::SubOp>(x, y); }
  Value mul(Value x, Value y) { return binary<onnx::MulOp>(x, y); }
  Value div(Value x, Value y) { return binary<onnx::DivOp>(x, y); }
  Value matMul(Value x, Value y) { return binary<onnx::MatMulOp>(x, y); }
  /// x + y, or x if y was left out.
  Value addOptional(Value x, Value y) { return onnx::isAbsent(y) ? x : add(x, y); }
  Value less(Value x, Value y) { return onnx::LessOp::create(b, unranked(b.getI1Type()), x, y); }
  Value where(Value condition, Value x, Value y) {
    return onnx::WhereOp::create(b, like(x), condition, x, y);
  }
  Value cast(Value x, Type elementType);
  /// Codes less their zero point, which may have been left out, as f32.
  Value centred(Value codes, Value zero);
  /// The floats that codes stand for, with a scale and a zero point for all or for each of the last axis.
  Value dequantize(Value codes, Value scale, Value zero);
  Value tanh(Value x) { return onnx::TanhOp::create(b, like(x), x); }
  Value softmax(Value x) { return onnx::SoftmaxOp::create(b, like(x), x); }

  Value reshape(Value x, llvm::ArrayRef<int64_t> shape) {
    return onnx::ReshapeOp::create(b, like(x), x, ints(shape));
  }
  Value transpose(Value x, llvm::ArrayRef<int64_t> perm);
  Value concat(mlir::ValueRange parts, int64_t axis);
  Value unsqueeze(Value x, llvm::ArrayRef<int64_t> axes) {
    return onnx::UnsqueezeOp::create(b, like(x), x, ints(axes));
  }
  Value squeeze(Value x, llvm::ArrayRef<int64_t> axes) {
    return onnx::SqueezeOp::create(b, like(x), x, ints(axes));
  }
  Value expand(Value x, Value shape) { return onnx::ExpandOp::create(b, like(x), x, shape); }
  Value slice(Value x, int64_t axis, int64_t start, int64_t end, int64_t step = 1);
  Value gather(Value x, Value indices, int64_t axis = 0);
  /// Extents of axes `start` to `end`.
  Value shape(Value x, int64_t start, int64_t end);
  /// 0, 1, ... as many as the only element of `count` says.
  Value range(Value count);
  /// A tensor of one value everywhere.
  Value full(Value shape, Type elementType, double value);

  Type unranked(Type elementType) { return mlir::UnrankedTensorType::get(elementType); }
  Type like(Value x) { return unranked(onnx::elementTypeOf(x)); }

  mlir::ImplicitLocOpBuilder b;
};

/// Static extent of an axis (counted from the end if negative); none if it is not known.
std::optional<int64_t> staticExtent(mlir::Value x, int64_t axis);
/// Rank of a tensor, -1 if it is not known.
int64_t knownRank(mlir::Value x);

/// The convolution of x, f32 in place of the integers less their zero point, with the filters of an
/// operation.
mlir::Value floatConvolution(Compose &c, onnx::ConvIntegerOp op, mlir::Value x);

/// Replaces an operation; values for results that nothing uses may be null.
void replaceComposed(mlir::Operation *op, mlir::ValueRange values);

/// Rewrites attention and rotary embeddings; success also if `op` is neither.
mlir::LogicalResult decomposeAttention(mlir::Operation *op);
mlir::LogicalResult decomposeRotary(mlir::Operation *op);
mlir::LogicalResult decomposeResize(onnx::ResizeOp op);

} // namespace halyard::lowering

#endif

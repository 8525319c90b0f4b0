// The onnx dialect: what an ONNX file said, one operation per operator (onnx.NAME, onnx.ms.NAME for
// com.microsoft).
#ifndef HALYARD_DIALECTS_ONNX_IR_ONNX_H
#define HALYARD_DIALECTS_ONNX_IR_ONNX_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace halyard::onnx {

/// Element type of a tensor value; null for an absent operand.
mlir::Type elementTypeOf(mlir::Value value);

/// The usual element types of results.
inline mlir::Type booleanType(mlir::MLIRContext *context) { return mlir::IntegerType::get(context, 1); }
inline mlir::Type int32Type(mlir::MLIRContext *context) { return mlir::IntegerType::get(context, 32); }
inline mlir::Type int64Type(mlir::MLIRContext *context) { return mlir::IntegerType::get(context, 64); }
inline mlir::Type floatType(mlir::MLIRContext *context) { return mlir::Float32Type::get(context); }
inline mlir::Type uint8Type(mlir::MLIRContext *context) {
  return mlir::IntegerType::get(context, 8, mlir::IntegerType::Unsigned);
}

/// Whether the operand was left out: its type is `none`.
bool isAbsent(mlir::Value value);

namespace impl {
mlir::LogicalResult verifyAxis(mlir::Operation *op);
}

/// `axis` lies within the rank of the first operand, where that is known.
template <typename ConcreteType>
class AxisInRange : public mlir::OpTrait::TraitBase<ConcreteType, AxisInRange> {
public:
  static mlir::LogicalResult verifyTrait(mlir::Operation *op) { return impl::verifyAxis(op); }
};

} // namespace halyard::onnx

#include "dialects/ONNX/IR/ONNXDialect.h.inc"
#include "dialects/ONNX/IR/ONNXInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXContraction.h.inc"
#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXControl.h.inc"
#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXElementwise.h.inc"
#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXIndexing.h.inc"
#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXMicrosoft.h.inc"
#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXNN.h.inc"
#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXQuantization.h.inc"
#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXReduction.h.inc"
#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXShape.h.inc"

#endif

// Registration of the onnx dialect.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

#include "dialects/ONNX/IR/ONNXDialect.cpp.inc"
#include "dialects/ONNX/IR/ONNXInterfaces.cpp.inc"

void ONNXDialect::initialize() {
  registerContraction();
  registerControl();
  registerElementwise();
  registerIndexing();
  registerMicrosoft();
  registerNN();
  registerQuantization();
  registerReduction();
  registerShape();
}

Operation *ONNXDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  return elements && elements.getType() == type ? ConstantOp::create(builder, loc, elements) : nullptr;
}

Type halyard::onnx::elementTypeOf(Value value) {
  auto type = dyn_cast<TensorType>(value.getType());
  return type ? type.getElementType() : Type();
}

bool halyard::onnx::isAbsent(Value value) { return isa<NoneType>(value.getType()); }

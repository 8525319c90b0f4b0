// Generated definitions of one family of operations, and their registration: control flow.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXControl.cpp.inc"

void ONNXDialect::registerControl() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ONNX/IR/ONNXControl.cpp.inc"
      >();
}

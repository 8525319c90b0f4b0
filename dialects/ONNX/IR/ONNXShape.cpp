// Generated definitions of one family of operations, and their registration: operators that make or move
// elements.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXShape.cpp.inc"

void ONNXDialect::registerShape() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ONNX/IR/ONNXShape.cpp.inc"
      >();
}

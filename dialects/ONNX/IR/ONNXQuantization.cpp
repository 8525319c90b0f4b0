// Generated definitions of one family of operations, and their registration: quantising operators.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXQuantization.cpp.inc"

void ONNXDialect::registerQuantization() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ONNX/IR/ONNXQuantization.cpp.inc"
      >();
}

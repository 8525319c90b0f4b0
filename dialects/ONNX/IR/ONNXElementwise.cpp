// Generated definitions of one family of operations, and their registration: operators computed element by
// element.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXElementwise.cpp.inc"

void ONNXDialect::registerElementwise() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ONNX/IR/ONNXElementwise.cpp.inc"
      >();
}

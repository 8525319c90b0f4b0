// Generated definitions of one family of operations, and their registration: matrix products and
// convolutions.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXContraction.cpp.inc"

void ONNXDialect::registerContraction() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ONNX/IR/ONNXContraction.cpp.inc"
      >();
}

// Generated definitions of one family of operations, and their registration: operators of the com.microsoft
// domain.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXMicrosoft.cpp.inc"

void ONNXDialect::registerMicrosoft() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ONNX/IR/ONNXMicrosoft.cpp.inc"
      >();
}

// Generated definitions of one family of operations, and their registration: pooling, softmax, normalisation
// and attention.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXNN.cpp.inc"

void ONNXDialect::registerNN() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ONNX/IR/ONNXNN.cpp.inc"
      >();
}

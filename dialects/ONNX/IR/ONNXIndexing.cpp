// Generated definitions of one family of operations, and their registration: operators that read or write at
// computed positions.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXIndexing.cpp.inc"

void ONNXDialect::registerIndexing() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ONNX/IR/ONNXIndexing.cpp.inc"
      >();
}

// Generated definitions of one family of operations, and their registration: reductions.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXReduction.cpp.inc"

void ONNXDialect::registerReduction() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ONNX/IR/ONNXReduction.cpp.inc"
      >();
}

// halyard-opt: runs Halyard's passes over MLIR text, for lit tests and for looking at one phase at a time.
#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Runtime/IR/Runtime.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Conversion/Passes.h"
#include "passes/Transforms/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllPasses();
  halyard::registerHalyardConversionPasses();
  halyard::registerHalyardTransformsPasses();
  registry.insert<halyard::onnx::ONNXDialect, halyard::rt::RtDialect, halyard::seq::SeqDialect>();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Halyard's optimizer driver\n", registry));
}

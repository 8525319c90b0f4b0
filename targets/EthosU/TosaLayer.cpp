// A layer is a convolution of one position: rows are the pixels of one line of an image, features and outputs
// its channels. It has results of 32 bits without being scaled again, on all of the NPUs. TOSA's matrix
// product has too, but its right-hand side is no constant for them. Pixels of a line, not of a column: the
// Ethos-U85 computes four of them at a time.
#include "targets/EthosU/TosaLayer.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace halyard {

namespace {

class LayerBuilder {
public:
  LayerBuilder(OpBuilder &builder, const NpuLayer &layer)
      : builder(builder), location(builder.getUnknownLoc()), layer(layer) {}

  void build(ModuleOp module) {
    auto codes = RankedTensorType::get({1, 1, layer.rows, layer.features}, builder.getI8Type());
    auto sums = RankedTensorType::get({1, 1, layer.rows, layer.outputs}, builder.getI32Type());
    builder.setInsertionPointToEnd(module.getBody());
    auto function = func::FuncOp::create(builder, location, "main", builder.getFunctionType(codes, sums));
    function.setArgAttr(0, "tosa.tensor_name", builder.getStringAttr(kTosaCodes));
    function.setResultAttr(0, "tosa.tensor_name", builder.getStringAttr(kTosaSums));
    builder.setInsertionPointToStart(function.addEntryBlock());

    auto weight = RankedTensorType::get({layer.outputs, 1, 1, layer.features}, builder.getI8Type());
    Value zeroPoint = constant(DenseElementsAttr::get(vector(builder.getI8Type()), APInt(8, 0)));
    Value bias = constant(DenseElementsAttr::get(vector(builder.getI32Type()), APInt(32, 0)));
    Value result = tosa::Conv2DOp::create(
        builder, location, sums, function.getArgument(0),
        constant(DenseElementsAttr::getFromRawBuffer(weight, layer.weight)), bias, zeroPoint, zeroPoint,
        /*pad=*/ArrayRef<int64_t>{0, 0, 0, 0}, /*stride=*/ArrayRef<int64_t>{1, 1},
        /*dilation=*/ArrayRef<int64_t>{1, 1}, /*acc_type=*/builder.getI32Type());
    func::ReturnOp::create(builder, location, result);
  }

private:
  static RankedTensorType vector(Type element) { return RankedTensorType::get({1}, element); }
  Value constant(DenseElementsAttr value) {
    return tosa::ConstOp::create(builder, location, value.getType(), value);
  }

  OpBuilder &builder;
  Location location;
  const NpuLayer &layer;
};

} // namespace

std::string tosaLayer(const NpuLayer &layer) {
  // A context of its own: the weight is gone with it, and threads do not meet.
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<func::FuncDialect, tosa::TosaDialect>();
  OpBuilder builder(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
  LayerBuilder(builder, layer).build(*module);
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  return text;
}

} // namespace halyard

// Symbolic shapes of small functions, and that no operator of the dialect was forgotten.
#include "passes/Analysis/SymbolicShapes.h"
#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/SymbolicInference.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace halyard;

namespace {

class SymbolicShapesTest : public testing::Test {
protected:
  SymbolicShapesTest() { context.loadDialect<func::FuncDialect, onnx::ONNXDialect, seq::SeqDialect>(); }

  /// Shape of what the only function of `text` returns, as text.
  std::string returned(StringRef text) {
    module = parseSourceString<ModuleOp>(text, &context);
    auto func = cast<func::FuncOp>(module->getBody()->front());
    FailureOr<SymbolicShapes> shapes = SymbolicShapes::compute(func);
    if (failed(shapes))
      return "failed";
    Value value = func.getBody().front().getTerminator()->getOperand(0);
    std::string result;
    llvm::raw_string_ostream stream(result);
    if (std::optional<LengthExprs> shape = shapes->shape(value))
      llvm::interleave(
          *shape, stream, [&](AffineExpr extent) { extent ? void(stream << extent) : void(stream << "?"); },
          " x ");
    else
      stream << "unranked";
    return result;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(SymbolicShapesTest, EveryOperatorHasATransferFunction) {
  // Branches are followed by the analysis itself, and of packed weights float-weights has left none.
  constexpr llvm::StringLiteral others[] = {
      "onnx.None",           "onnx.Yield",         "onnx.If",
      "onnx.ms.MatMulNBits", "onnx.ms.MatMulBnb4", "onnx.ms.GatherBlockQuantized"};
  for (RegisteredOperationName name : context.getRegisteredOperations()) {
    if (name.getDialectNamespace() != "onnx" || llvm::is_contained(others, name.getStringRef()))
      continue;
    EXPECT_TRUE(TransferTable::get().contains(name.getTypeID())) << name.getStringRef().str();
  }
}

TEST_F(SymbolicShapesTest, BranchesThatLengthsDecide) {
  // The extents are the same, so the branch that would drop an axis is never taken.
  EXPECT_EQ(returned(R"(
    func.func @f(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, s, 8)>},
                 %y: tensor<1x?x4xf32> {halyard.shape = affine_map<()[s, t] -> (1, s, 4)>}) -> tensor<*xf32> {
      %one = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
      %xs = onnx.Shape %x {start = 1 : i64, end = 2 : i64} : (tensor<1x?x8xf32>) -> tensor<*xi64>
      %ys = onnx.Shape %y {start = 1 : i64, end = 2 : i64} : (tensor<1x?x4xf32>) -> tensor<*xi64>
      %same = onnx.Equal %xs, %ys : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
      %other = onnx.Not %same : (tensor<*xi1>) -> tensor<*xi1>
      %axes = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
      %r = onnx.If(%other) : (tensor<*xi1>) -> tensor<*xf32> {
        %z = onnx.Squeeze %x, %axes : (tensor<1x?x8xf32>, tensor<1xi64>) -> tensor<*xf32>
        onnx.Yield %z : tensor<*xf32>
      } else {
        onnx.Yield %x : tensor<1x?x8xf32>
      }
      return %r : tensor<*xf32>
    })"),
            "1 x s0 x 8");
}

TEST_F(SymbolicShapesTest, GroupedHeads) {
  EXPECT_EQ(returned(R"(
    func.func @f(%q: tensor<1x?x48xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 48)>},
                 %k: tensor<1x?x24xf32> {halyard.shape = affine_map<()[s, t] -> (1, s, 24)>}) -> tensor<*xf32> {
      %none = onnx.None : () -> none
      %r = onnx.Attention %q, %k, %k, %none, %none, %none, %none {q_num_heads = 6 : i64, kv_num_heads = 3 : i64}
         : (tensor<1x?x48xf32>, tensor<1x?x24xf32>, tensor<1x?x24xf32>, none, none, none, none) -> tensor<*xf32>
      return %r : tensor<*xf32>
    })"),
            "1 x s1 x 48");
}

TEST_F(SymbolicShapesTest, DataDecidesAnExtent) {
  EXPECT_EQ(returned(R"(
    func.func @f(%x: tensor<4x?xi64> {halyard.shape = affine_map<()[s, t] -> (4, t)>}) -> tensor<*xi64> {
      %r = onnx.NonZero %x : (tensor<4x?xi64>) -> tensor<*xi64>
      return %r : tensor<*xi64>
    })"),
            "2 x ?");
}

TEST_F(SymbolicShapesTest, BranchesAgree) {
  EXPECT_EQ(returned(R"(
    func.func @f(%c: tensor<i1>, %x: tensor<1x?xf32> {halyard.shape = affine_map<()[s, t] -> (1, t)>},
                 %y: tensor<1x?xf32> {halyard.shape = affine_map<()[s, t] -> (1, s)>}) -> tensor<*xf32> {
      %r = onnx.If(%c) : (tensor<i1>) -> tensor<*xf32> { onnx.Yield %x : tensor<1x?xf32> }
                                                 else { onnx.Yield %y : tensor<1x?xf32> }
      return %r : tensor<*xf32>
    })"),
            "1 x ?");
}

TEST_F(SymbolicShapesTest, EinsumWithEllipsis) {
  EXPECT_EQ(returned(R"(
    func.func @f(%a: tensor<2x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (2, t, 8)>},
                 %b: tensor<8x5xf32>) -> tensor<*xf32> {
      %r = onnx.Einsum %a, %b {equation = "...i, ij -> ...j"} : (tensor<2x?x8xf32>, tensor<8x5xf32>) -> tensor<*xf32>
      return %r : tensor<*xf32>
    })"),
            "2 x s1 x 5");
}

TEST_F(SymbolicShapesTest, RoundedFloatQuotient) {
  EXPECT_EQ(returned(R"(
    func.func @f(%x: tensor<1x?xf32> {halyard.shape = affine_map<()[s, t] -> (1, s)>}) -> tensor<*xf32> {
      %one = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
      %two = onnx.Constant {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
      %line = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
      %shape = onnx.Shape %x : (tensor<1x?xf32>) -> tensor<2xi64>
      %n = onnx.Gather %shape, %one : (tensor<2xi64>, tensor<i64>) -> tensor<*xi64>
      %f = onnx.Cast %n {to = f32} : (tensor<*xi64>) -> tensor<*xf32>
      %h = onnx.Div %f, %two : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
      %up = onnx.Ceil %h : (tensor<*xf32>) -> tensor<*xf32>
      %i = onnx.Cast %up {to = i64} : (tensor<*xf32>) -> tensor<*xi64>
      %v = onnx.Reshape %i, %line : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
      %r = onnx.ConstantOfShape %v : (tensor<*xi64>) -> tensor<*xf32>
      return %r : tensor<*xf32>
    })"),
            "(s0 + 1) floordiv 2");
}
} // namespace

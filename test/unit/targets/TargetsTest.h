// What the tests of targets share: a context with all dialects, modules from text, and functions run by the
// evaluator.
#ifndef HALYARD_TEST_UNIT_TARGETS_TARGETSTEST_H
#define HALYARD_TEST_UNIT_TARGETS_TARGETSTEST_H

#include "dialects/Seq/IR/Seq.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "targets/Common/Evaluator.h"

#include <gtest/gtest.h>

#include <random>

namespace halyard::test {

class TargetsTest : public ::testing::Test {
protected:
  TargetsTest() : evaluator(&context) {
    context.loadDialect<seq::SeqDialect, mlir::affine::AffineDialect, mlir::arith::ArithDialect,
                        mlir::func::FuncDialect, mlir::linalg::LinalgDialect, mlir::math::MathDialect,
                        mlir::tensor::TensorDialect>();
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return mlir::success();
    });
  }

  /// The first function of a module in MLIR's syntax.
  mlir::func::FuncOp parse(const std::string &text) {
    modules.push_back(mlir::parseSourceString<mlir::ModuleOp>(text, &context));
    if (!modules.back()) {
      ADD_FAILURE() << "does not parse: " << messages;
      return {};
    }
    return *modules.back()->getOps<mlir::func::FuncOp>().begin();
  }

  /// The results of the first function of `text`; none, and a failed test, if it cannot be evaluated.
  llvm::SmallVector<HostTensor> evaluate(const std::string &text, llvm::ArrayRef<HostTensor> arguments,
                                         int64_t source = 1, int64_t target = 1) {
    mlir::func::FuncOp function = parse(text);
    if (!function)
      return {};
    auto results = evaluator.run(function, arguments, source, target);
    EXPECT_TRUE(mlir::succeeded(results)) << messages;
    return mlir::succeeded(results) ? *results : llvm::SmallVector<HostTensor>();
  }

  HostTensor floats(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values) {
    return HostTensor::of(shape, mlir::Float32Type::get(&context), values);
  }
  HostTensor integers(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> values) {
    return HostTensor::of(shape, mlir::IntegerType::get(&context, 64), values);
  }
  HostTensor smallIntegers(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int32_t> values) {
    return HostTensor::of(shape, mlir::IntegerType::get(&context, 32), values);
  }
  /// Normally distributed floats.
  HostTensor randomFloats(llvm::ArrayRef<int64_t> shape) {
    HostTensor tensor = HostTensor::allocate(shape, mlir::Float32Type::get(&context));
    std::normal_distribution<float> distribution;
    for (float &value : tensor.mutableValues<float>())
      value = distribution(random);
    return tensor;
  }

  mlir::MLIRContext context;
  Evaluator evaluator;
  std::string messages;
  std::mt19937 random{1};
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

template <typename T> std::vector<T> toVector(const HostTensor &tensor) { return tensor.values<T>().vec(); }

} // namespace halyard::test

#endif

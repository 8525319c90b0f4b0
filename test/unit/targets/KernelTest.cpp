// Kernels compiled to objects for every x86-64 level that this machine runs, against the evaluator and plain
// loops.
#include "CompiledKernel.h"
#include "TargetsTest.h"

#include "targets/Common/Target.h"

#include <cmath>

using namespace halyard;
using namespace halyard::test;

namespace {
class KernelTest : public TargetsTest, public ::testing::WithParamInterface<std::string> {
protected:
  void SetUp() override {
    // Levels are ordered; what the best level of this machine does not include cannot be run here.
    const Target *host = lookupTarget("host");
    if (!host || (host->name() == "x86-64-v3" && GetParam() == "x86-64-v4"))
      GTEST_SKIP() << "this machine does not run " << GetParam();
  }

  std::vector<HostTensor> run(const std::string &text, llvm::ArrayRef<CompiledKernel::Argument> arguments,
                              llvm::ArrayRef<llvm::SmallVector<int64_t>> shapes) {
    mlir::func::FuncOp function = parse(text);
    CompiledKernel kernel(function, GetParam());
    EXPECT_EQ(kernel.error, "") << messages;
    if (!kernel.error.empty())
      return {};
    for (const std::string &symbol : kernel.undefinedSymbols())
      EXPECT_TRUE(symbol == "halide_do_par_for" || symbol.find("halide") == std::string::npos) << symbol;
    return kernel.run(arguments, shapes);
  }

  /// Every element within `tolerance` of the expected one, relative to the largest.
  void expectNear(const HostTensor &actual, llvm::ArrayRef<double> expected, double tolerance = 1e-5) {
    ASSERT_EQ(actual.elements(), static_cast<int64_t>(expected.size()));
    double largest = 1;
    for (double value : expected)
      largest = std::max(largest, std::fabs(value));
    int wrong = 0;
    for (auto [i, value] : llvm::enumerate(actual.values<float>()))
      if (!(std::fabs(value - expected[i]) <= tolerance * largest) && ++wrong <= 5)
        ADD_FAILURE() << "element " << i << " is " << value << " instead of " << expected[i];
    EXPECT_EQ(wrong, 0);
  }
};

std::string typeOf(llvm::ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t extent : shape)
    text += (extent < 0 ? "?" : std::to_string(extent)) + "x";
  return "tensor<" + text + "f32>";
}

/// x [?, K] times w ([K, N], or [N, K]) plus bias, then relu.
std::string linearText(int64_t k, int64_t n, bool transposed) {
  std::string w = transposed ? typeOf({n, k}) : typeOf({k, n});
  std::string x = typeOf({-1, k}), b = typeOf({n}), y = typeOf({-1, n});
  std::string map = transposed ? "affine_map<(i, j, k) -> (j, k)>" : "affine_map<(i, j, k) -> (k, j)>";
  return "func.func @linear(%x: " + x + ", %w: " + w + ", %b: " + b + ", %n: index) -> " + y + R"( {
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty(%n) : )" +
         y + R"(
    %i = linalg.fill ins(%zero : f32) outs(%e : )" +
         y + ") -> " + y + R"(
    %p = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, )" +
         map + R"(, affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%x, %w : )" +
         x + ", " + w + ") outs(%i : " + y + R"() {
      ^bb0(%a: f32, %c: f32, %s: f32):
        %m = arith.mulf %a, %c : f32
        %t = arith.addf %s, %m : f32
        linalg.yield %t : f32
    } -> )" +
         y + R"(
    %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
        iterator_types = ["parallel", "parallel"]} ins(%p, %b : )" +
         y + ", " + b + ") outs(%e : " + y + R"() {
      ^bb0(%a: f32, %c: f32, %s: f32):
        %t = arith.addf %a, %c : f32
        %u = arith.maximumf %t, %zero : f32
        linalg.yield %u : f32
    } -> )" +
         y + R"(
    return %r : )" +
         y + "\n}";
}
} // namespace

TEST_P(KernelTest, ComputesLinearLayers) {
  struct Case {
    int64_t k, n;
    bool transposed;
  };
  for (Case c : {Case{64, 128, false}, Case{37, 19, false}, Case{16, 5, false}, Case{300, 256, false},
                 Case{64, 128, true}, Case{37, 19, true}, Case{512, 203, true}, Case{5, 3, true},
                 Case{8, 1, true}, Case{8, 1, false}})
    for (int64_t rows : {1, 3, 4, 9}) {
      HostTensor x = randomFloats({rows, c.k});
      HostTensor w = c.transposed ? randomFloats({c.n, c.k}) : randomFloats({c.k, c.n});
      HostTensor b = randomFloats({c.n});
      auto results =
          run(linearText(c.k, c.n, c.transposed), {x, w, b, static_cast<int32_t>(rows)}, {{rows, c.n}});
      ASSERT_EQ(results.size(), 1u);
      std::vector<double> expected;
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < c.n; ++j) {
          double sum = b.values<float>()[j];
          for (int64_t k = 0; k < c.k; ++k)
            sum += double(x.values<float>()[i * c.k + k]) *
                   w.values<float>()[c.transposed ? j * c.k + k : k * c.n + j];
          expected.push_back(std::max(sum, 0.0));
        }
      SCOPED_TRACE("k " + std::to_string(c.k) + " n " + std::to_string(c.n) + " rows " +
                   std::to_string(rows));
      expectNear(results[0], expected);
    }
}

INSTANTIATE_TEST_SUITE_P(Levels, KernelTest, ::testing::Values("x86-64-v2", "x86-64", "x86-64-v4"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

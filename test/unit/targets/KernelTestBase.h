// Kernels compiled to objects for one x86-64 level, run and compared.
#ifndef HALYARD_TEST_UNIT_TARGETS_KERNELTESTBASE_H
#define HALYARD_TEST_UNIT_TARGETS_KERNELTESTBASE_H

#include "CompiledKernel.h"
#include "DotProducts.h"
#include "TargetsTest.h"

#include "targets/Common/CpuShape.h"
#include "targets/Common/Target.h"

#include <cmath>

namespace halyard::test {

/// The parameter is the name of a target, or `kSameBits`.
class KernelTestBase : public TargetsTest, public ::testing::WithParamInterface<std::string> {
protected:
  void SetUp() override {
    if (!runsInProcess(machine()) && machine().emulator().program.empty() &&
        machine().deviceInterface().empty())
      GTEST_SKIP() << "this machine does not run " << GetParam();
  }

  /// The target; for the same bits on all of them, one whose layouts all can read.
  static const Target &machine() {
    return *lookupTarget(GetParam() == kSameBits ? "x86-64-multi" : GetParam());
  }

  /// Results of the first function of `text`, compiled for the target. Fails the test if its object needs
  /// more than the artifact's thread pool and the C library; elsewhere than on this machine, linking tells.
  std::vector<HostTensor> run(const std::string &text, llvm::ArrayRef<CompiledKernel::Argument> arguments,
                              llvm::ArrayRef<llvm::SmallVector<int64_t>> shapes) {
    mlir::func::FuncOp function = parse(text);
    if (!function)
      return {};
    CompiledKernel kernel(function, GetParam());
    EXPECT_EQ(kernel.error, "") << messages;
    if (!kernel.error.empty())
      return {};
    for (const std::string &symbol :
         runsInProcess(machine()) ? kernel.undefinedSymbols() : std::vector<std::string>())
      EXPECT_TRUE(symbol == "halide_do_par_for" || symbol == "halyard_prefetch" ||
                  (machine().shape().hasMatrixTiles && symbol.find("halyard_tiles") == 0) ||
                  (symbol.find("halide") == std::string::npos && symbol.find("halyard") == std::string::npos))
          << symbol;
    return kernel.run(arguments, shapes);
  }

  /// Every element within `tolerance` of the expected one, relative to the largest expected (at least 1).
  static void expectNear(const HostTensor &actual, llvm::ArrayRef<double> expected, double tolerance = 1e-5) {
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

  /// The compiled function gives what the evaluator gives.
  void compare(const std::string &text, llvm::ArrayRef<HostTensor> arguments, double tolerance = 1e-5) {
    auto expected = evaluate(text, arguments);
    std::vector<CompiledKernel::Argument> same(arguments.begin(), arguments.end());
    std::vector<llvm::SmallVector<int64_t>> shapes;
    for (const HostTensor &tensor : expected)
      shapes.push_back(tensor.shape);
    auto actual = run(text, same, shapes);
    ASSERT_EQ(actual.size(), expected.size());
    for (auto [a, e] : llvm::zip(actual, expected)) {
      if (e.elementType.isF32())
        expectNear(a, doubles(e), tolerance);
      else
        EXPECT_EQ(std::memcmp(a.data.get(), e.data.get(), e.bytes()), 0);
    }
  }

  static std::vector<double> doubles(const HostTensor &tensor) {
    return {tensor.values<float>().begin(), tensor.values<float>().end()};
  }

  /// tensor<...xf32>; negative extents are dynamic.
  static std::string typeOf(llvm::ArrayRef<int64_t> shape) {
    std::string text;
    for (int64_t extent : shape)
      text += (extent < 0 ? "?" : std::to_string(extent)) + "x";
    return "tensor<" + text + "f32>";
  }
};

inline std::string targetTestName(const ::testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  for (char &letter : name)
    if (letter == '-' || letter == '+')
      letter = '_';
  return name;
}

/// For source, and the levels that an artifact holds by default. The others differ from these in how they
/// multiply codes and bf16 only, so that tests of other kernels would see the same twice.
#define HALYARD_INSTANTIATE_FOR_TARGETS(Suite)                                                               \
  INSTANTIATE_TEST_SUITE_P(Targets, Suite, ::testing::Values("x86-64-v2", "x86-64", "x86-64-v4-vnni"),       \
                           targetTestName)

#define HALYARD_INSTANTIATE_FOR_ALL_TARGETS(Suite)                                                           \
  INSTANTIATE_TEST_SUITE_P(Targets, Suite,                                                                   \
                           ::testing::Values("x86-64-v2", "x86-64", "x86-64-v3-vnni", "x86-64-v4",           \
                                             "x86-64-v4-vnni", "x86-64-v4-amx"),                             \
                           targetTestName)

} // namespace halyard::test

#endif

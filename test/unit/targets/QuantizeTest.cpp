// Rows made into codes, alone and together with the normalisation before them.
#include "KernelTestBase.h"

using namespace halyard;
using namespace halyard::test;

namespace {
class QuantizeTest : public KernelTestBase {
protected:
  /// Codes and scales are those of `rows`, up to a code of the neighbouring value where rounding is close.
  void check(llvm::ArrayRef<double> rows, int64_t features, int64_t zeroPoint, const HostTensor &codes,
             const HostTensor &scales);
  std::string codesType(int64_t features, int64_t zeroPoint) {
    return "tensor<?x" + std::to_string(llvm::alignTo(features, 4)) + (zeroPoint ? "xui8>" : "xi8>");
  }
};
} // namespace

void QuantizeTest::check(llvm::ArrayRef<double> rows, int64_t features, int64_t zeroPoint,
                         const HostTensor &codes, const HostTensor &scales) {
  int64_t padded = llvm::alignTo(features, 4);
  for (int64_t i = 0, count = rows.size() / features; i < count; ++i) {
    auto row = rows.slice(i * features, features);
    double largest = 0;
    for (double value : row)
      largest = std::max(largest, std::fabs(value));
    double scale = largest > 0 ? largest / 127 : 1;
    EXPECT_NEAR(scales.values<float>()[i], scale, scale * 1e-5);
    for (int64_t k = 0; k < padded; ++k) {
      int code = zeroPoint ? codes.values<uint8_t>()[i * padded + k] : codes.values<int8_t>()[i * padded + k];
      double exact = k < features ? row[k] / scale : 0;
      ASSERT_NEAR(code - zeroPoint, exact, k < features ? 0.501 : 0) << "row " << i << ", feature " << k;
    }
  }
}

TEST_P(QuantizeTest, MakesCodesOfRows) {
  for (int64_t zeroPoint : {0, 128})
    for (int64_t features : {3, 37, 64, 512, 510}) {
      std::string x = typeOf({-1, features}), q = codesType(features, zeroPoint);
      std::string attributes = zeroPoint ? "{zero_point = 128 : i64} : " : ": ";
      std::string text = "func.func @quantize(%x: " + x + ") -> (" + q + ", tensor<?xf32>) {\n" +
                         " %q, %s = seq.quantize %x " + attributes + x + " -> " + q + ", tensor<?xf32>\n" +
                         " return %q, %s : " + q + ", tensor<?xf32>\n}";
      CompiledKernel kernel(parse(text), GetParam());
      ASSERT_EQ(kernel.error, "") << messages;
      for (int64_t rows : {1, 5, 150}) {
        SCOPED_TRACE(std::to_string(rows) + " rows of " + std::to_string(features));
        HostTensor input = randomFloats({rows, features});
        std::fill_n(input.mutableValues<float>().begin(), features, 0.0f);
        auto results =
            kernel.run({input}, {{rows, static_cast<int64_t>(llvm::alignTo(features, 4))}, {rows}});
        ASSERT_EQ(results.size(), 2u);
        check(doubles(input), features, zeroPoint, results[0], results[1]);
      }
    }
}

TEST_P(QuantizeTest, NormalisesFirst) {
  const std::string text = R"(
    func.func @norm(%x: tensor<?x96xf32>, %g: tensor<96xf32>) -> (tensor<?x96xui8>, tensor<?xf32>, tensor<?x96xf32>) {
      %n = seq.norm rms %x, %g {epsilon = 1.0e-6 : f64} : tensor<?x96xf32>, tensor<96xf32> -> tensor<?x96xf32>
      %q, %s = seq.quantize %n {zero_point = 128 : i64} : tensor<?x96xf32> -> tensor<?x96xui8>, tensor<?xf32>
      return %q, %s, %n : tensor<?x96xui8>, tensor<?xf32>, tensor<?x96xf32>
    })";
  CompiledKernel kernel(parse(text), GetParam());
  ASSERT_EQ(kernel.error, "") << messages;
  for (int64_t rows : {1, 4, 131}) {
    HostTensor x = randomFloats({rows, 96}), g = randomFloats({96});
    auto results = kernel.run({x, g}, {{rows, 96}, {rows}, {rows, 96}});
    ASSERT_EQ(results.size(), 3u);
    std::vector<double> expected;
    for (int64_t i = 0; i < rows; ++i) {
      double squares = 0;
      for (int64_t k = 0; k < 96; ++k)
        squares += double(x.values<float>()[i * 96 + k]) * x.values<float>()[i * 96 + k];
      for (int64_t k = 0; k < 96; ++k)
        expected.push_back(x.values<float>()[i * 96 + k] / std::sqrt(squares / 96 + 1e-6) *
                           g.values<float>()[k]);
    }
    expectNear(results[2], expected);
    check(expected, 96, 128, results[0], results[1]);
  }
}

TEST_P(QuantizeTest, ComputesItsInputOnce) {
  // A gate: codes of an elementwise product, with no other result.
  const std::string text = R"(
    func.func @gate(%x: tensor<?x50xf32>, %y: tensor<?x50xf32>) -> (tensor<?x52xi8>, tensor<?xf32>) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?x50xf32>
      %e = tensor.empty(%n) : tensor<?x50xf32>
      %m = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>,
          affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
          ins(%x, %y : tensor<?x50xf32>, tensor<?x50xf32>) outs(%e : tensor<?x50xf32>) {
        ^bb0(%a: f32, %b: f32, %o: f32):
          %p = arith.mulf %a, %b : f32
          linalg.yield %p : f32
      } -> tensor<?x50xf32>
      %q, %s = seq.quantize %m : tensor<?x50xf32> -> tensor<?x52xi8>, tensor<?xf32>
      return %q, %s : tensor<?x52xi8>, tensor<?xf32>
    })";
  HostTensor x = randomFloats({7, 50}), y = randomFloats({7, 50});
  auto results = run(text, {x, y}, {{7, 52}, {7}});
  ASSERT_EQ(results.size(), 2u);
  std::vector<double> expected;
  for (int64_t i = 0; i < 7 * 50; ++i)
    expected.push_back(double(x.values<float>()[i]) * y.values<float>()[i]);
  check(expected, 50, 0, results[0], results[1]);
}

HALYARD_INSTANTIATE_FOR_ALL_TARGETS(QuantizeTest);

// Contractions compiled to objects: linear layers, convolutions, batches, narrow elements.
#include "KernelTestBase.h"

using namespace halyard;
using namespace halyard::test;

namespace {
class ContractionTest : public KernelTestBase {
protected:
  static std::string linearText(int64_t k, int64_t n, bool transposed);
};
} // namespace

/// x [?, K] times w ([K, N], or [N, K]) plus bias, then relu.
std::string ContractionTest::linearText(int64_t k, int64_t n, bool transposed) {
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

TEST_P(ContractionTest, ComputesLinearLayers) {
  struct Case {
    int64_t k, n;
    bool transposed;
  };
  for (Case c : {Case{64, 128, false}, Case{37, 19, false}, Case{16, 5, false}, Case{300, 256, false},
                 Case{64, 128, true}, Case{37, 19, true}, Case{512, 203, true}, Case{5, 3, true},
                 Case{8, 1, true}, Case{8, 1, false}}) {
    CompiledKernel kernel(parse(linearText(c.k, c.n, c.transposed)), GetParam());
    ASSERT_EQ(kernel.error, "") << messages;
    for (int64_t rows : {1, 3, 4, 9, 32, 71}) {
      SCOPED_TRACE("k " + std::to_string(c.k) + " n " + std::to_string(c.n) + " rows " +
                   std::to_string(rows));
      HostTensor x = randomFloats({rows, c.k});
      HostTensor w = c.transposed ? randomFloats({c.n, c.k}) : randomFloats({c.k, c.n});
      HostTensor b = randomFloats({c.n});
      auto results = kernel.run({x, w, b, static_cast<int32_t>(rows)}, {{rows, c.n}});
      std::vector<double> expected;
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < c.n; ++j) {
          double sum = b.values<float>()[j];
          for (int64_t k = 0; k < c.k; ++k)
            sum += double(x.values<float>()[i * c.k + k]) *
                   w.values<float>()[c.transposed ? j * c.k + k : k * c.n + j];
          expected.push_back(std::max(sum, 0.0));
        }
      expectNear(results[0], expected);
    }
  }
}

TEST_P(ContractionTest, ConvolvesAndActivates) {
  const std::string text = R"(
    func.func @conv(%x: tensor<1x5x?xf32>, %w: tensor<12x5x3xf32>, %b: tensor<12xf32>) -> tensor<1x12x?xf32> {
      %c2 = arith.constant 2 : index
      %zero = arith.constant 0.0 : f32
      %n = tensor.dim %x, %c2 : tensor<1x5x?xf32>
      %m = affine.apply affine_map<(n) -> ((n - 3) floordiv 2 + 1)>(%n)
      %e = tensor.empty(%m) : tensor<1x12x?xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<1x12x?xf32>) -> tensor<1x12x?xf32>
      %p = linalg.generic {indexing_maps = [affine_map<(b, o, x, c, k) -> (b, c, x * 2 + k)>,
          affine_map<(b, o, x, c, k) -> (o, c, k)>, affine_map<(b, o, x, c, k) -> (b, o, x)>],
          iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
          ins(%x, %w : tensor<1x5x?xf32>, tensor<12x5x3xf32>) outs(%i : tensor<1x12x?xf32>) {
        ^bb0(%a: f32, %c: f32, %s: f32):
          %q = arith.mulf %a, %c : f32
          %t = arith.addf %s, %q : f32
          linalg.yield %t : f32
      } -> tensor<1x12x?xf32>
      %r = linalg.generic {indexing_maps = [affine_map<(b, o, x) -> (b, o, x)>, affine_map<(b, o, x) -> (o)>,
          affine_map<(b, o, x) -> (b, o, x)>], iterator_types = ["parallel", "parallel", "parallel"]}
          ins(%p, %b : tensor<1x12x?xf32>, tensor<12xf32>) outs(%e : tensor<1x12x?xf32>) {
        ^bb0(%a: f32, %c: f32, %s: f32):
          %t = arith.addf %a, %c : f32
          %half = arith.constant 0.5 : f32
          %root = arith.constant 0.70710678 : f32
          %one = arith.constant 1.0 : f32
          %u = arith.mulf %t, %root : f32
          %erf = math.erf %u : f32
          %v = arith.addf %erf, %one : f32
          %w2 = arith.mulf %t, %v : f32
          %g = arith.mulf %w2, %half : f32
          linalg.yield %g : f32
      } -> tensor<1x12x?xf32>
      return %r : tensor<1x12x?xf32>
    })";
  for (int64_t length : {3, 9, 100, 401})
    compare(text, {randomFloats({1, 5, length}), randomFloats({12, 5, 3}), randomFloats({12})});
}

/// Errors of a sum of 240 terms grow with blocks of them; one after the other they would be twice as large.
TEST_P(ContractionTest, AddsUpConvolutionsInBlocks) {
  const int64_t channels = 80, outputs = 64, length = 602, rows = length - 2;
  HostTensor x = randomFloats({1, channels, length}), w = randomFloats({outputs, channels, 3});
  auto results = run(R"(
    func.func @conv(%x: tensor<1x80x?xf32>, %w: tensor<64x80x3xf32>) -> tensor<1x64x?xf32> {
      %c2 = arith.constant 2 : index
      %zero = arith.constant 0.0 : f32
      %n = tensor.dim %x, %c2 : tensor<1x80x?xf32>
      %m = affine.apply affine_map<(n) -> (n - 2)>(%n)
      %e = tensor.empty(%m) : tensor<1x64x?xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<1x64x?xf32>) -> tensor<1x64x?xf32>
      %p = linalg.generic {indexing_maps = [affine_map<(b, o, x, c, k) -> (b, c, x + k)>,
          affine_map<(b, o, x, c, k) -> (o, c, k)>, affine_map<(b, o, x, c, k) -> (b, o, x)>],
          iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
          ins(%x, %w : tensor<1x80x?xf32>, tensor<64x80x3xf32>) outs(%i : tensor<1x64x?xf32>) {
        ^bb0(%a: f32, %c: f32, %s: f32):
          %q = arith.mulf %a, %c : f32
          %t = arith.addf %s, %q : f32
          linalg.yield %t : f32
      } -> tensor<1x64x?xf32>
      return %p : tensor<1x64x?xf32>
    })",
                     {x, w}, {{1, outputs, rows}});
  ASSERT_EQ(results.size(), 1u);
  double error = 0, norm = 0;
  for (int64_t o = 0; o < outputs; ++o)
    for (int64_t row = 0; row < rows; ++row) {
      double exact = 0;
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t k = 0; k < 3; ++k)
          exact +=
              double(x.values<float>()[c * length + row + k]) * w.values<float>()[(o * channels + c) * 3 + k];
      double off = results[0].values<float>()[o * rows + row] - exact;
      error += off * off;
      norm += exact * exact;
    }
  EXPECT_LT(std::sqrt(error / norm), 1.6e-7);
}

TEST_P(ContractionTest, ConvolvesPatches) {
  compare(R"(
    func.func @patches(%x: tensor<1x3x32x32xf32>, %w: tensor<20x3x8x8xf32>) -> tensor<1x20x4x4xf32> {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<1x20x4x4xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<1x20x4x4xf32>) -> tensor<1x20x4x4xf32>
      %p = linalg.generic {indexing_maps = [affine_map<(b, o, y, x, c, k, l) -> (b, c, y * 8 + k, x * 8 + l)>,
          affine_map<(b, o, y, x, c, k, l) -> (o, c, k, l)>, affine_map<(b, o, y, x, c, k, l) -> (b, o, y, x)>],
          iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
          ins(%x, %w : tensor<1x3x32x32xf32>, tensor<20x3x8x8xf32>) outs(%i : tensor<1x20x4x4xf32>) {
        ^bb0(%a: f32, %c: f32, %s: f32):
          %q = arith.mulf %a, %c : f32
          %t = arith.addf %s, %q : f32
          linalg.yield %t : f32
      } -> tensor<1x20x4x4xf32>
      return %p : tensor<1x20x4x4xf32>
    })",
          {randomFloats({1, 3, 32, 32}), randomFloats({20, 3, 8, 8})});
}

TEST_P(ContractionTest, MultipliesBatchesOfDynamicExtents) {
  const std::string text = R"(
    func.func @scores(%q: tensor<4x?x16xf32>, %k: tensor<4x16x?xf32>) -> tensor<4x?x?xf32> {
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %zero = arith.constant 0.0 : f32
      %n = tensor.dim %q, %c1 : tensor<4x?x16xf32>
      %m = tensor.dim %k, %c2 : tensor<4x16x?xf32>
      %e = tensor.empty(%n, %m) : tensor<4x?x?xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
      %p = linalg.batch_matmul ins(%q, %k : tensor<4x?x16xf32>, tensor<4x16x?xf32>) outs(%i : tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
      return %p : tensor<4x?x?xf32>
    })";
  for (auto [n, m] : {std::pair<int64_t, int64_t>{1, 1}, {3, 20}, {70, 131}, {5, 7}})
    compare(text, {randomFloats({4, n, 16}), randomFloats({4, 16, m})});
}

TEST_P(ContractionTest, MultipliesSmallIntegers) {
  HostTensor x = HostTensor::allocate({3, 40}, mlir::IntegerType::get(&context, 8)),
             w = HostTensor::allocate({40, 24}, x.elementType);
  for (HostTensor *tensor : {&x, &w})
    for (int8_t &value : tensor->mutableValues<int8_t>())
      value = static_cast<int8_t>(random());
  compare(R"(
    func.func @quantised(%x: tensor<?x40xi8>, %w: tensor<40x24xi8>) -> tensor<?x24xi32> {
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0 : i32
      %n = tensor.dim %x, %c0 : tensor<?x40xi8>
      %e = tensor.empty(%n) : tensor<?x24xi32>
      %i = linalg.fill ins(%zero : i32) outs(%e : tensor<?x24xi32>) -> tensor<?x24xi32>
      %r = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>,
          affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%x, %w : tensor<?x40xi8>, tensor<40x24xi8>) outs(%i : tensor<?x24xi32>) {
        ^bb0(%a: i8, %b: i8, %s: i32):
          %p = arith.extsi %a : i8 to i32
          %q = arith.extsi %b : i8 to i32
          %m = arith.muli %p, %q : i32
          %t = arith.addi %s, %m : i32
          linalg.yield %t : i32
      } -> tensor<?x24xi32>
      return %r : tensor<?x24xi32>
    })",
          {x, w});
}

TEST_P(ContractionTest, ReadsHalfPrecisionWeights) {
  for (const char *type : {"f16", "bf16"}) {
    std::string half = type;
    auto weights = [&](const std::string &shape) { return "tensor<" + shape + "x" + half + ">"; };
    std::string w = weights("40x24");
    // Weights are given as float32 and narrowed by a first function, so that both sides read the same bits.
    HostTensor wide = randomFloats({40, 24});
    auto narrow = evaluate("func.func @narrow(%x: tensor<40x24xf32>) -> " + w + R"( {
      %e = tensor.empty() : )" +
                               w + R"(
      %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
          iterator_types = ["parallel", "parallel"]} ins(%x : tensor<40x24xf32>) outs(%e : )" +
                               w + R"() {
        ^bb0(%a: f32, %o: )" + half +
                               R"():
          %t = arith.truncf %a : f32 to )" +
                               half + R"(
          linalg.yield %t : )" +
                               half + R"(
      } -> )" + w +
                               "\n return %r : " + w + "\n}",
                           {wide});
    ASSERT_EQ(narrow.size(), 1u);
    compare("func.func @mixed(%x: tensor<?x40xf32>, %w: " + w + R"() -> tensor<?x24xf32> {
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %n = tensor.dim %x, %c0 : tensor<?x40xf32>
      %e = tensor.empty(%n) : tensor<?x24xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<?x24xf32>) -> tensor<?x24xf32>
      %r = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>,
          affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%x, %w : tensor<?x40xf32>, )" +
                w + R"() outs(%i : tensor<?x24xf32>) {
        ^bb0(%a: f32, %b: )" +
                half + R"(, %s: f32):
          %q = arith.extf %b : )" +
                half + R"( to f32
          %m = arith.mulf %a, %q : f32
          %t = arith.addf %s, %m : f32
          linalg.yield %t : f32
      } -> tensor<?x24xf32>
      return %r : tensor<?x24xf32>
    })",
            {randomFloats({5, 40}), narrow[0]});
  }
}

HALYARD_INSTANTIATE_FOR_TARGETS(ContractionTest);

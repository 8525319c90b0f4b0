// Kernels compiled to objects for every x86-64 level that this machine runs, against the evaluator and plain
// loops.
#include "KernelTestBase.h"

using namespace halyard;
using namespace halyard::test;

namespace {
class KernelTest : public KernelTestBase {
protected:
  static std::string linearText(int64_t k, int64_t n, bool transposed);
};
} // namespace

/// x [?, K] times w ([K, N], or [N, K]) plus bias, then relu.
std::string KernelTest::linearText(int64_t k, int64_t n, bool transposed) {
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

HALYARD_INSTANTIATE_FOR_TARGETS(KernelTest);

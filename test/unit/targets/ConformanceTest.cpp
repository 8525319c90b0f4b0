// Every family of kernels on every target, at sizes that are multiples of nothing. Linear layers and
// attention are compared with plain loops in double, all others with the evaluator
// (targets/Common/Evaluator), which runs operation by operation on this machine. What a test covers is kept
// in its results, of which make_table.py makes docs/targets.md.
#include "AttentionCase.h"
#include "LinearLayer.h"

using namespace halyard;
using namespace halyard::test;

/// False if the target says that it has no kernels of the precision.
static bool covers(const Target &target, const char *family, llvm::StringRef precision) {
  bool computes = llvm::is_contained(target.precisions(), precision);
  ::testing::Test::RecordProperty("family", family);
  ::testing::Test::RecordProperty("precision", precision.str());
  ::testing::Test::RecordProperty("computes", computes ? "yes" : "no");
  return computes;
}

//===-- linear layers ------------------------------------------------------------------------------===//

namespace {
class LinearConformance : public LinearTest {
protected:
  void check(WeightPrecision precision, int64_t more = 0) {
    for (Layer wanted : {Layer{37 + more, 19, precision, true}, Layer{301 + more, 203, precision, false}}) {
      prepare(wanted);
      CompiledKernel kernel(parse(text()), GetParam());
      ASSERT_EQ(kernel.error, "") << messages;
      for (int64_t rows : {1, 3, 8, 33}) {
        SCOPED_TRACE(std::to_string(rows) + " rows of " + std::to_string(wanted.features));
        HostTensor input = randomInput(rows);
        auto results = kernel.run(arguments(input, 0, rows), {{rows, layer.outputs}});
        expectNear(results[0], expected(input));
      }
    }
  }
};
} // namespace

TEST_P(LinearConformance, Floats) {
  if (!covers(machine(), "linear layer", "f32"))
    return;
  check(WeightPrecision::f32);
}

/// Two terms of bf16 are multiplied at once: rows have an even number.
TEST_P(LinearConformance, Bfloats) {
  if (covers(machine(), "linear layer", "bf16"))
    check(WeightPrecision::bf16, 1);
}

TEST_P(LinearConformance, Halves) {
  if (covers(machine(), "linear layer", "f16"))
    check(WeightPrecision::f16);
}

TEST_P(LinearConformance, Bytes) {
  if (!covers(machine(), "linear layer", "int8"))
    return;
  check(WeightPrecision::i8);
}

TEST_P(LinearConformance, Nibbles) {
  if (!covers(machine(), "linear layer", "int4"))
    return;
  check(WeightPrecision::i4);
}

//===-- attention ----------------------------------------------------------------------------------===//

using AttentionConformance = AttentionTest;

TEST_P(AttentionConformance, Tensors) {
  if (!covers(machine(), "attention over tensors", "f32"))
    return;
  AttentionCase c{5, 5, 13, 13, 7, 21};
  c.scale = 0.3;
  fill(c);
  c.bias = randomFloats({5, 7, 21});
  c.mask = randomFloats({1, 21});
  c.mask->mutableValues<float>()[4] = -std::numeric_limits<float>::infinity();
  check(c);
  AttentionCase shared{6, 3, 13, 11, 70, 141};
  shared.causal = shared.byDistance = true;
  fill(shared);
  shared.bias = randomFloats({6, 2 * 150 - 1});
  check(shared);
}

TEST_P(AttentionConformance, Caches) {
  if (!covers(machine(), "attention over caches", "f32"))
    return;
  AttentionCase c{5, 5, 13, 13, 4, 37};
  c.scale = 0.3;
  c.causal = true;
  c.slot = {0, 2, 1, 0};
  c.position = {0, 36, 11, 17};
  fill(c);
  check(c);
  c.blockRows = 48;
  check(c);
  AttentionCase ofSource{4, 2, 13, 13, 4, 37};
  ofSource.slot = {1, 0, 2, 1};
  ofSource.position = {5, 6, 7, 8};
  ofSource.counts = {37, 19, 0};
  fill(ofSource);
  ofSource.mask = randomFloats({3, 37});
  check(ofSource);
}

TEST_P(AttentionConformance, CachesOfCodes) {
  if (!covers(machine(), "attention over caches", "int8"))
    return;
  AttentionCase c{5, 5, 14, 14, 4, 37};
  c.scale = 0.3;
  c.isCoded = true;
  c.blockRows = 48;
  c.slot = {0, 2, 1, 0};
  c.position = {0, 36, 11, 17};
  c.causal = true;
  fill(c);
  check(c);
  c.causal = false;
  c.counts = {37, 19, 0};
  check(c);
}

//===-- other kernels ------------------------------------------------------------------------------===//

namespace {
class KernelConformance : public KernelTestBase {
protected:
  /// A function of x, a tensor<?xNxf32>, with a scale s of N features.
  static std::string rowsOf(const char *features, std::string body) {
    std::string x = std::string("tensor<?x") + features + "xf32>",
                s = std::string("tensor<") + features + "xf32>";
    std::string text = "func.func @rows(%x: X, %s: S) -> X {\n" + body + "\n return %r : X\n}";
    for (size_t at = 0; (at = text.find_first_of("XS", at)) != std::string::npos;)
      text.replace(at, 1, text[at] == 'X' ? x : s), at += 1;
    return text;
  }
};

/// Loops over rows and columns: `body` makes %v of %a.
std::string elementwise(const std::string &body) {
  return R"(func.func @map(%x: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %c0 = arith.constant 0 : index
    %n = tensor.dim %x, %c0 : tensor<?x37xf32>
    %e = tensor.empty(%n) : tensor<?x37xf32>
    %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
        iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x37xf32>) outs(%e : tensor<?x37xf32>) {
      ^bb0(%a: f32, %o: f32):
        %one = arith.constant 1.0 : f32
)" + body +
         R"(
        linalg.yield %v : f32
    } -> tensor<?x37xf32>
    return %r : tensor<?x37xf32>
  })";
}

/// A reduction of each row: `body` makes %v of the element %a and what was reduced before, %o.
std::string reduction(const std::string &first, const std::string &body) {
  return R"(func.func @reduce(%x: tensor<?x37xf32>) -> tensor<?xf32> {
    %c0 = arith.constant 0 : index
    %first = arith.constant )" +
         first + R"( : f32
    %n = tensor.dim %x, %c0 : tensor<?x37xf32>
    %e = tensor.empty(%n) : tensor<?xf32>
    %i = linalg.fill ins(%first : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
    %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
        iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x37xf32>) outs(%i : tensor<?xf32>) {
      ^bb0(%a: f32, %o: f32):
)" + body +
         R"(
        linalg.yield %v : f32
    } -> tensor<?xf32>
    return %r : tensor<?xf32>
  })";
}
} // namespace

TEST_P(KernelConformance, NormalisesRows) {
  if (!covers(machine(), "norm", "f32"))
    return;
  std::string layer = rowsOf("37",
                             " %r = seq.norm layer %x, %s bias(%s : S) {epsilon = 1.0e-5 : f64} : X, S -> X"),
              rms = rowsOf("301", " %r = seq.norm rms %x, %s {epsilon = 1.0e-6 : f64} : X, S -> X");
  for (int64_t rows : {1, 33}) {
    compare(layer, {randomFloats({rows, 37}), randomFloats({37})});
    compare(rms, {randomFloats({rows, 301}), randomFloats({301})});
  }
}

TEST_P(KernelConformance, ReducesRows) {
  if (!covers(machine(), "reduction", "f32"))
    return;
  HostTensor x = randomFloats({9, 37});
  compare(reduction("0.0", "%p = math.exp %a : f32\n %v = arith.addf %o, %p : f32"), {x});
  compare(reduction("0xFF800000", "%v = arith.maximumf %o, %a : f32"), {x});
}

TEST_P(KernelConformance, FindsTheLargest) {
  if (!covers(machine(), "argmax", "f32"))
    return;
  const std::string text = R"(
    func.func @argmax(%x: tensor<?x37xf32>) -> (tensor<?xf32>, tensor<?xi32>) {
      %c0 = arith.constant 0 : index
      %low = arith.constant 0xFF800000 : f32
      %none = arith.constant -1 : i32
      %n = tensor.dim %x, %c0 : tensor<?x37xf32>
      %e = tensor.empty(%n) : tensor<?xf32>
      %f = tensor.empty(%n) : tensor<?xi32>
      %i = linalg.fill ins(%low : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
      %j = linalg.fill ins(%none : i32) outs(%f : tensor<?xi32>) -> tensor<?xi32>
      %r:2 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>,
          affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
          ins(%x : tensor<?x37xf32>) outs(%i, %j : tensor<?xf32>, tensor<?xi32>) {
        ^bb0(%a: f32, %m: f32, %at: i32):
          %k = linalg.index 1 : index
          %here = arith.index_cast %k : index to i32
          %better = arith.cmpf ogt, %a, %m : f32
          %value = arith.select %better, %a, %m : f32
          %place = arith.select %better, %here, %at : i32
          linalg.yield %value, %place : f32, i32
      } -> (tensor<?xf32>, tensor<?xi32>)
      return %r#0, %r#1 : tensor<?xf32>, tensor<?xi32>
    })";
  HostTensor x = randomFloats({9, 37});
  auto results = run(text, {x}, {{9}, {9}});
  ASSERT_EQ(results.size(), 2u);
  for (int64_t i = 0; i < 9; ++i) {
    auto row = x.values<float>().slice(i * 37, 37);
    auto best = std::max_element(row.begin(), row.end());
    EXPECT_EQ(results[0].values<float>()[i], *best);
    EXPECT_EQ(results[1].values<int32_t>()[i], best - row.begin());
  }
}

TEST_P(KernelConformance, RotatesHeads) {
  if (!covers(machine(), "rotary", "f32"))
    return;
  for (const char *order : {"", ", interleaved"})
    compare("func.func @rotate(%x: tensor<?x60xf32>, %c: tensor<?x6xf32>, %s: tensor<?x6xf32>) -> "
            "tensor<?x60xf32> {\n"
            " %r = seq.rotary %x, %c, %s {heads = 3 : i64, rotary = 12 : i64" +
                std::string(order) +
                "} : tensor<?x60xf32>, tensor<?x6xf32>, tensor<?x6xf32> -> tensor<?x60xf32>\n"
                " return %r : tensor<?x60xf32>\n}",
            {randomFloats({5, 60}), randomFloats({5, 6}), randomFloats({5, 6})});
}

TEST_P(KernelConformance, MakesCodes) {
  if (!covers(machine(), "quantize", "int8"))
    return;
  const std::string text = R"(
    func.func @quantize(%x: tensor<?x37xf32>) -> (tensor<?x40xi8>, tensor<?xf32>) {
      %q, %s = seq.quantize %x : tensor<?x37xf32> -> tensor<?x40xi8>, tensor<?xf32>
      return %q, %s : tensor<?x40xi8>, tensor<?xf32>
    })";
  HostTensor x = randomFloats({9, 37});
  auto results = run(text, {x}, {{9, 40}, {9}});
  ASSERT_EQ(results.size(), 2u);
  for (int64_t i = 0; i < 9; ++i) {
    auto row = x.values<float>().slice(i * 37, 37);
    float scale = results[1].values<float>()[i], largest = 0;
    for (float value : row)
      largest = std::max(largest, std::fabs(value));
    EXPECT_NEAR(scale, largest / 127, 1e-6 * largest);
    for (int64_t k = 0; k < 40; ++k)
      EXPECT_NEAR(results[0].values<int8_t>()[i * 40 + k], k < 37 ? row[k] / scale : 0, 0.501);
  }
}

TEST_P(KernelConformance, Contracts) {
  if (!covers(machine(), "contraction", "f32"))
    return;
  const std::string text = R"(
    func.func @contract(%x: tensor<?x37xf32>, %w: tensor<37x19xf32>) -> tensor<?x19xf32> {
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %n = tensor.dim %x, %c0 : tensor<?x37xf32>
      %e = tensor.empty(%n) : tensor<?x19xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<?x19xf32>) -> tensor<?x19xf32>
      %r = linalg.matmul ins(%x, %w : tensor<?x37xf32>, tensor<37x19xf32>) outs(%i : tensor<?x19xf32>) -> tensor<?x19xf32>
      return %r : tensor<?x19xf32>
    })";
  for (int64_t rows : {1, 3, 33})
    compare(text, {randomFloats({rows, 37}), randomFloats({37, 19})});
}

TEST_P(KernelConformance, Convolves) {
  if (!covers(machine(), "convolution", "f32"))
    return;
  compare(R"(
    func.func @convolve(%x: tensor<5x41xf32>, %w: tensor<7x5x3xf32>) -> tensor<7x39xf32> {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<7x39xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<7x39xf32>) -> tensor<7x39xf32>
      %r = linalg.generic {indexing_maps = [affine_map<(o, l, c, k) -> (c, l + k)>,
          affine_map<(o, l, c, k) -> (o, c, k)>, affine_map<(o, l, c, k) -> (o, l)>],
          iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
          ins(%x, %w : tensor<5x41xf32>, tensor<7x5x3xf32>) outs(%i : tensor<7x39xf32>) {
        ^bb0(%a: f32, %b: f32, %s: f32):
          %m = arith.mulf %a, %b : f32
          %t = arith.addf %s, %m : f32
          linalg.yield %t : f32
      } -> tensor<7x39xf32>
      return %r : tensor<7x39xf32>
    })",
          {randomFloats({5, 41}), randomFloats({7, 5, 3})});
}

TEST_P(KernelConformance, Activates) {
  if (!covers(machine(), "elementwise", "f32"))
    return;
  HostTensor x = randomFloats({9, 37});
  for (float &value : x.mutableValues<float>().take_front(37))
    value *= 20;
  for (const char *body :
       {"%v = math.tanh %a : f32", "%v = math.erf %a : f32", "%v = math.sin %a : f32",
        "%v = math.cos %a : f32",
        "%m = arith.negf %a : f32\n %p = math.exp %m : f32\n %q = arith.addf %p, %one : f32\n"
        " %v = arith.divf %a, %q : f32",
        "%m = arith.mulf %a, %a : f32\n %q = arith.addf %m, %one : f32\n"
        " %p = math.log %q : f32\n %v = math.sqrt %p : f32"})
    compare(elementwise(body), {x});
}

TEST_P(KernelConformance, SumsPrefixes) {
  if (!covers(machine(), "prefix sum", "f32"))
    return;
  compare("func.func @sum(%x: tensor<?x37xf32>) -> tensor<?x37xf32> {\n %r = seq.prefix_sum %x : "
          "tensor<?x37xf32> -> "
          "tensor<?x37xf32>\n return %r : tensor<?x37xf32>\n}",
          {randomFloats({9, 37})});
}

//===-- targets ------------------------------------------------------------------------------------===//

/// CMake's list.
static std::vector<std::string> targets() {
  std::vector<std::string> names;
  for (llvm::StringRef name : llvm::split(HALYARD_CONFORMANCE_TARGETS, ','))
    names.push_back(name.str());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Conformance, LinearConformance, ::testing::ValuesIn(targets()), targetTestName);
INSTANTIATE_TEST_SUITE_P(Conformance, AttentionConformance, ::testing::ValuesIn(targets()), targetTestName);
INSTANTIATE_TEST_SUITE_P(Conformance, KernelConformance, ::testing::ValuesIn(targets()), targetTestName);

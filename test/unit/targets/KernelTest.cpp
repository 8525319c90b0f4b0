// Kernels other than contractions and attention compiled to objects for every x86-64 level that this machine
// runs, against the evaluator and plain loops.
#include "KernelTestBase.h"

using namespace halyard;
using namespace halyard::test;

using KernelTest = KernelTestBase;

TEST_P(KernelTest, NormalisesRows) {
  const std::string text = R"(
    func.func @norm(%x: tensor<?x37xf32>, %s: tensor<37xf32>, %b: tensor<37xf32>) -> tensor<?x37xf32> {
      %l = seq.norm layer %x, %s bias(%b : tensor<37xf32>) {epsilon = 1.0e-5 : f64} : tensor<?x37xf32>, tensor<37xf32> -> tensor<?x37xf32>
      return %l : tensor<?x37xf32>
    })";
  compare(text, {randomFloats({5, 37}), randomFloats({37}), randomFloats({37})});
  compare(R"(
    func.func @norm(%x: tensor<?x384xf32>, %s: tensor<384xf32>) -> tensor<?x384xf32> {
      %l = seq.norm rms %x, %s {epsilon = 1.0e-6 : f64} : tensor<?x384xf32>, tensor<384xf32> -> tensor<?x384xf32>
      return %l : tensor<?x384xf32>
    })",
          {randomFloats({200, 384}), randomFloats({384})});
}

/// Rounding errors of a normalised row must not agree: what all of its elements share is exact to 1e-8, an
/// eighth of what rounding the row's factor to float costs at most.
TEST_P(KernelTest, NormsScaleRowsExactly) {
  const int64_t rows = 64, features = 384;
  HostTensor x = randomFloats({rows, features}), scale = floats({features}, std::vector<float>(features, 1));
  auto results = run(R"(
    func.func @norm(%x: tensor<?x384xf32>, %s: tensor<384xf32>) -> tensor<?x384xf32> {
      %l = seq.norm layer %x, %s {epsilon = 1.0e-5 : f64} : tensor<?x384xf32>, tensor<384xf32> -> tensor<?x384xf32>
      return %l : tensor<?x384xf32>
    })",
                     {x, scale}, {{rows, features}});
  ASSERT_EQ(results.size(), 1u);
  for (int64_t row = 0; row < rows; ++row) {
    const float *in = x.values<float>().data() + row * features;
    const float *out = results[0].values<float>().data() + row * features;
    double mean = 0, square = 0, dot = 0, norm = 0;
    for (int64_t k = 0; k < features; ++k)
      mean += in[k] / double(features);
    for (int64_t k = 0; k < features; ++k)
      square += (in[k] - mean) * (in[k] - mean) / features;
    for (int64_t k = 0; k < features; ++k) {
      double exact = (in[k] - mean) / std::sqrt(square + 1e-5);
      dot += out[k] * exact;
      norm += exact * exact;
    }
    EXPECT_NEAR(dot / norm, 1, 1e-8) << "row " << row;
  }
}

TEST_P(KernelTest, RotatesHeads) {
  struct Rotation {
    int64_t rows, width, rotary;
    bool interleaved;
  };
  for (auto [rows, width, rotary, interleaved] : {Rotation{3, 8, 8, false},
                                                  {3, 8, 8, true},
                                                  {3, 8, 4, true},
                                                  {3, 20, 12, false},
                                                  {1100, 32, 32, false}}) {
    int64_t pairs = rotary / 2, features = 2 * width;
    std::string table = typeOf({-1, pairs}), type = typeOf({-1, features});
    std::string text =
        "func.func @rotate(%x: " + type + ", %c: " + table + ", %s: " + table + ") -> " + type +
        " {\n %r = seq.rotary %x, %c, %s {heads = 2 : i64, rotary = " + std::to_string(rotary) + " : i64" +
        (interleaved ? ", interleaved" : "") + "} : " + type + ", " + table + ", " + table + " -> " + type +
        "\n return %r : " + type + "\n}";
    SCOPED_TRACE(text);
    HostTensor x = randomFloats({rows, features}), c = randomFloats({rows, pairs}),
               s = randomFloats({rows, pairs});
    auto results = run(text, {x, c, s}, {{rows, features}});
    ASSERT_EQ(results.size(), 1u);
    std::vector<double> expected = doubles(x);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t base = row * features; base < (row + 1) * features; base += width)
        for (int64_t p = 0; p < pairs; ++p) {
          int64_t first = base + (interleaved ? 2 * p : p),
                  second = base + (interleaved ? 2 * p + 1 : p + pairs);
          double a = x.values<float>()[first], b = x.values<float>()[second];
          double cosine = c.values<float>()[row * pairs + p], sine = s.values<float>()[row * pairs + p];
          expected[first] = a * cosine - b * sine;
          expected[second] = b * cosine + a * sine;
        }
    expectNear(results[0], expected);
    compare(text, {x, c, s});
  }
}

TEST_P(KernelTest, SumsPrefixes) {
  HostTensor x = randomFloats({9, 21});
  for (bool exclusive : {false, true}) {
    std::string text =
        std::string("func.func @sum(%x: tensor<?x21xf32>) -> tensor<?x21xf32> {\n %r = seq.prefix_sum %x ") +
        (exclusive ? "{exclusive}" : "") +
        " : tensor<?x21xf32> -> tensor<?x21xf32>\n return %r : tensor<?x21xf32>\n}";
    auto results = run(text, {x}, {{9, 21}});
    ASSERT_EQ(results.size(), 1u);
    std::vector<double> expected(9 * 21, 0);
    for (int i = 0; i < 9; ++i)
      for (int f = 0; f < 21; ++f)
        for (int j = 0; j + exclusive <= i; ++j)
          expected[i * 21 + f] += x.values<float>()[j * 21 + f];
    expectNear(results[0], expected);
    compare(text, {x});
  }
}

TEST_P(KernelTest, SumsPrefixesOfCaches) {
  HostTensor cache = randomFloats({2, 30, 21});
  std::vector<int32_t> slot{1, 0, 1}, position{29, 3, 0};
  auto results = run(R"(
    func.func @sum(%x: !seq.cache<30, 21, f32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) -> tensor<?x21xf32> {
      %r = seq.prefix_sum %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>) : !seq.cache<30, 21, f32> -> tensor<?x21xf32>
      return %r : tensor<?x21xf32>
    })",
                     {cache, smallIntegers({3}, slot), smallIntegers({3}, position)}, {{3, 21}});
  ASSERT_EQ(results.size(), 1u);
  std::vector<double> expected(3 * 21, 0);
  for (int i = 0; i < 3; ++i)
    for (int f = 0; f < 21; ++f)
      for (int j = 0; j <= position[i]; ++j)
        expected[i * 21 + f] += cache.values<float>()[(slot[i] * 30 + j) * 21 + f];
  expectNear(results[0], expected);
}

TEST_P(KernelTest, GathersRows) {
  compare(R"(
    func.func @embed(%table: tensor<50x24xf32>, %ids: tensor<?xi64>) -> tensor<?x24xf32> {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %ids, %c0 : tensor<?xi64>
      %e = tensor.empty(%n) : tensor<?x24xf32>
      %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
          iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<?xi64>) outs(%e : tensor<?x24xf32>) {
        ^bb0(%id: i64, %o: f32):
          %i = arith.index_cast %id : i64 to index
          %j = linalg.index 1 : index
          %v = tensor.extract %table[%i, %j] : tensor<50x24xf32>
          linalg.yield %v : f32
      } -> tensor<?x24xf32>
      return %r : tensor<?x24xf32>
    })",
          {randomFloats({50, 24}), integers({4}, {49, 0, 7, 7})});
}

/// Rows of two blocks of 64, the second not full, in 16 heads: as keys are laid out in pairs of features for
/// panels of 16 keys, and values in pairs of rows.
TEST_P(KernelTest, PacksPairs) {
  struct Form {
    const char *shape, *loops, *row, *feature;
  };
  for (auto [shape, loops, row, feature] :
       {Form{"2x16x4x32x16x2", "(b, h, g, p, k, t)", "b * 64 + g * 16 + k", "h * 64 + p * 2 + t"},
        Form{"2x16x32x64x2", "(b, h, p, f, t)", "b * 64 + p * 2 + t", "h * 64 + f"}}) {
    const std::string type = "tensor<" + std::string(shape) + "xf32>", all(loops);
    std::string kinds, indices, uses;
    const int64_t rank = llvm::StringRef(shape).count('x') + 1;
    for (int64_t dim = 0; dim < rank; ++dim) {
      const std::string name = "%d" + std::to_string(dim);
      kinds += dim ? ", \"parallel\"" : "\"parallel\"";
      indices += name + " = linalg.index " + std::to_string(dim) + " : index\n";
      uses += (dim ? ", " : "") + name;
    }
    auto apply = [&](const std::string &name, const std::string &value) {
      return name + " = affine.apply affine_map<" + all + " -> (" + value + ")>(" + uses + ")\n";
    };
    compare(
        "func.func @pack(%x: tensor<100x1024xf32>) -> " + type + " {\n%last = arith.constant 99 : index\n" +
            "%e = tensor.empty() : " + type + "\n%r = linalg.generic {indexing_maps = [affine_map<" + all +
            " -> " + all + ">], iterator_types = [" + kinds + "]} outs(%e : " + type +
            ") {\n^bb0(%o: f32):\n" + indices + apply("%row", row) + apply("%f", feature) +
            "%i = arith.minsi %row, %last : index\n%v = tensor.extract %x[%i, %f] : tensor<100x1024xf32>\n" +
            "linalg.yield %v : f32\n} -> " + type + "\nreturn %r : " + type + "\n}",
        {randomFloats({100, 1024})});
  }
}

TEST_P(KernelTest, ComputesSoftmaxOfSeveralOperations) {
  const std::string text = R"(
    #all = affine_map<(i, j) -> (i, j)>
    #row = affine_map<(i, j) -> (i)>
    func.func @softmax(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %zero = arith.constant 0.0 : f32
      %low = arith.constant 0xFF800000 : f32
      %n = tensor.dim %x, %c0 : tensor<?x?xf32>
      %m = tensor.dim %x, %c1 : tensor<?x?xf32>
      %e = tensor.empty(%n) : tensor<?xf32>
      %out = tensor.empty(%n, %m) : tensor<?x?xf32>
      %lows = linalg.fill ins(%low : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
      %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
      %top = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
          ins(%x : tensor<?x?xf32>) outs(%lows : tensor<?xf32>) {
        ^bb0(%a: f32, %s: f32):
          %t = arith.maximumf %a, %s : f32
          linalg.yield %t : f32
      } -> tensor<?xf32>
      %exp = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
          ins(%x, %top : tensor<?x?xf32>, tensor<?xf32>) outs(%out : tensor<?x?xf32>) {
        ^bb0(%a: f32, %b: f32, %s: f32):
          %d = arith.subf %a, %b : f32
          %t = math.exp %d : f32
          linalg.yield %t : f32
      } -> tensor<?x?xf32>
      %sum = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
          ins(%exp : tensor<?x?xf32>) outs(%zeros : tensor<?xf32>) {
        ^bb0(%a: f32, %s: f32):
          %t = arith.addf %s, %a : f32
          linalg.yield %t : f32
      } -> tensor<?xf32>
      %r = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
          ins(%exp, %sum : tensor<?x?xf32>, tensor<?xf32>) outs(%out : tensor<?x?xf32>) {
        ^bb0(%a: f32, %b: f32, %s: f32):
          %t = arith.divf %a, %b : f32
          linalg.yield %t : f32
      } -> tensor<?x?xf32>
      return %r : tensor<?x?xf32>
    })";
  for (auto [n, m] : {std::pair<int64_t, int64_t>{1, 1}, {3, 20}, {10, 131}})
    compare(text, {randomFloats({n, m})});
}

TEST_P(KernelTest, FindsArgmaxAndSeveralResults) {
  compare(R"(
    func.func @argmax(%a: tensor<?x50xf32>) -> (tensor<?xf32>, tensor<?xi64>) {
      %c0 = arith.constant 0 : index
      %lowest = arith.constant 0xFF800000 : f32
      %none = arith.constant 0 : i64
      %n = tensor.dim %a, %c0 : tensor<?x50xf32>
      %ef = tensor.empty(%n) : tensor<?xf32>
      %ei = tensor.empty(%n) : tensor<?xi64>
      %low = linalg.fill ins(%lowest : f32) outs(%ef : tensor<?xf32>) -> tensor<?xf32>
      %first = linalg.fill ins(%none : i64) outs(%ei : tensor<?xi64>) -> tensor<?xi64>
      %r:2 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>],
          iterator_types = ["parallel", "reduction"]} ins(%a : tensor<?x50xf32>) outs(%low, %first : tensor<?xf32>, tensor<?xi64>) {
        ^bb0(%x: f32, %best: f32, %at: i64):
          %j = linalg.index 1 : index
          %position = arith.index_cast %j : index to i64
          %more = arith.cmpf ogt, %x, %best : f32
          %value = arith.select %more, %x, %best : f32
          %where = arith.select %more, %position, %at : i64
          linalg.yield %value, %where : f32, i64
      } -> (tensor<?xf32>, tensor<?xi64>)
      return %r#0, %r#1 : tensor<?xf32>, tensor<?xi64>
    })",
          {randomFloats({7, 50})});
}

TEST_P(KernelTest, ReducesToOneValue) {
  compare(R"(
    func.func @highest(%a: tensor<?x50xf32>, %b: tensor<f32>) -> tensor<f32> {
      %zero = arith.constant dense<0.0> : tensor<f32>
      %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> ()>],
          iterator_types = ["reduction", "reduction"]} ins(%a : tensor<?x50xf32>) outs(%zero : tensor<f32>) {
        ^bb0(%x: f32, %best: f32):
          %value = arith.maximumf %x, %best : f32
          linalg.yield %value : f32
      } -> tensor<f32>
      %e = tensor.empty() : tensor<f32>
      %d = linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>, affine_map<() -> ()>],
          iterator_types = []} ins(%r, %b : tensor<f32>, tensor<f32>) outs(%e : tensor<f32>) {
        ^bb0(%x: f32, %y: f32, %o: f32):
          %value = arith.divf %x, %y : f32
          linalg.yield %value : f32
      } -> tensor<f32>
      return %d : tensor<f32>
    })",
          {randomFloats({7, 50}), floats({}, {3})});
}

TEST_P(KernelTest, SlicesPadsAndConcatenates) {
  const std::string text = R"(
    func.func @move(%a: tensor<?x6xf32>, %b: tensor<?x3xf32>) -> (tensor<?x11xf32>, tensor<2x?x3xf32>, tensor<?x6xf32>) {
      %c0 = arith.constant 0 : index
      %pad = arith.constant 7.0 : f32
      %n = tensor.dim %a, %c0 : tensor<?x6xf32>
      %s = tensor.extract_slice %a[0, 1] [%n, 2] [1, 3] : tensor<?x6xf32> to tensor<?x2xf32>
      %p = tensor.pad %a low[0, 0] high[0, 0] {
        ^bb0(%i: index, %j: index):
          tensor.yield %pad : f32
      } : tensor<?x6xf32> to tensor<?x6xf32>
      %c = tensor.concat dim(1) %p, %s, %b : (tensor<?x6xf32>, tensor<?x2xf32>, tensor<?x3xf32>) -> tensor<?x11xf32>
      %x = tensor.expand_shape %a [[0], [1, 2]] output_shape [%n, 2, 3] : tensor<?x6xf32> into tensor<?x2x3xf32>
      %e = tensor.empty(%n) : tensor<2x?x3xf32>
      %t = linalg.transpose ins(%x : tensor<?x2x3xf32>) outs(%e : tensor<2x?x3xf32>) permutation = [1, 0, 2]
      %in = tensor.insert_slice %b into %a[0, 2] [%n, 3] [1, 1] : tensor<?x3xf32> into tensor<?x6xf32>
      return %c, %t, %in : tensor<?x11xf32>, tensor<2x?x3xf32>, tensor<?x6xf32>
    })";
  compare(text, {randomFloats({5, 6}), randomFloats({5, 3})});
}

TEST_P(KernelTest, ComputesManyElements) {
  compare(R"(
    #id = affine_map<(i, j) -> (i, j)>
    func.func @gelu(%x: tensor<?x512xf32>) -> tensor<?x512xf32> {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?x512xf32>
      %e = tensor.empty(%n) : tensor<?x512xf32>
      %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
          ins(%x : tensor<?x512xf32>) outs(%e : tensor<?x512xf32>) {
        ^bb0(%a: f32, %s: f32):
          %t = math.tanh %a : f32
          %u = math.exp %t : f32
          %b = arith.constant 2.0 : f32
          %l = math.log %b : f32
          %v = arith.addf %u, %l : f32
          linalg.yield %v : f32
      } -> tensor<?x512xf32>
      return %r : tensor<?x512xf32>
    })",
          {randomFloats({300, 512})});
}

TEST_P(KernelTest, KeepsInfinitiesOfMasks) {
  compare(R"(
    #id = affine_map<(i) -> (i)>
    func.func @mask(%x: tensor<?xi1>, %y: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xi1>) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?xi1>
      %e = tensor.empty(%n) : tensor<?xf32>
      %p = tensor.empty(%n) : tensor<?xi1>
      %r:2 = linalg.generic {indexing_maps = [#id, #id, #id, #id], iterator_types = ["parallel"]}
          ins(%x, %y : tensor<?xi1>, tensor<?xf32>) outs(%e, %p : tensor<?xf32>, tensor<?xi1>) {
        ^bb0(%a: i1, %b: f32, %s: f32, %t: i1):
          %low = arith.constant 0xFF800000 : f32
          %zero = arith.constant 0.0 : f32
          %m = arith.select %a, %zero, %low : f32
          %d = arith.addf %m, %b : f32
          %exp = math.exp %d : f32
          %inf = arith.cmpf oeq, %m, %low : f32
          linalg.yield %exp, %inf : f32, i1
      } -> (tensor<?xf32>, tensor<?xi1>)
      return %r#0, %r#1 : tensor<?xf32>, tensor<?xi1>
    })",
          {HostTensor::of<uint8_t>({5}, mlir::IntegerType::get(&context, 1), {0, 1, 0, 0, 1}),
           floats({5}, {1, 2, 3, 4, 5})});
}

TEST_P(KernelTest, RejectsIntermediatesWithoutBound) {
  // The product's rows are read as a whole by the second product, and there may be any number of them.
  mlir::func::FuncOp function = parse(R"(
    func.func @chain(%a: tensor<?x8xf32>, %b: tensor<8x8xf32>, %c: tensor<8x?xf32>) -> tensor<8x8xf32> {
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %n = tensor.dim %a, %c0 : tensor<?x8xf32>
      %e = tensor.empty(%n) : tensor<?x8xf32>
      %f = tensor.empty() : tensor<8x8xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
      %j = linalg.fill ins(%zero : f32) outs(%f : tensor<8x8xf32>) -> tensor<8x8xf32>
      %p = linalg.matmul ins(%a, %b : tensor<?x8xf32>, tensor<8x8xf32>) outs(%i : tensor<?x8xf32>) -> tensor<?x8xf32>
      %r = linalg.matmul ins(%c, %p : tensor<8x?xf32>, tensor<?x8xf32>) outs(%j : tensor<8x8xf32>) -> tensor<8x8xf32>
      return %r : tensor<8x8xf32>
    })");
  CompiledKernel kernel(function, GetParam());
  EXPECT_EQ(kernel.error, "does not compile");
  EXPECT_NE(messages.find("'func.func' op"), std::string::npos) << messages;
}

HALYARD_INSTANTIATE_FOR_TARGETS(KernelTest);

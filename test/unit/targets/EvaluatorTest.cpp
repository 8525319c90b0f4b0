// The evaluator on operations of every kind, against values written down or computed by plain loops.
#include "TargetsTest.h"

#include <cmath>
#include <limits>

using namespace halyard;
using namespace halyard::test;
using EvaluatorTest = TargetsTest;

static constexpr float kInf = std::numeric_limits<float>::infinity();
static const float kNaN = std::nanf("");

TEST_F(EvaluatorTest, AddsWithBroadcast) {
  auto results = evaluate(R"(
    func.func @f(%a: tensor<?x3xf32>, %b: tensor<3xf32>) -> tensor<?x3xf32> {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %a, %c0 : tensor<?x3xf32>
      %e = tensor.empty(%n) : tensor<?x3xf32>
      %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>,
          affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
          ins(%a, %b : tensor<?x3xf32>, tensor<3xf32>) outs(%e : tensor<?x3xf32>) {
        ^bb0(%x: f32, %y: f32, %o: f32):
          %s = arith.addf %x, %y : f32
          linalg.yield %s : f32
      } -> tensor<?x3xf32>
      return %r : tensor<?x3xf32>
    })",
                          {floats({2, 3}, {1, 2, 3, 4, 5, 6}), floats({3}, {10, 20, 30})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(toVector<float>(results[0]), (std::vector<float>{11, 22, 33, 14, 25, 36}));
}

TEST_F(EvaluatorTest, MultipliesMatrices) {
  HostTensor a = randomFloats({5, 37}), b = randomFloats({37, 19});
  auto results = evaluate(R"(
    func.func @f(%a: tensor<?x?xf32>, %b: tensor<37x19xf32>) -> tensor<?x19xf32> {
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %n = tensor.dim %a, %c0 : tensor<?x?xf32>
      %e = tensor.empty(%n) : tensor<?x19xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<?x19xf32>) -> tensor<?x19xf32>
      %r = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<37x19xf32>) outs(%i : tensor<?x19xf32>) -> tensor<?x19xf32>
      return %r : tensor<?x19xf32>
    })",
                          {a, b});
  ASSERT_EQ(results.size(), 1u);
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 19; ++j) {
      float sum = 0;
      for (int k = 0; k < 37; ++k)
        sum += a.values<float>()[i * 37 + k] * b.values<float>()[k * 19 + j];
      EXPECT_FLOAT_EQ(results[0].values<float>()[i * 19 + j], sum);
    }
}

TEST_F(EvaluatorTest, FollowsArithOnIntegers) {
  auto results = evaluate(R"(
    #id = affine_map<(i) -> (i)>
    func.func @f(%a: tensor<?xi64>, %b: tensor<?xi64>) -> (tensor<?xi64>, tensor<?xi64>, tensor<?xi64>, tensor<?xi64>) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %a, %c0 : tensor<?xi64>
      %e = tensor.empty(%n) : tensor<?xi64>
      %r:4 = linalg.generic {indexing_maps = [#id, #id, #id, #id, #id, #id], iterator_types = ["parallel"]}
          ins(%a, %b : tensor<?xi64>, tensor<?xi64>) outs(%e, %e, %e, %e : tensor<?xi64>, tensor<?xi64>, tensor<?xi64>, tensor<?xi64>) {
        ^bb0(%x: i64, %y: i64, %o0: i64, %o1: i64, %o2: i64, %o3: i64):
          %q = arith.divsi %x, %y : i64
          %m = arith.remsi %x, %y : i64
          %f = arith.floordivsi %x, %y : i64
          %c = arith.ceildivsi %x, %y : i64
          linalg.yield %q, %m, %f, %c : i64, i64, i64, i64
      } -> (tensor<?xi64>, tensor<?xi64>, tensor<?xi64>, tensor<?xi64>)
      return %r#0, %r#1, %r#2, %r#3 : tensor<?xi64>, tensor<?xi64>, tensor<?xi64>, tensor<?xi64>
    })",
                          {integers({5}, {7, -7, 7, -7, 6}), integers({5}, {2, 2, -2, -2, -3})});
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(toVector<int64_t>(results[0]), (std::vector<int64_t>{3, -3, -3, 3, -2}));
  EXPECT_EQ(toVector<int64_t>(results[1]), (std::vector<int64_t>{1, -1, 1, -1, 0}));
  EXPECT_EQ(toVector<int64_t>(results[2]), (std::vector<int64_t>{3, -4, -4, 3, -2}));
  EXPECT_EQ(toVector<int64_t>(results[3]), (std::vector<int64_t>{4, -3, -3, 4, -2}));
}

TEST_F(EvaluatorTest, HonoursNaNAndInfinity) {
  auto results = evaluate(R"(
    #id = affine_map<(i) -> (i)>
    func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
      %e = tensor.empty() : tensor<4xf32>
      %p = tensor.empty() : tensor<4xi1>
      %r:5 = linalg.generic {indexing_maps = [#id, #id, #id, #id, #id, #id, #id], iterator_types = ["parallel"]}
          ins(%a, %b : tensor<4xf32>, tensor<4xf32>)
          outs(%p, %p, %e, %e, %e : tensor<4xi1>, tensor<4xi1>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
        ^bb0(%x: f32, %y: f32, %o0: i1, %o1: i1, %o2: f32, %o3: f32, %o4: f32):
          %une = arith.cmpf une, %x, %y : f32
          %nan = math.isnan %x : f32
          %maximum = arith.maximumf %x, %y : f32
          %maxnum = arith.maxnumf %x, %y : f32
          %sum = arith.addf %x, %y : f32
          linalg.yield %une, %nan, %maximum, %maxnum, %sum : i1, i1, f32, f32, f32
      } -> (tensor<4xi1>, tensor<4xi1>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      return %r#0, %r#1, %r#2, %r#3, %r#4 : tensor<4xi1>, tensor<4xi1>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
    })",
                          {floats({4}, {kNaN, 1, -kInf, kInf}), floats({4}, {2, kNaN, -kInf, -kInf})});
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(toVector<uint8_t>(results[0]), (std::vector<uint8_t>{1, 1, 0, 1}));
  EXPECT_EQ(toVector<uint8_t>(results[1]), (std::vector<uint8_t>{1, 0, 0, 0}));
  auto maximum = results[2].values<float>(), maxnum = results[3].values<float>(),
       sum = results[4].values<float>();
  EXPECT_TRUE(std::isnan(maximum[0]) && std::isnan(maximum[1]));
  EXPECT_EQ(maximum[2], -kInf);
  EXPECT_EQ(maxnum[0], 2);
  EXPECT_EQ(maxnum[1], 1);
  EXPECT_EQ(sum[2], -kInf);
  EXPECT_TRUE(std::isnan(sum[3]));
}

TEST_F(EvaluatorTest, ComputesMathAsTheLibraryDoes) {
  const std::string text = R"(
    #id = affine_map<(i) -> (i)>
    func.func @f(%a: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %a, %c0 : tensor<?xf32>
      %e = tensor.empty(%n) : tensor<?xf32>
      %r:4 = linalg.generic {indexing_maps = [#id, #id, #id, #id, #id], iterator_types = ["parallel"]}
          ins(%a : tensor<?xf32>) outs(%e, %e, %e, %e : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
        ^bb0(%x: f32, %o0: f32, %o1: f32, %o2: f32, %o3: f32):
          %exp = math.exp %x : f32
          %abs = math.absf %x : f32
          %log = math.log %abs : f32
          %tanh = math.tanh %x : f32
          %erf = math.erf %x : f32
          linalg.yield %exp, %log, %tanh, %erf : f32, f32, f32, f32
      } -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>)
      return %r#0, %r#1, %r#2, %r#3 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
    })";
  HostTensor input = randomFloats({133});
  auto results = evaluate(text, {input});
  ASSERT_EQ(results.size(), 4u);
  for (auto [i, x] : llvm::enumerate(input.values<float>())) {
    EXPECT_EQ(results[0].values<float>()[i], expf(x));
    EXPECT_EQ(results[1].values<float>()[i], logf(std::fabs(x)));
    EXPECT_EQ(results[2].values<float>()[i], tanhf(x));
    EXPECT_EQ(results[3].values<float>()[i], erff(x));
  }
}

TEST_F(EvaluatorTest, RoundsHalvesAfterEveryOperation) {
  const std::string text = R"(
    #id = affine_map<(i) -> (i)>
    func.func @f(%a: tensor<3xf32>) -> tensor<3xf32> {
      %e = tensor.empty() : tensor<3xf32>
      %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
          ins(%a : tensor<3xf32>) outs(%e : tensor<3xf32>) {
        ^bb0(%x: f32, %o: f32):
          %h = arith.truncf %x : f32 to f16
          %one = arith.constant 1.0 : f16
          %s = arith.addf %h, %one : f16
          %m = arith.mulf %s, %s : f16
          %w = arith.extf %m : f16 to f32
          linalg.yield %w : f32
      } -> tensor<3xf32>
      return %r : tensor<3xf32>
    })";
  // 1 + 2^-11 is halfway between two halves and goes to the even one; 70000 overflows.
  auto results = evaluate(text, {floats({3}, {0.00048828125f, 2.0009765625f, 70000.0f})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(toVector<float>(results[0]), (std::vector<float>{1.0f, 9.0f, kInf}));
}

TEST_F(EvaluatorTest, GathersAndClamps) {
  auto results = evaluate(R"(
    func.func @f(%table: tensor<3x2xf32>, %ids: tensor<?xi64>) -> tensor<?x2xf32> {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %ids, %c0 : tensor<?xi64>
      %e = tensor.empty(%n) : tensor<?x2xf32>
      %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
          iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<?xi64>) outs(%e : tensor<?x2xf32>) {
        ^bb0(%id: i64, %o: f32):
          %i = arith.index_cast %id : i64 to index
          %j = linalg.index 1 : index
          %v = tensor.extract %table[%i, %j] : tensor<3x2xf32>
          linalg.yield %v : f32
      } -> tensor<?x2xf32>
      return %r : tensor<?x2xf32>
    })",
                          {floats({3, 2}, {1, 2, 3, 4, 5, 6}), integers({4}, {2, 0, 1, 9})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(toVector<float>(results[0]), (std::vector<float>{5, 6, 1, 2, 3, 4, 5, 6}));
}

TEST_F(EvaluatorTest, FindsArgmax) {
  auto results = evaluate(R"(
    func.func @f(%a: tensor<2x5xf32>) -> (tensor<2xf32>, tensor<2xi64>) {
      %low = arith.constant dense<0xFF800000> : tensor<2xf32>
      %first = arith.constant dense<0> : tensor<2xi64>
      %r:2 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>],
          iterator_types = ["parallel", "reduction"]} ins(%a : tensor<2x5xf32>) outs(%low, %first : tensor<2xf32>, tensor<2xi64>) {
        ^bb0(%x: f32, %best: f32, %at: i64):
          %j = linalg.index 1 : index
          %position = arith.index_cast %j : index to i64
          %more = arith.cmpf ogt, %x, %best : f32
          %value = arith.select %more, %x, %best : f32
          %where = arith.select %more, %position, %at : i64
          linalg.yield %value, %where : f32, i64
      } -> (tensor<2xf32>, tensor<2xi64>)
      return %r#0, %r#1 : tensor<2xf32>, tensor<2xi64>
    })",
                          {floats({2, 5}, {1, 7, 3, 7, 0, -5, -2, -9, -1, -3})});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(toVector<float>(results[0]), (std::vector<float>{7, -1}));
  EXPECT_EQ(toVector<int64_t>(results[1]), (std::vector<int64_t>{1, 3}));
}

TEST_F(EvaluatorTest, MovesTensors) {
  auto results = evaluate(R"(
    func.func @f(%a: tensor<2x3xf32>) -> (tensor<?x?xf32>, tensor<3x2xf32>, tensor<2x6xf32>, tensor<6xf32>, tensor<3x4xf32>, tensor<2xi64>) {
      %n = seq.length target : index
      %m = affine.apply affine_map<()[t] -> (t floordiv 2)>()[%n]
      %s = tensor.extract_slice %a[0, %m] [2, %m] [1, 1] : tensor<2x3xf32> to tensor<2x?xf32>
      %slice = tensor.cast %s : tensor<2x?xf32> to tensor<?x?xf32>
      %flat = tensor.collapse_shape %a [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
      %tall = tensor.expand_shape %flat [[0, 1]] output_shape [3, 2] : tensor<6xf32> into tensor<3x2xf32>
      %twice = tensor.concat dim(1) %a, %a : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
      %pad = arith.constant 9.0 : f32
      %padded = tensor.pad %a low[1, 0] high[0, 1] {
        ^bb0(%i: index, %j: index):
          tensor.yield %pad : f32
      } : tensor<2x3xf32> to tensor<3x4xf32>
      %extents = seq.extents affine_map<()[s, t] -> (s, 2 * t)> : tensor<2xi64>
      return %slice, %tall, %twice, %flat, %padded, %extents : tensor<?x?xf32>, tensor<3x2xf32>, tensor<2x6xf32>, tensor<6xf32>, tensor<3x4xf32>, tensor<2xi64>
    })",
                          {floats({2, 3}, {1, 2, 3, 4, 5, 6})}, /*source=*/5, /*target=*/2);
  ASSERT_EQ(results.size(), 6u);
  EXPECT_EQ(toVector<float>(results[0]), (std::vector<float>{2, 5}));
  EXPECT_EQ(results[1].shape, (llvm::SmallVector<int64_t>{3, 2}));
  EXPECT_EQ(toVector<float>(results[2]), (std::vector<float>{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}));
  EXPECT_EQ(toVector<float>(results[3]), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(toVector<float>(results[4]), (std::vector<float>{9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9}));
  EXPECT_EQ(toVector<int64_t>(results[5]), (std::vector<int64_t>{5, 4}));
}

TEST_F(EvaluatorTest, ConvolvesWithStride) {
  HostTensor input = randomFloats({1, 3, 11}), weight = randomFloats({4, 3, 3});
  auto results = evaluate(R"(
    func.func @f(%x: tensor<1x3x?xf32>, %w: tensor<4x3x3xf32>) -> tensor<1x4x?xf32> {
      %c2 = arith.constant 2 : index
      %zero = arith.constant 0.0 : f32
      %n = tensor.dim %x, %c2 : tensor<1x3x?xf32>
      %m = affine.apply affine_map<(n) -> ((n - 3) floordiv 2 + 1)>(%n)
      %e = tensor.empty(%m) : tensor<1x4x?xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<1x4x?xf32>) -> tensor<1x4x?xf32>
      %r = linalg.generic {indexing_maps = [affine_map<(b, o, x, c, k) -> (b, c, x * 2 + k)>,
          affine_map<(b, o, x, c, k) -> (o, c, k)>, affine_map<(b, o, x, c, k) -> (b, o, x)>],
          iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
          ins(%x, %w : tensor<1x3x?xf32>, tensor<4x3x3xf32>) outs(%i : tensor<1x4x?xf32>) {
        ^bb0(%a: f32, %b: f32, %s: f32):
          %p = arith.mulf %a, %b : f32
          %t = arith.addf %s, %p : f32
          linalg.yield %t : f32
      } -> tensor<1x4x?xf32>
      return %r : tensor<1x4x?xf32>
    })",
                          {input, weight});
  ASSERT_EQ(results.size(), 1u);
  ASSERT_EQ(results[0].shape, (llvm::SmallVector<int64_t>{1, 4, 5}));
  for (int o = 0; o < 4; ++o)
    for (int x = 0; x < 5; ++x) {
      float sum = 0;
      for (int c = 0; c < 3; ++c)
        for (int k = 0; k < 3; ++k)
          sum += input.values<float>()[c * 11 + x * 2 + k] * weight.values<float>()[(o * 3 + c) * 3 + k];
      EXPECT_NEAR(results[0].values<float>()[o * 5 + x], sum, 1e-5);
    }
}

TEST_F(EvaluatorTest, CapturesScalarsAndKeepsKernels) {
  mlir::func::FuncOp function = parse(R"(
    func.func @f() -> tensor<?xi64> {
      %n = seq.length source : index
      %w = arith.index_cast %n : index to i64
      %e = tensor.empty(%n) : tensor<?xi64>
      %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
          outs(%e : tensor<?xi64>) {
        ^bb0(%o: i64):
          %i = linalg.index 0 : index
          %k = arith.index_cast %i : index to i64
          %d = arith.subi %w, %k : i64
          linalg.yield %d : i64
      } -> tensor<?xi64>
      return %r : tensor<?xi64>
    })");
  for (int64_t length : {1, 3, 40}) {
    auto results = evaluator.run(function, {}, length, 0);
    ASSERT_TRUE(mlir::succeeded(results)) << messages;
    ASSERT_EQ((*results)[0].elements(), length);
    EXPECT_EQ((*results)[0].values<int64_t>()[0], length);
    EXPECT_EQ((*results)[0].values<int64_t>().back(), 1);
  }
}

TEST_F(EvaluatorTest, CallsHostOperations) {
  evaluator.addHostOp("test.twice", [](mlir::Operation *, llvm::ArrayRef<HostTensor> inputs, auto &results) {
    HostTensor result = HostTensor::allocate(inputs[0].shape, inputs[0].elementType);
    for (auto [out, in] : llvm::zip(result.mutableValues<float>(), inputs[0].values<float>()))
      out = 2 * in;
    results.push_back(result);
    return mlir::success();
  });
  context.allowUnregisteredDialects();
  auto results = evaluate(R"(
    func.func @f(%a: tensor<2xf32>) -> tensor<2xf32> {
      %r = "test.twice"(%a) : (tensor<2xf32>) -> tensor<2xf32>
      return %r : tensor<2xf32>
    })",
                          {floats({2}, {1, 2})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(toVector<float>(results[0]), (std::vector<float>{2, 4}));
}

TEST_F(EvaluatorTest, ReportsWhatItCannotDo) {
  context.allowUnregisteredDialects();
  mlir::func::FuncOp function = parse(R"(
    func.func @f(%a: tensor<2xf32>) -> tensor<2xf32> {
      %r = "test.unknown"(%a) : (tensor<2xf32>) -> tensor<2xf32>
      return %r : tensor<2xf32>
    })");
  EXPECT_TRUE(mlir::failed(evaluator.run(function, {floats({2}, {1, 2})}, 1, 1)));
  EXPECT_NE(messages.find("cannot be evaluated at compile time"), std::string::npos) << messages;
}

TEST_F(EvaluatorTest, RejectsSlicesOutOfBounds) {
  mlir::func::FuncOp function = parse(R"(
    func.func @f(%a: tensor<?xf32>) -> tensor<3xf32> {
      %r = tensor.extract_slice %a[1] [3] [1] : tensor<?xf32> to tensor<3xf32>
      return %r : tensor<3xf32>
    })");
  EXPECT_TRUE(mlir::failed(evaluator.run(function, {floats({3}, {1, 2, 3})}, 1, 1)));
  EXPECT_NE(messages.find("whose extent is 3"), std::string::npos) << messages;
}

TEST_F(EvaluatorTest, NormalisesRows) {
  HostTensor input = randomFloats({3, 37}), scale = randomFloats({37}), bias = randomFloats({37});
  auto results = evaluate(R"(
    func.func @f(%x: tensor<?x37xf32>, %s: tensor<37xf32>, %b: tensor<37xf32>) -> (tensor<?x37xf32>, tensor<?x37xf32>) {
      %l = seq.norm layer %x, %s bias(%b : tensor<37xf32>) {epsilon = 1.0e-5 : f64} : tensor<?x37xf32>, tensor<37xf32> -> tensor<?x37xf32>
      %r = seq.norm rms %x, %s {epsilon = 1.0e-6 : f64} : tensor<?x37xf32>, tensor<37xf32> -> tensor<?x37xf32>
      return %l, %r : tensor<?x37xf32>, tensor<?x37xf32>
    })",
                          {input, scale, bias});
  ASSERT_EQ(results.size(), 2u);
  for (int i = 0; i < 3; ++i) {
    auto row = input.values<float>().slice(i * 37, 37);
    double mean = 0, squares = 0, variance = 0;
    for (float x : row)
      mean += x / 37.0, squares += x * x / 37.0;
    for (float x : row)
      variance += (x - mean) * (x - mean) / 37.0;
    for (int j = 0; j < 37; ++j) {
      double s = scale.values<float>()[j], b = bias.values<float>()[j];
      EXPECT_NEAR(results[0].values<float>()[i * 37 + j],
                  (row[j] - mean) / std::sqrt(variance + 1e-5) * s + b, 1e-5);
      EXPECT_NEAR(results[1].values<float>()[i * 37 + j], row[j] / std::sqrt(squares + 1e-6) * s, 1e-5);
    }
  }
}

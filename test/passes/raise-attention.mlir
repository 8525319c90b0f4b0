// RUN: halyard-opt %s --raise-attention --canonicalize --cse | FileCheck %s

// Rows in, rows out: the transposes and reshapes around the heads are gone.
// CHECK-LABEL: func.func @plain
// CHECK-NOT: onnx.Transpose
// CHECK: seq.attention %{{.*}}, %{{.*}}, %{{.*}} {heads = 4 : i64, kv_heads = 4 : i64, scale = 1.000000e+00 : f64} : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
// CHECK-NOT: onnx.Transpose
// CHECK-NOT: onnx.Softmax
func.func @plain(%q: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %k: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %v: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>}) -> tensor<1x?x32xf32> {
  %split = onnx.Constant {value = dense<[1, -1, 4, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %merge = onnx.Constant {value = dense<[1, -1, 32]> : tensor<3xi64>} : () -> tensor<3xi64>
  %q4 = onnx.Reshape %q, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %k4 = onnx.Reshape %k, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %v4 = onnx.Reshape %v, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %qh = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %kt = onnx.Transpose %k4 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x8x?xf32>
  %vh = onnx.Transpose %v4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %s = onnx.MatMul %qh, %kt : (tensor<1x4x?x8xf32>, tensor<1x4x8x?xf32>) -> tensor<1x4x?x?xf32>
  %p = onnx.Softmax %s : (tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xf32>
  %o = onnx.MatMul %p, %vh : (tensor<1x4x?x?xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %ot = onnx.Transpose %o {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x?x8xf32>) -> tensor<1x?x4x8xf32>
  %y = onnx.Reshape %ot, %merge : (tensor<1x?x4x8xf32>, tensor<3xi64>) -> tensor<1x?x32xf32>
  return %y : tensor<1x?x32xf32>
}

// Scale split between Q and K^T, a boolean mask, and a guard against rows of NaN.
// CHECK-LABEL: func.func @sdpa
// CHECK: %[[WHERE:.*]] = onnx.Where
// CHECK: onnx.Add %{{.*}}, %[[WHERE]]
// CHECK: seq.attention {{.*}} bias(%{{.*}} : tensor<1x?x?xf32>) {{.*}}scale = 2.500000e-01 : f64
// CHECK-NOT: onnx.IsNaN
func.func @sdpa(%q: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %k: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %v: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>}) -> tensor<1x?x32xf32> {
  %split = onnx.Constant {value = dense<[1, -1, 4, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %merge = onnx.Constant {value = dense<[1, -1, 32]> : tensor<3xi64>} : () -> tensor<3xi64>
  %q4 = onnx.Reshape %q, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %k4 = onnx.Reshape %k, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %v4 = onnx.Reshape %v, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %qu = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %ku = onnx.Transpose %k4 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x8x?xf32>
  %vh = onnx.Transpose %v4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %none = onnx.None : () -> none
  %half = onnx.Constant {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %zero = onnx.Constant {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %inf = onnx.Constant {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
  %qh = onnx.Mul %qu, %half : (tensor<1x4x?x8xf32>, tensor<f32>) -> tensor<1x4x?x8xf32>
  %kt = onnx.Mul %ku, %half : (tensor<1x4x8x?xf32>, tensor<f32>) -> tensor<1x4x8x?xf32>
  %extents = seq.extents affine_map<()[s, t] -> (1, 1, t, t)> : tensor<4xi64>
  %true = onnx.Constant {value = dense<true> : tensor<i1>} : () -> tensor<i1>
  %ones = onnx.Expand %true, %extents : (tensor<i1>, tensor<4xi64>) -> tensor<1x1x?x?xi1>
  %mask = onnx.Trilu %ones, %none {upper = 0 : i64} : (tensor<1x1x?x?xi1>, none) -> tensor<1x1x?x?xi1>
  %bias = onnx.Where %mask, %zero, %inf : (tensor<1x1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<1x1x?x?xf32>
  %s = onnx.MatMul %qh, %kt : (tensor<1x4x?x8xf32>, tensor<1x4x8x?xf32>) -> tensor<1x4x?x?xf32>
  %sm = onnx.Add %s, %bias : (tensor<1x4x?x?xf32>, tensor<1x1x?x?xf32>) -> tensor<1x4x?x?xf32>
  %p = onnx.Softmax %sm : (tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xf32>
  %isnan = onnx.IsNaN %p : (tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xi1>
  %guarded = onnx.Where %isnan, %zero, %p : (tensor<1x4x?x?xi1>, tensor<f32>, tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xf32>
  %o = onnx.MatMul %guarded, %vh : (tensor<1x4x?x?xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %ot = onnx.Transpose %o {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x?x8xf32>) -> tensor<1x?x4x8xf32>
  %y = onnx.Reshape %ot, %merge : (tensor<1x?x4x8xf32>, tensor<3xi64>) -> tensor<1x?x32xf32>
  return %y : tensor<1x?x32xf32>
}

// A soft cap, and a mask by Where after the scale.
// CHECK-LABEL: func.func @softcap
// CHECK: seq.attention {{.*}} bias({{.*}}) {{.*}}scale = 10.00{{[0-9]*}} : f64, softcap = 5.000000e+01 : f64
func.func @softcap(%q: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %k: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %v: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>}) -> tensor<1x?x32xf32> {
  %split = onnx.Constant {value = dense<[1, -1, 4, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %merge = onnx.Constant {value = dense<[1, -1, 32]> : tensor<3xi64>} : () -> tensor<3xi64>
  %q4 = onnx.Reshape %q, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %k4 = onnx.Reshape %k, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %v4 = onnx.Reshape %v, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %qh = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %kt = onnx.Transpose %k4 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x8x?xf32>
  %vh = onnx.Transpose %v4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %none = onnx.None : () -> none
  %down = onnx.Constant {value = dense<0.2> : tensor<f32>} : () -> tensor<f32>
  %cap = onnx.Constant {value = dense<50.0> : tensor<f32>} : () -> tensor<f32>
  %inf = onnx.Constant {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
  %extents = seq.extents affine_map<()[s, t] -> (1, 1, t, t)> : tensor<4xi64>
  %true = onnx.Constant {value = dense<true> : tensor<i1>} : () -> tensor<i1>
  %ones = onnx.Expand %true, %extents : (tensor<i1>, tensor<4xi64>) -> tensor<1x1x?x?xi1>
  %mask = onnx.Trilu %ones, %none {upper = 0 : i64} : (tensor<1x1x?x?xi1>, none) -> tensor<1x1x?x?xi1>
  %s = onnx.MatMul %qh, %kt : (tensor<1x4x?x8xf32>, tensor<1x4x8x?xf32>) -> tensor<1x4x?x?xf32>
  %sd = onnx.Mul %s, %down : (tensor<1x4x?x?xf32>, tensor<f32>) -> tensor<1x4x?x?xf32>
  %st = onnx.Tanh %sd : (tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xf32>
  %su = onnx.Mul %st, %cap : (tensor<1x4x?x?xf32>, tensor<f32>) -> tensor<1x4x?x?xf32>
  %sm = onnx.Where %mask, %su, %inf : (tensor<1x1x?x?xi1>, tensor<1x4x?x?xf32>, tensor<f32>) -> tensor<1x4x?x?xf32>
  %p = onnx.Softmax %sm : (tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xf32>
  %o = onnx.MatMul %p, %vh : (tensor<1x4x?x?xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %ot = onnx.Transpose %o {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x?x8xf32>) -> tensor<1x?x4x8xf32>
  %y = onnx.Reshape %ot, %merge : (tensor<1x?x4x8xf32>, tensor<3xi64>) -> tensor<1x?x32xf32>
  return %y : tensor<1x?x32xf32>
}

// Heads folded into the batch, scores of rank three.
// CHECK-LABEL: func.func @folded
// CHECK: seq.attention {{.*}} {heads = 4 : i64, kv_heads = 4 : i64, scale = 1.000000e+00 : f64}
// CHECK-NOT: onnx.Softmax
func.func @folded(%q: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %k: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %v: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>}) -> tensor<1x?x32xf32> {
  %split = onnx.Constant {value = dense<[1, -1, 4, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %merge = onnx.Constant {value = dense<[1, -1, 32]> : tensor<3xi64>} : () -> tensor<3xi64>
  %q4 = onnx.Reshape %q, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %k4 = onnx.Reshape %k, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %v4 = onnx.Reshape %v, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %qh = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %kt = onnx.Transpose %k4 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x8x?xf32>
  %vh = onnx.Transpose %v4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %b3 = onnx.Constant {value = dense<[4, -1, 8]> : tensor<3xi64>} : () -> tensor<3xi64>
  %qf = onnx.Reshape %qh, %b3 : (tensor<1x4x?x8xf32>, tensor<3xi64>) -> tensor<4x?x8xf32>
  %kh = onnx.Transpose %k4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %kf = onnx.Reshape %kh, %b3 : (tensor<1x4x?x8xf32>, tensor<3xi64>) -> tensor<4x?x8xf32>
  %kft = onnx.Transpose %kf {perm = array<i64: 0, 2, 1>} : (tensor<4x?x8xf32>) -> tensor<4x8x?xf32>
  %vf = onnx.Reshape %vh, %b3 : (tensor<1x4x?x8xf32>, tensor<3xi64>) -> tensor<4x?x8xf32>
  %s = onnx.MatMul %qf, %kft : (tensor<4x?x8xf32>, tensor<4x8x?xf32>) -> tensor<4x?x?xf32>
  %p = onnx.Softmax %s : (tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
  %of = onnx.MatMul %p, %vf : (tensor<4x?x?xf32>, tensor<4x?x8xf32>) -> tensor<4x?x8xf32>
  %b4 = onnx.Constant {value = dense<[1, 4, -1, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %o = onnx.Reshape %of, %b4 : (tensor<4x?x8xf32>, tensor<4xi64>) -> tensor<1x4x?x8xf32>
  %ot = onnx.Transpose %o {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x?x8xf32>) -> tensor<1x?x4x8xf32>
  %y = onnx.Reshape %ot, %merge : (tensor<1x?x4x8xf32>, tensor<3xi64>) -> tensor<1x?x32xf32>
  return %y : tensor<1x?x32xf32>
}

// Two key/value heads for four query heads, tiled by Concat(k, k) along an axis that is counted from the end: head h reads
// h mod 2.
// CHECK-LABEL: func.func @tiled
// CHECK: seq.attention {{.*}} {head_map = 1 : i32, heads = 4 : i64, kv_heads = 2 : i64, scale = 1.000000e+00 : f64} : tensor<?x32xf32>, tensor<?x16xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
// The same, each repeated by Expand: head h reads h / 2.
// CHECK-LABEL: func.func @grouped
// CHECK: seq.attention {{.*}} {heads = 4 : i64, kv_heads = 2 : i64, scale = 1.000000e+00 : f64} : tensor<?x32xf32>, tensor<?x16xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
func.func @tiled(%q: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %k: tensor<1x?x16xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 16)>},
    %v: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>}) -> tensor<1x?x32xf32> {
  %split = onnx.Constant {value = dense<[1, -1, 4, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %pair = onnx.Constant {value = dense<[1, -1, 2, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %merge = onnx.Constant {value = dense<[1, -1, 32]> : tensor<3xi64>} : () -> tensor<3xi64>
  %q4 = onnx.Reshape %q, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %k4 = onnx.Reshape %k, %pair : (tensor<1x?x16xf32>, tensor<4xi64>) -> tensor<1x?x2x8xf32>
  %qh = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %kh = onnx.Transpose %k4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x8xf32>) -> tensor<1x2x?x8xf32>
  %vh = onnx.Concat %kh, %kh {axis = -3 : i64} : (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) -> tensor<1x4x?x8xf32>
  %kt = onnx.Transpose %vh {perm = array<i64: 0, 1, 3, 2>} : (tensor<1x4x?x8xf32>) -> tensor<1x4x8x?xf32>
  %s = onnx.MatMul %qh, %kt : (tensor<1x4x?x8xf32>, tensor<1x4x8x?xf32>) -> tensor<1x4x?x?xf32>
  %p = onnx.Softmax %s : (tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xf32>
  %o = onnx.MatMul %p, %vh : (tensor<1x4x?x?xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %ot = onnx.Transpose %o {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x?x8xf32>) -> tensor<1x?x4x8xf32>
  %y = onnx.Reshape %ot, %merge : (tensor<1x?x4x8xf32>, tensor<3xi64>) -> tensor<1x?x32xf32>
  return %y : tensor<1x?x32xf32>
}
func.func @grouped(%q: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %k: tensor<1x?x16xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 16)>},
    %v: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>}) -> tensor<1x?x32xf32> {
  %split = onnx.Constant {value = dense<[1, -1, 4, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %pair = onnx.Constant {value = dense<[1, -1, 2, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %merge = onnx.Constant {value = dense<[1, -1, 32]> : tensor<3xi64>} : () -> tensor<3xi64>
  %q4 = onnx.Reshape %q, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %k4 = onnx.Reshape %k, %pair : (tensor<1x?x16xf32>, tensor<4xi64>) -> tensor<1x?x2x8xf32>
  %qh = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %kh = onnx.Transpose %k4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x8xf32>) -> tensor<1x2x?x8xf32>
  %two = onnx.Constant {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %wide = seq.extents affine_map<()[s, t] -> (1, 2, 2, t, 8)> : tensor<5xi64>
  %flat = seq.extents affine_map<()[s, t] -> (1, 4, t, 8)> : tensor<4xi64>
  %ku = onnx.Unsqueeze %kh, %two : (tensor<1x2x?x8xf32>, tensor<1xi64>) -> tensor<1x2x1x?x8xf32>
  %ke = onnx.Expand %ku, %wide : (tensor<1x2x1x?x8xf32>, tensor<5xi64>) -> tensor<1x2x2x?x8xf32>
  %vh = onnx.Reshape %ke, %flat : (tensor<1x2x2x?x8xf32>, tensor<4xi64>) -> tensor<1x4x?x8xf32>
  %kt = onnx.Transpose %vh {perm = array<i64: 0, 1, 3, 2>} : (tensor<1x4x?x8xf32>) -> tensor<1x4x8x?xf32>
  %s = onnx.MatMul %qh, %kt : (tensor<1x4x?x8xf32>, tensor<1x4x8x?xf32>) -> tensor<1x4x?x?xf32>
  %p = onnx.Softmax %s : (tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xf32>
  %o = onnx.MatMul %p, %vh : (tensor<1x4x?x?xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %ot = onnx.Transpose %o {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x?x8xf32>) -> tensor<1x?x4x8xf32>
  %y = onnx.Reshape %ot, %merge : (tensor<1x?x4x8xf32>, tensor<3xi64>) -> tensor<1x?x32xf32>
  return %y : tensor<1x?x32xf32>
}

// The operator of opset 23.
// CHECK-LABEL: func.func @operator
// CHECK: seq.attention {{.*}} {causal, heads = 4 : i64, kv_heads = 4 : i64, scale = 0.35355339
// CHECK-NOT: onnx.Attention
func.func @operator(%q: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %k: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>},
    %v: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>}) -> tensor<1x?x32xf32> {
  %split = onnx.Constant {value = dense<[1, -1, 4, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %merge = onnx.Constant {value = dense<[1, -1, 32]> : tensor<3xi64>} : () -> tensor<3xi64>
  %q4 = onnx.Reshape %q, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %k4 = onnx.Reshape %k, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %v4 = onnx.Reshape %v, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %qh = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %kt = onnx.Transpose %k4 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x8x?xf32>
  %vh = onnx.Transpose %v4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %none = onnx.None : () -> none
  %kh = onnx.Transpose %k4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %o = onnx.Attention %qh, %kh, %vh, %none, %none, %none, %none {is_causal = 1 : i64} : (tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>, none, none, none, none) -> tensor<1x4x?x8xf32>
  %ot = onnx.Transpose %o {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x?x8xf32>) -> tensor<1x?x4x8xf32>
  %y = onnx.Reshape %ot, %merge : (tensor<1x?x4x8xf32>, tensor<3xi64>) -> tensor<1x?x32xf32>
  return %y : tensor<1x?x32xf32>
}

// A mask that is data becomes one number for each key, apart from the bias that it was added to, and whichever query
// and head it was spread over.
// CHECK-LABEL: func.func @masked
// CHECK-SAME: %[[MASK:[^:]*]]: tensor<1x?xi64> {halyard.mask
// CHECK: onnx.Cast %{{.*}} {to = f32} : (tensor<?xi64>) -> tensor<?xf32>
// CHECK: seq.attention {{.*}} bias(%{{.*}} : tensor<4x?x?xf32>) mask(%{{.*}} : tensor<?x1xf32>) {heads = 4
func.func @masked(%x: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, s, 32)>},
    %mask: tensor<1x?xi64> {halyard.mask, halyard.shape = affine_map<()[s, t] -> (1, s)>}) -> tensor<1x?x32xf32> {
  %split = onnx.Constant {value = dense<[1, -1, 4, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %merge = onnx.Constant {value = dense<[1, -1, 32]> : tensor<3xi64>} : () -> tensor<3xi64>
  %x4 = onnx.Reshape %x, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  %qh = onnx.Transpose %x4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %kt = onnx.Transpose %x4 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x8x?xf32>
  %slopes = onnx.Constant {value = dense<[[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x4x1x1xf32>} : () -> tensor<1x4x1x1xf32>
  %one = onnx.Constant {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %lowest = onnx.Constant {value = dense<-3.40282347E+38> : tensor<f32>} : () -> tensor<f32>
  %axes = onnx.Constant {value = dense<[1, 2]> : tensor<2xi64>} : () -> tensor<2xi64>
  %square = seq.extents affine_map<()[s, t] -> (1, 1, s, s)> : tensor<4xi64>
  %all = seq.extents affine_map<()[s, t] -> (1, 4, s, s)> : tensor<4xi64>
  %slope = onnx.Expand %slopes, %all : (tensor<1x4x1x1xf32>, tensor<4xi64>) -> tensor<1x4x?x?xf32>
  %m4 = onnx.Unsqueeze %mask, %axes : (tensor<1x?xi64>, tensor<2xi64>) -> tensor<1x1x1x?xi64>
  %spread = onnx.Expand %m4, %square : (tensor<1x1x1x?xi64>, tensor<4xi64>) -> tensor<1x1x?x?xi64>
  %f = onnx.Cast %spread {to = f32} : (tensor<1x1x?x?xi64>) -> tensor<1x1x?x?xf32>
  %i = onnx.Sub %one, %f : (tensor<f32>, tensor<1x1x?x?xf32>) -> tensor<1x1x?x?xf32>
  %b = onnx.Mul %i, %lowest : (tensor<1x1x?x?xf32>, tensor<f32>) -> tensor<1x1x?x?xf32>
  %bias = onnx.Add %slope, %b : (tensor<1x4x?x?xf32>, tensor<1x1x?x?xf32>) -> tensor<1x4x?x?xf32>
  %s = onnx.MatMul %qh, %kt : (tensor<1x4x?x8xf32>, tensor<1x4x8x?xf32>) -> tensor<1x4x?x?xf32>
  %sm = onnx.Add %s, %bias : (tensor<1x4x?x?xf32>, tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xf32>
  %p = onnx.Softmax %sm : (tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xf32>
  %o = onnx.MatMul %p, %qh : (tensor<1x4x?x?xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %ot = onnx.Transpose %o {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x?x8xf32>) -> tensor<1x?x4x8xf32>
  %y = onnx.Reshape %ot, %merge : (tensor<1x?x4x8xf32>, tensor<3xi64>) -> tensor<1x?x32xf32>
  return %y : tensor<1x?x32xf32>
}

// A mask that depends on the query as well is no mask of keys: what is not understood stays as it is.
// CHECK-LABEL: func.func @square
// CHECK: onnx.Softmax
// CHECK-LABEL: func.func @chosen
// CHECK: onnx.Where %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?xi1>
// CHECK: seq.attention {{.*}} mask(%{{.*}} : tensor<?x1xf32>) {heads = 1
func.func @square(%x: tensor<?x8xf32> {halyard.shape = affine_map<()[s, t] -> (s, 8)>},
    %mask: tensor<?x?xf32> {halyard.mask, halyard.shape = affine_map<()[s, t] -> (s, s)>}) -> tensor<?x8xf32> {
  %xt = onnx.Transpose %x {perm = array<i64: 1, 0>} : (tensor<?x8xf32>) -> tensor<8x?xf32>
  %s = onnx.MatMul %x, %xt : (tensor<?x8xf32>, tensor<8x?xf32>) -> tensor<?x?xf32>
  %sm = onnx.Add %s, %mask : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %p = onnx.Softmax %sm : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %o = onnx.MatMul %p, %x : (tensor<?x?xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}
func.func @chosen(%x: tensor<?x8xf32> {halyard.shape = affine_map<()[s, t] -> (s, 8)>},
    %mask: tensor<1x?xi1> {halyard.mask, halyard.shape = affine_map<()[s, t] -> (1, s)>}) -> tensor<?x8xf32> {
  %lowest = onnx.Constant {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
  %xt = onnx.Transpose %x {perm = array<i64: 1, 0>} : (tensor<?x8xf32>) -> tensor<8x?xf32>
  %s = onnx.MatMul %x, %xt : (tensor<?x8xf32>, tensor<8x?xf32>) -> tensor<?x?xf32>
  %sm = onnx.Where %mask, %s, %lowest : (tensor<1x?xi1>, tensor<?x?xf32>, tensor<f32>) -> tensor<?x?xf32>
  %p = onnx.Softmax %sm : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %o = onnx.MatMul %p, %x : (tensor<?x?xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

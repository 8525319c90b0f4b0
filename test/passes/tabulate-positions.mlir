// RUN: halyard-opt %s --tabulate-positions --canonicalize | FileCheck %s

// A learned position table behind Range and Gather: its first rows, whatever the length.
// CHECK-LABEL: func.func @positions
// CHECK: %[[TABLE:.*]] = arith.constant dense<{{.*}}> : tensor<4x2xf32>
// CHECK: %[[T:.*]] = seq.length target : index
// CHECK: tensor.extract_slice %[[TABLE]][0, 0] [%[[T]], 2] [1, 1] : tensor<4x2xf32> to tensor<?x2xf32>
// CHECK-NOT: onnx.Range
module attributes {halyard.limits = {max_source = 4 : i64, max_target = 4 : i64}} {
func.func @positions(%x: tensor<1x?x2xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 2)>}) -> tensor<1x?x2xf32> {
  %weight = onnx.Constant {value = dense<[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0], [8.0, 9.0], [1.0, 1.0]]> : tensor<6x2xf32>} : () -> tensor<6x2xf32>
  %zero = onnx.Constant {value = dense<0> : tensor<i64>} : () -> tensor<i64>
  %one = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %two = onnx.Constant {value = dense<2> : tensor<i64>} : () -> tensor<i64>
  %t = seq.extents affine_map<()[s, t] -> (t)> : tensor<i64>
  %range = onnx.Range %zero, %t, %one : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %offset = onnx.Add %range, %two : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  %rows = onnx.Gather %weight, %offset : (tensor<6x2xf32>, tensor<?xi64>) -> tensor<?x2xf32>
  %y = onnx.Add %x, %rows : (tensor<1x?x2xf32>, tensor<?x2xf32>) -> tensor<1x?x2xf32>
  return %y : tensor<1x?x2xf32>
}

// Positions counted from the end are no prefix of one table: they are computed while running.
// CHECK-LABEL: func.func @fromEnd
// CHECK: onnx.Range
// CHECK: onnx.Sub
func.func @fromEnd(%x: tensor<1x?xf32> {halyard.shape = affine_map<()[s, t] -> (1, t)>}) -> tensor<1x?xf32> {
  %zero = onnx.Constant {value = dense<0> : tensor<i64>} : () -> tensor<i64>
  %one = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %t = seq.extents affine_map<()[s, t] -> (t)> : tensor<i64>
  %range = onnx.Range %zero, %t, %one : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %left = onnx.Sub %t, %range : (tensor<i64>, tensor<?xi64>) -> tensor<?xi64>
  %f = onnx.Cast %left {to = f32} : (tensor<?xi64>) -> tensor<?xf32>
  %y = onnx.Add %x, %f : (tensor<1x?xf32>, tensor<?xf32>) -> tensor<1x?xf32>
  return %y : tensor<1x?xf32>
}

// A mask of everything after the query: the attention is causal and nothing is left to add.
// CHECK-LABEL: func.func @causal
// CHECK: seq.attention %{{[^ ]*}}, %{{[^ ]*}}, %{{[^ ]*}} {causal, heads = 1
func.func @causal(%x: tensor<?x2xf32> {halyard.shape = affine_map<()[s, t] -> (t, 2)>}) -> tensor<?x2xf32> {
  %low = onnx.Constant {value = dense<-1.0e+09> : tensor<f32>} : () -> tensor<f32>
  %one = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %extents = seq.extents affine_map<()[s, t] -> (1, t, t)> : tensor<3xi64>
  %all = onnx.Expand %low, %extents : (tensor<f32>, tensor<3xi64>) -> tensor<1x?x?xf32>
  %mask = onnx.Trilu %all, %one {upper = 1 : i64} : (tensor<1x?x?xf32>, tensor<i64>) -> tensor<1x?x?xf32>
  %y = seq.attention %x, %x, %x bias(%mask : tensor<1x?x?xf32>) {heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64}
      : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// A mask that leaves the next key visible is not causal: it stays, as a table by distance.
// CHECK-LABEL: func.func @lookahead
// CHECK: arith.constant dense<{{.*}}> : tensor<1x7xf32>
// CHECK: seq.attention
// CHECK-NOT: causal
// CHECK-SAME: by_distance
func.func @lookahead(%x: tensor<?x2xf32> {halyard.shape = affine_map<()[s, t] -> (t, 2)>}) -> tensor<?x2xf32> {
  %low = onnx.Constant {value = dense<-1.0e+09> : tensor<f32>} : () -> tensor<f32>
  %two = onnx.Constant {value = dense<2> : tensor<i64>} : () -> tensor<i64>
  %extents = seq.extents affine_map<()[s, t] -> (1, t, t)> : tensor<3xi64>
  %all = onnx.Expand %low, %extents : (tensor<f32>, tensor<3xi64>) -> tensor<1x?x?xf32>
  %mask = onnx.Trilu %all, %two {upper = 1 : i64} : (tensor<1x?x?xf32>, tensor<i64>) -> tensor<1x?x?xf32>
  %y = seq.attention %x, %x, %x bias(%mask : tensor<1x?x?xf32>) {heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64}
      : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// A decoder that takes caches: a row was computed before all later ones, though no mask says so. What the source has
// keys for is there at all times.
// CHECK-LABEL: func.func @with_past
// CHECK: seq.attention %[[X:[^ ]*]], %[[X]], %[[X]] {causal, heads = 1
// CHECK: seq.attention %[[X]], %[[M:[^ ]*]], %[[M]] {heads = 1
func.func @with_past(%x: tensor<?x2xf32> {halyard.shape = affine_map<()[s, t] -> (t, 2)>},
                     %m: tensor<?x2xf32> {halyard.shape = affine_map<()[s, t] -> (s, 2)>}) -> tensor<?x2xf32>
    attributes {halyard.takes_caches} {
  %0 = seq.attention %x, %x, %x {heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64}
      : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x2xf32>
  %1 = seq.attention %x, %m, %m {heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64}
      : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x2xf32>
  %2 = onnx.Add %0, %1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}
}

// RUN: halyard-opt %s --raise-rotary --canonicalize --cse | FileCheck %s

module attributes {halyard.limits = {max_source = 3 : i64, max_target = 3 : i64}} {

// Halves: feature i and i + 2 of a head are a pair. Heads stand before time; one value of cos and sin is left per pair.
// CHECK-LABEL: func.func @halves
// CHECK-SAME: (%[[X:.*]]: tensor<1x?x8xf32>
// CHECK-DAG: %[[FIRST:.*]] = onnx.Constant {value = dense<0> : tensor<1xi64>}
// CHECK-DAG: %[[HALF:.*]] = onnx.Constant {value = dense<2> : tensor<1xi64>}
// CHECK-DAG: %[[ONE:.*]] = onnx.Constant {value = dense<1> : tensor<1xi64>}
// CHECK: %[[ROWS:.*]] = onnx.Reshape %[[X]], {{.*}} -> tensor<?x8xf32>
// CHECK: %[[COS:.*]] = onnx.Slice %{{.*}}, %[[FIRST]], %[[HALF]], %[[ONE]], %[[ONE]] : {{.*}} -> tensor<?x2xf32>
// CHECK: %[[SIN:.*]] = onnx.Slice %{{.*}}, %[[FIRST]], %[[HALF]], %[[ONE]], %[[ONE]] : {{.*}} -> tensor<?x2xf32>
// CHECK: seq.rotary %[[ROWS]], %[[COS]], %[[SIN]] {heads = 2 : i64, rotary = 4 : i64} : tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x8xf32>
// CHECK-NOT: onnx.Neg
// CHECK: return %{{.*}} : tensor<1x2x?x4xf32>
func.func @halves(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 8)>}) -> tensor<1x2x?x4xf32> {
  %none = onnx.None : () -> none
  %first = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %half = onnx.Constant {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %end = onnx.Constant {value = dense<9223372036854775807> : tensor<1xi64>} : () -> tensor<1xi64>
  %last = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %angles = onnx.Constant {value = dense<[[0.0, 0.0, 0.0, 0.0], [1.0, 0.1, 1.0, 0.1], [2.0, 0.2, 2.0, 0.2]]> : tensor<3x4xf32>} : () -> tensor<3x4xf32>
  %t = seq.extents affine_map<()[s, t] -> (t)> : tensor<1xi64>
  %a = onnx.Slice %angles, %first, %t, %first, %none : (tensor<3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<?x4xf32>
  %cos = onnx.Cos %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %sin = onnx.Sin %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %split = seq.extents affine_map<()[s, t] -> (1, t, 2, 4)> : tensor<4xi64>
  %x4 = onnx.Reshape %x, %split : (tensor<1x?x8xf32>, tensor<4xi64>) -> tensor<1x?x2x4xf32>
  %h = onnx.Transpose %x4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x4xf32>) -> tensor<1x2x?x4xf32>
  %upper = onnx.Slice %h, %half, %end, %last, %none : (tensor<1x2x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<1x2x?x2xf32>
  %lower = onnx.Slice %h, %first, %half, %last, %none : (tensor<1x2x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<1x2x?x2xf32>
  %minus = onnx.Neg %upper : (tensor<1x2x?x2xf32>) -> tensor<1x2x?x2xf32>
  %turned = onnx.Concat %minus, %lower {axis = -1 : i64} : (tensor<1x2x?x2xf32>, tensor<1x2x?x2xf32>) -> tensor<1x2x?x4xf32>
  %straight = onnx.Mul %h, %cos : (tensor<1x2x?x4xf32>, tensor<?x4xf32>) -> tensor<1x2x?x4xf32>
  %across = onnx.Mul %sin, %turned : (tensor<?x4xf32>, tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32>
  %y = onnx.Add %across, %straight : (tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32>
  return %y : tensor<1x2x?x4xf32>
}

// Interleaved: features 2i and 2i + 1 are a pair.
// CHECK-LABEL: func.func @interleaved
// CHECK-DAG: %[[FIRST:.*]] = onnx.Constant {value = dense<0> : tensor<1xi64>}
// CHECK-DAG: %[[STEP:.*]] = onnx.Constant {value = dense<2> : tensor<1xi64>}
// CHECK: %[[COS:.*]] = onnx.Slice %{{.*}}, %[[FIRST]], %{{.*}}, %{{.*}}, %[[STEP]] : {{.*}} -> tensor<?x2xf32>
// CHECK: %[[SIN:.*]] = onnx.Slice %{{.*}}, %[[FIRST]], %{{.*}}, %{{.*}}, %[[STEP]] : {{.*}} -> tensor<?x2xf32>
// CHECK: seq.rotary %{{.*}}, %[[COS]], %[[SIN]] {heads = 1 : i64, interleaved, rotary = 4 : i64} : tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x4xf32>
// CHECK-NOT: onnx.Neg
func.func @interleaved(%x: tensor<1x?x4xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 4)>}) -> tensor<1x?x4xf32> {
  %none = onnx.None : () -> none
  %first = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %second = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %step = onnx.Constant {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %end = onnx.Constant {value = dense<9223372036854775807> : tensor<1xi64>} : () -> tensor<1xi64>
  %last = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %angles = onnx.Constant {value = dense<[[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.1, 0.1], [2.0, 2.0, 0.2, 0.2]]> : tensor<3x4xf32>} : () -> tensor<3x4xf32>
  %t = seq.extents affine_map<()[s, t] -> (t)> : tensor<1xi64>
  %a = onnx.Slice %angles, %first, %t, %first, %none : (tensor<3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<?x4xf32>
  %cos = onnx.Cos %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %sin = onnx.Sin %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %odd = onnx.Slice %x, %second, %end, %last, %step : (tensor<1x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x?x2xf32>
  %even = onnx.Slice %x, %first, %end, %last, %step : (tensor<1x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x?x2xf32>
  %minus = onnx.Neg %odd : (tensor<1x?x2xf32>) -> tensor<1x?x2xf32>
  %l = onnx.Unsqueeze %minus, %last : (tensor<1x?x2xf32>, tensor<1xi64>) -> tensor<1x?x2x1xf32>
  %r = onnx.Unsqueeze %even, %last : (tensor<1x?x2xf32>, tensor<1xi64>) -> tensor<1x?x2x1xf32>
  %pairs = onnx.Concat %l, %r {axis = -1 : i64} : (tensor<1x?x2x1xf32>, tensor<1x?x2x1xf32>) -> tensor<1x?x2x2xf32>
  %flat = seq.extents affine_map<()[s, t] -> (1, t, 4)> : tensor<3xi64>
  %turned = onnx.Reshape %pairs, %flat : (tensor<1x?x2x2xf32>, tensor<3xi64>) -> tensor<1x?x4xf32>
  %straight = onnx.Mul %x, %cos : (tensor<1x?x4xf32>, tensor<?x4xf32>) -> tensor<1x?x4xf32>
  %across = onnx.Mul %turned, %sin : (tensor<1x?x4xf32>, tensor<?x4xf32>) -> tensor<1x?x4xf32>
  %y = onnx.Add %straight, %across : (tensor<1x?x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  return %y : tensor<1x?x4xf32>
}

// The first four of six features are turned; what is concatenated unchanged is part of the operation.
// CHECK-LABEL: func.func @partial
// CHECK-SAME: (%[[X:.*]]: tensor<1x?x6xf32>
// CHECK: %[[ROWS:.*]] = onnx.Reshape %[[X]], {{.*}} -> tensor<?x6xf32>
// CHECK: %[[R:.*]] = seq.rotary %[[ROWS]], %{{.*}} {heads = 1 : i64, rotary = 4 : i64} : tensor<?x6xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x6xf32>
// CHECK: %[[Y:.*]] = onnx.Reshape %[[R]], {{.*}} -> tensor<1x?x6xf32>
// CHECK-NOT: onnx.Concat
// CHECK: return %[[Y]]
func.func @partial(%x: tensor<1x?x6xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 6)>}) -> tensor<1x?x6xf32> {
  %none = onnx.None : () -> none
  %first = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %half = onnx.Constant {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %four = onnx.Constant {value = dense<4> : tensor<1xi64>} : () -> tensor<1xi64>
  %end = onnx.Constant {value = dense<9223372036854775807> : tensor<1xi64>} : () -> tensor<1xi64>
  %last = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %angles = onnx.Constant {value = dense<[[0.0, 0.0, 0.0, 0.0], [1.0, 0.1, 1.0, 0.1], [2.0, 0.2, 2.0, 0.2]]> : tensor<3x4xf32>} : () -> tensor<3x4xf32>
  %t = seq.extents affine_map<()[s, t] -> (t)> : tensor<1xi64>
  %a = onnx.Slice %angles, %first, %t, %first, %none : (tensor<3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<?x4xf32>
  %cos = onnx.Cos %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %sin = onnx.Sin %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %lead = onnx.Slice %x, %first, %four, %last, %none : (tensor<1x?x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<1x?x4xf32>
  %rest = onnx.Slice %x, %four, %end, %last, %none : (tensor<1x?x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<1x?x2xf32>
  %upper = onnx.Slice %lead, %half, %end, %last, %none : (tensor<1x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<1x?x2xf32>
  %lower = onnx.Slice %lead, %first, %half, %last, %none : (tensor<1x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<1x?x2xf32>
  %minus = onnx.Neg %upper : (tensor<1x?x2xf32>) -> tensor<1x?x2xf32>
  %turned = onnx.Concat %minus, %lower {axis = -1 : i64} : (tensor<1x?x2xf32>, tensor<1x?x2xf32>) -> tensor<1x?x4xf32>
  %straight = onnx.Mul %lead, %cos : (tensor<1x?x4xf32>, tensor<?x4xf32>) -> tensor<1x?x4xf32>
  %across = onnx.Mul %turned, %sin : (tensor<1x?x4xf32>, tensor<?x4xf32>) -> tensor<1x?x4xf32>
  %sum = onnx.Add %straight, %across : (tensor<1x?x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  %y = onnx.Concat %sum, %rest {axis = -1 : i64} : (tensor<1x?x4xf32>, tensor<1x?x2xf32>) -> tensor<1x?x6xf32>
  return %y : tensor<1x?x6xf32>
}

// The last row's angles differ within a pair (they are those of the interleaved style): this is no rotation.
// CHECK-LABEL: func.func @unequal
// CHECK: onnx.Neg
// CHECK-NOT: seq.rotary
// CHECK: onnx.Add
func.func @unequal(%x: tensor<1x?x4xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 4)>}) -> tensor<1x?x4xf32> {
  %none = onnx.None : () -> none
  %first = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %half = onnx.Constant {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %end = onnx.Constant {value = dense<9223372036854775807> : tensor<1xi64>} : () -> tensor<1xi64>
  %last = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %angles = onnx.Constant {value = dense<[[0.0, 0.0, 0.0, 0.0], [1.0, 0.1, 1.0, 0.1], [2.0, 2.0, 0.2, 0.2]]> : tensor<3x4xf32>} : () -> tensor<3x4xf32>
  %t = seq.extents affine_map<()[s, t] -> (t)> : tensor<1xi64>
  %a = onnx.Slice %angles, %first, %t, %first, %none : (tensor<3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<?x4xf32>
  %cos = onnx.Cos %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %sin = onnx.Sin %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %upper = onnx.Slice %x, %half, %end, %last, %none : (tensor<1x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<1x?x2xf32>
  %lower = onnx.Slice %x, %first, %half, %last, %none : (tensor<1x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<1x?x2xf32>
  %minus = onnx.Neg %upper : (tensor<1x?x2xf32>) -> tensor<1x?x2xf32>
  %turned = onnx.Concat %minus, %lower {axis = -1 : i64} : (tensor<1x?x2xf32>, tensor<1x?x2xf32>) -> tensor<1x?x4xf32>
  %straight = onnx.Mul %x, %cos : (tensor<1x?x4xf32>, tensor<?x4xf32>) -> tensor<1x?x4xf32>
  %across = onnx.Mul %turned, %sin : (tensor<1x?x4xf32>, tensor<?x4xf32>) -> tensor<1x?x4xf32>
  %y = onnx.Add %straight, %across : (tensor<1x?x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  return %y : tensor<1x?x4xf32>
}
}

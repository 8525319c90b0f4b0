// RUN: halyard-opt %s --onnx-to-linalg --split-input-file | FileCheck %s

// A transposed weight is read in place, and rows follow the target length.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-DAG: #[[W:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
// CHECK-LABEL: func @matmul
func.func @matmul(%x: tensor<1x?x4xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 4)>}, %w: tensor<8x4xf32>)
    -> tensor<1x?x8xf32> {
  // CHECK: %[[T:.*]] = seq.length target
  // CHECK: tensor.empty(%[[T]]) : tensor<1x?x8xf32>
  // CHECK-NOT: onnx.
  // CHECK: linalg.generic {indexing_maps = [#[[X]], #[[W]], {{.*}}], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
  // CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<1x?x4xf32>, tensor<8x4xf32>)
  %t = onnx.Transpose %w {perm = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %y = onnx.MatMul %x, %t : (tensor<1x?x4xf32>, tensor<4x8xf32>) -> tensor<1x?x8xf32>
  return %y : tensor<1x?x8xf32>
}

// -----

// Constants of one value are part of the body; x * x is not a call of pow.
// CHECK-LABEL: func @scalars
func.func @scalars(%x: tensor<3xf32>) -> tensor<*xf32> {
  // CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<3xf32>)
  // CHECK: arith.mulf %[[E:.*]], %[[E]]
  // CHECK-NOT: math.powf
  // CHECK: return %{{.*}} : tensor<3xf32>
  %two = onnx.Constant {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %y = onnx.Pow %x, %two : (tensor<3xf32>, tensor<f32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// Heads are split and merged by views, also where the extents are known by the lengths only.
// CHECK-LABEL: func @heads
func.func @heads(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 8)>}) -> tensor<*xf32> {
  // CHECK: tensor.expand_shape %{{.*}} {{\[}}[0], [1], [2, 3]]
  %s = seq.extents affine_map<()[s, t] -> (1, t, 2, 4)> : tensor<4xi64>
  %h = onnx.Reshape %x, %s : (tensor<1x?x8xf32>, tensor<4xi64>) -> tensor<*xf32>
  // CHECK: tensor.collapse_shape %{{.*}} {{\[}}[0, 1], [2, 3]]
  %m = seq.extents affine_map<()[s, t] -> (t, 8)> : tensor<2xi64>
  %y = onnx.Reshape %h, %m : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// The last row: where its size is known, clamping is not needed.
// CHECK: #[[LAST:.*]] = affine_map<()[s0] -> (s0 - 1)>
// CHECK-LABEL: func @last_row
func.func @last_row(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 8)>}) -> tensor<*xf32> {
  // CHECK: %[[AT:.*]] = affine.apply #[[LAST]]()
  // CHECK: tensor.extract_slice %{{.*}}[0, %[[AT]], 0] [1, 1, 8] [1, 1, 1]
  %none = onnx.None : () -> none
  %start = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %end = onnx.Constant {value = dense<9223372036854775807> : tensor<1xi64>} : () -> tensor<1xi64>
  %axis = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %y = onnx.Slice %x, %start, %end, %axis, %none
    : (tensor<1x?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// Texts are no longer than the table: limits decide that nothing is clamped.
module attributes {halyard.limits = {max_source = 8 : i64, max_target = 8 : i64}} {
  // CHECK-LABEL: func @first_rows
  func.func @first_rows(%x: tensor<?x4xf32> {halyard.shape = affine_map<()[s, t] -> (t, 4)>}, %table: tensor<8x4xf32>) -> tensor<*xf32> {
    // CHECK: %[[T:.*]] = seq.length target
    // CHECK-NOT: arith.minsi
    // CHECK: tensor.extract_slice %{{.*}}[0, 0] [%[[T]], 4] [1, 1]
    %none = onnx.None : () -> none
    %start = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
    %end = seq.extents affine_map<()[s, t] -> (t)> : tensor<1xi64>
    %axis = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
    %y = onnx.Slice %table, %start, %end, %axis, %none
      : (tensor<8x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
    return %y : tensor<*xf32>
  }
}

// -----

// A few updates: every element is asked whether it is one of them.
// CHECK-LABEL: func @scatter
func.func @scatter(%x: tensor<1x?xi64> {halyard.shape = affine_map<()[s, t] -> (1, s)>}, %at: tensor<1x2xi64>, %new: tensor<1xi64>)
    -> tensor<1x?xi64> {
  // CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<1x?xi64>)
  // CHECK: tensor.extract %{{.*}}[%{{.*}}, %{{.*}}] : tensor<1x2xi64>
  // CHECK: %[[ROW:.*]] = arith.cmpi eq
  // CHECK: tensor.extract %{{.*}}[%{{.*}}, %{{.*}}] : tensor<1x2xi64>
  // CHECK: %[[COLUMN:.*]] = arith.cmpi eq
  // CHECK: %[[HERE:.*]] = arith.andi %[[ROW]], %[[COLUMN]]
  // CHECK: %[[VALUE:.*]] = tensor.extract %{{.*}}[%{{.*}}] : tensor<1xi64>
  // CHECK: arith.select %[[HERE]], %[[VALUE]], %{{.*}} : i64
  %y = onnx.ScatterND %x, %at, %new : (tensor<1x?xi64>, tensor<1x2xi64>, tensor<1xi64>) -> tensor<1x?xi64>
  return %y : tensor<1x?xi64>
}

// -----

// A gather reads its table in the body; negative indices count from the end.
// CHECK-LABEL: func @gather
func.func @gather(%table: tensor<10x4xf32>, %ids: tensor<1x3xi64>) -> tensor<1x3x4xf32> {
  // CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<1x3xi64>)
  // CHECK: arith.cmpi slt
  // CHECK: tensor.extract %{{.*}}[%{{.*}}, %{{.*}}] : tensor<10x4xf32>
  %y = onnx.Gather %table, %ids : (tensor<10x4xf32>, tensor<1x3xi64>) -> tensor<1x3x4xf32>
  return %y : tensor<1x3x4xf32>
}

// -----

// Operations that only the evaluator runs stay.
// CHECK-LABEL: func @host
func.func @host(%x: tensor<4xi1>) -> tensor<1x?xi64> {
  // CHECK: onnx.NonZero
  %y = onnx.NonZero %x : (tensor<4xi1>) -> tensor<1x?xi64>
  return %y : tensor<1x?xi64>
}

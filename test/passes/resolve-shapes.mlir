// RUN: halyard-opt %s --resolve-shapes --canonicalize --cse | FileCheck %s

// CHECK-DAG: #[[HEADS:.*]] = affine_map<()[s0, s1] -> (s0, 2, 4)>
// CHECK-DAG: #[[EXPANDED:.*]] = affine_map<()[s0, s1] -> (1, 3, s0)>
// CHECK-DAG: #[[STRIDED:.*]] = affine_map<()[s0, s1] -> (1, 4, (s0 - 127) floordiv 192 - 1)>
// CHECK-DAG: #[[PADDED:.*]] = affine_map<()[s0, s1] -> (1, ((-s0) floordiv 6) * -6)>

module attributes {halyard.limits = {max_source = 512 : i64, max_target = 64 : i64}} {

// CHECK-LABEL: func @heads
func.func @heads(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, s, 8)>}) -> tensor<*xf32> {
  %one = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %minus = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %four = onnx.Constant {value = dense<4> : tensor<1xi64>} : () -> tensor<1xi64>
  // CHECK-NOT: onnx.Shape
  %shape = onnx.Shape %x : (tensor<1x?x8xf32>) -> tensor<*xi64>
  %rows = onnx.Gather %shape, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %heads = onnx.Concat %rows, %minus, %four {axis = 0 : i64} : (tensor<*xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xi64>
  // CHECK: %[[E:.*]] = seq.extents #[[HEADS]] : tensor<3xi64>
  // CHECK: onnx.Reshape %{{.*}}, %[[E]] : (tensor<1x?x8xf32>, tensor<3xi64>) -> tensor<?x2x4xf32>
  %y = onnx.Reshape %x, %heads : (tensor<1x?x8xf32>, tensor<*xi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// What PyTorch writes for expand(batch, -1, ...): -1 is replaced by 1 in the graph itself.
// CHECK-LABEL: func @expand_idiom
func.func @expand_idiom(%x: tensor<1x1x?xf32> {halyard.shape = affine_map<()[s, t] -> (1, 1, s)>}) -> tensor<*xf32> {
  %zero = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %minus = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %minusOne = onnx.Constant {value = dense<-1> : tensor<i64>} : () -> tensor<i64>
  %three = onnx.Constant {value = dense<3> : tensor<1xi64>} : () -> tensor<1xi64>
  %shape = onnx.Shape %x : (tensor<1x1x?xf32>) -> tensor<*xi64>
  %batch = onnx.Gather %shape, %zero : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %wanted = onnx.Concat %batch, %three, %minus {axis = 0 : i64} : (tensor<*xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xi64>
  %rank = onnx.Shape %wanted : (tensor<*xi64>) -> tensor<*xi64>
  %ones = onnx.ConstantOfShape %rank {value = dense<1> : tensor<1xi64>} : (tensor<*xi64>) -> tensor<*xi64>
  %minuses = onnx.Mul %ones, %minusOne : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %open = onnx.Equal %wanted, %minuses : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %given = onnx.Where %open, %ones, %wanted : (tensor<*xi1>, tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  // CHECK-NOT: onnx.Where
  // CHECK: %[[E:.*]] = seq.extents #[[EXPANDED]] : tensor<3xi64>
  // CHECK: onnx.Expand %{{.*}}, %[[E]] : (tensor<1x1x?xf32>, tensor<3xi64>) -> tensor<1x3x?xf32>
  %y = onnx.Expand %x, %given : (tensor<1x1x?xf32>, tensor<*xi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// The mask of the samples, taken at the product of the strides and cut to the convolutions' length, has their length.
// CHECK-LABEL: func @strided
func.func @strided(%x: tensor<1x1x?xf32> {halyard.shape = affine_map<()[s, t] -> (1, 1, s)>}, %w: tensor<4x1x127xf32>,
                   %v: tensor<4x4x7xf32>) -> (tensor<*xf32>, tensor<*xi64>) {
  %none = onnx.None : () -> none
  %zero = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %two = onnx.Constant {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %step = onnx.Constant {value = dense<192> : tensor<1xi64>} : () -> tensor<1xi64>
  %far = onnx.Constant {value = dense<9223372036854775807> : tensor<1xi64>} : () -> tensor<1xi64>
  %a = onnx.Conv %x, %w, %none {strides = array<i64: 64>} : (tensor<1x1x?xf32>, tensor<4x1x127xf32>, none) -> tensor<*xf32>
  %b = onnx.Conv %a, %v, %none {strides = array<i64: 3>} : (tensor<*xf32>, tensor<4x4x7xf32>, none) -> tensor<*xf32>
  %shape = onnx.Shape %b : (tensor<*xf32>) -> tensor<*xi64>
  %rows = onnx.Gather %shape, %two : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %coarse = onnx.Slice %x, %zero, %far, %two, %step : (tensor<1x1x?xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xf32>
  %cut = onnx.Slice %coarse, %zero, %rows, %two, %none : (tensor<*xf32>, tensor<1xi64>, tensor<*xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  // CHECK: onnx.Add {{.*}} -> tensor<1x4x?xf32>
  %sum = onnx.Add %b, %cut : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  // CHECK: %[[E:.*]] = seq.extents #[[STRIDED]] : tensor<3xi64>
  // CHECK: return %{{.*}}, %[[E]] : tensor<1x4x?xf32>, tensor<3xi64>
  %sumShape = onnx.Shape %sum : (tensor<*xf32>) -> tensor<*xi64>
  return %sum, %sumShape : tensor<*xf32>, tensor<*xi64>
}

// A table of positions is sliced up to the length: known because the largest length is.
// CHECK-LABEL: func @positions
func.func @positions(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 8)>}, %table: tensor<64x8xf32>) -> (tensor<*xf32>, tensor<*xi64>) {
  %none = onnx.None : () -> none
  %zero = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %one = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %shape = onnx.Shape %x : (tensor<1x?x8xf32>) -> tensor<*xi64>
  %rows = onnx.Gather %shape, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %p = onnx.Slice %table, %zero, %rows, %zero, %none : (tensor<64x8xf32>, tensor<1xi64>, tensor<*xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  // CHECK: %[[P:.*]] = onnx.Slice {{.*}} -> tensor<?x8xf32>
  // CHECK: onnx.Add %{{.*}}, %[[P]] : (tensor<1x?x8xf32>, tensor<?x8xf32>) -> tensor<1x?x8xf32>
  %y = onnx.Add %x, %p : (tensor<1x?x8xf32>, tensor<*xf32>) -> tensor<*xf32>
  // CHECK: %[[E:.*]] = seq.extents #{{.*}} : tensor<2xi64>
  // CHECK: return %{{.*}}, %[[E]]
  %shapeOfP = onnx.Shape %p : (tensor<*xf32>) -> tensor<*xi64>
  return %y, %shapeOfP : tensor<*xf32>, tensor<*xi64>
}

// Padding to a multiple of 6 as exporters write it: pads of all axes, last axis first, as rows of a matrix that is turned
// over and transposed.
// CHECK-LABEL: func @blocks
func.func @blocks(%x: tensor<1x?xf32> {halyard.shape = affine_map<()[s, t] -> (1, s)>}) -> tensor<*xi64> {
  %none = onnx.None : () -> none
  %zero = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %one = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %back = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %far = onnx.Constant {value = dense<-9223372036854775807> : tensor<1xi64>} : () -> tensor<1xi64>
  %six = onnx.Constant {value = dense<6> : tensor<1xi64>} : () -> tensor<1xi64>
  %pairs = onnx.Constant {value = dense<[-1, 2]> : tensor<2xi64>} : () -> tensor<2xi64>
  %value = onnx.Constant {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %shape = onnx.Shape %x : (tensor<1x?xf32>) -> tensor<*xi64>
  %rows = onnx.Gather %shape, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %minus = onnx.Neg %rows : (tensor<*xi64>) -> tensor<*xi64>
  %missing = onnx.Mod %minus, %six : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %last = onnx.Concat %zero, %missing, %zero, %zero {axis = 0 : i64} : (tensor<1xi64>, tensor<*xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xi64>
  %matrix = onnx.Reshape %last, %pairs : (tensor<*xi64>, tensor<2xi64>) -> tensor<*xi64>
  %turned = onnx.Slice %matrix, %back, %far, %zero, %back : (tensor<*xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xi64>
  %sides = onnx.Transpose %turned {perm = array<i64: 1, 0>} : (tensor<*xi64>) -> tensor<*xi64>
  %pads = onnx.Reshape %sides, %back : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %padded = onnx.Pad %x, %pads, %value, %none : (tensor<1x?xf32>, tensor<*xi64>, tensor<f32>, none) -> tensor<*xf32>
  // CHECK: %[[BLOCKS:.*]] = seq.extents #[[PADDED]] : tensor<2xi64>
  // CHECK: return %[[BLOCKS]]
  %whole = onnx.Shape %padded : (tensor<*xf32>) -> tensor<*xi64>
  return %whole : tensor<*xi64>
}
}

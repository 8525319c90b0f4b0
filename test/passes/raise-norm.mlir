// RUN: halyard-opt %s --raise-norm --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @rms
// CHECK: seq.norm rms %{{.*}} {epsilon = 9.99999{{[0-9]*}}E-7 : f64} : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
// CHECK-NOT: onnx.Sqrt
func.func @rms(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 8)>}) -> tensor<1x?x8xf32> {
  %w = onnx.Constant {value = dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf32>} : () -> tensor<8xf32>
  %two = onnx.Constant {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %one = onnx.Constant {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %eps = onnx.Constant {value = dense<1.0e-06> : tensor<f32>} : () -> tensor<f32>
  %last = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %square = onnx.Pow %x, %two : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  %mean = onnx.ReduceMean %square, %last : (tensor<1x?x8xf32>, tensor<1xi64>) -> tensor<1x?x1xf32>
  %sum = onnx.Add %mean, %eps : (tensor<1x?x1xf32>, tensor<f32>) -> tensor<1x?x1xf32>
  %root = onnx.Sqrt %sum : (tensor<1x?x1xf32>) -> tensor<1x?x1xf32>
  %inverse = onnx.Div %one, %root : (tensor<f32>, tensor<1x?x1xf32>) -> tensor<1x?x1xf32>
  %normed = onnx.Mul %x, %inverse : (tensor<1x?x8xf32>, tensor<1x?x1xf32>) -> tensor<1x?x8xf32>
  %y = onnx.Mul %w, %normed : (tensor<8xf32>, tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  return %y : tensor<1x?x8xf32>
}

// CHECK-LABEL: func.func @layer
// CHECK: seq.norm layer %{{.*}}, %{{.*}} bias(%{{.*}} : tensor<8xf32>)
// CHECK-NOT: onnx.Sqrt
func.func @layer(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 8)>}) -> tensor<1x?x8xf32> {
  %w = onnx.Constant {value = dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf32>} : () -> tensor<8xf32>
  %two = onnx.Constant {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %eps = onnx.Constant {value = dense<1.0e-05> : tensor<f32>} : () -> tensor<f32>
  %last = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %centre = onnx.ReduceMean %x, %last : (tensor<1x?x8xf32>, tensor<1xi64>) -> tensor<1x?x1xf32>
  %d = onnx.Sub %x, %centre : (tensor<1x?x8xf32>, tensor<1x?x1xf32>) -> tensor<1x?x8xf32>
  %square = onnx.Pow %d, %two : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  %mean = onnx.ReduceMean %square, %last : (tensor<1x?x8xf32>, tensor<1xi64>) -> tensor<1x?x1xf32>
  %sum = onnx.Add %mean, %eps : (tensor<1x?x1xf32>, tensor<f32>) -> tensor<1x?x1xf32>
  %root = onnx.Sqrt %sum : (tensor<1x?x1xf32>) -> tensor<1x?x1xf32>
  %normed = onnx.Div %d, %root : (tensor<1x?x8xf32>, tensor<1x?x1xf32>) -> tensor<1x?x8xf32>
  %scaled = onnx.Mul %normed, %w : (tensor<1x?x8xf32>, tensor<8xf32>) -> tensor<1x?x8xf32>
  %y = onnx.Add %scaled, %w : (tensor<1x?x8xf32>, tensor<8xf32>) -> tensor<1x?x8xf32>
  return %y : tensor<1x?x8xf32>
}

// CHECK-LABEL: func.func @operator
// CHECK: seq.norm layer
func.func @operator(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 8)>}) -> tensor<1x?x8xf32> {
  %w = onnx.Constant {value = dense<1.5> : tensor<8xf32>} : () -> tensor<8xf32>
  %none = onnx.None : () -> none
  %y = onnx.LayerNormalization %x, %w, %none : (tensor<1x?x8xf32>, tensor<8xf32>, none) -> tensor<1x?x8xf32>
  return %y : tensor<1x?x8xf32>
}

// Heads beside time are two axes: rows could not be told apart afterwards.
// CHECK-LABEL: func.func @heads
// CHECK: onnx.LayerNormalization
func.func @heads(%x: tensor<1x?x4x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 4, 8)>}) -> tensor<1x?x4x8xf32> {
  %w = onnx.Constant {value = dense<1.5> : tensor<8xf32>} : () -> tensor<8xf32>
  %none = onnx.None : () -> none
  %y = onnx.LayerNormalization %x, %w, %none : (tensor<1x?x4x8xf32>, tensor<8xf32>, none) -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

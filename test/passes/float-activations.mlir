// RUN: halyard-opt %s --pass-pipeline="builtin.module(float-activations,canonicalize)" --split-input-file | FileCheck %s

// Factors that are constant are multiplied into a constant matrix, others stay.
// CHECK-LABEL: func.func @linear
// CHECK-SAME: (%[[X:.*]]: tensor<1x?x2xf32>, %[[FACTOR:.*]]: tensor<1xf32>)
// CHECK-DAG: %[[W:.*]] = onnx.Constant {value = dense<{{.*}}> : tensor<2x3xi8>}
// CHECK-DAG: %[[ZERO:.*]] = onnx.Constant {value = dense<[1, 2, 3]> : tensor<3xi8>}
// CHECK-DAG: %[[SCALE:.*]] = onnx.Constant {value = dense<5.000000e-01> : tensor<3xf32>}
// CHECK-DAG: %[[FLOATS:.*]] = onnx.Cast %[[W]] {to = f32}
// CHECK-DAG: %[[SHIFT:.*]] = onnx.Cast %[[ZERO]] {to = f32}
// CHECK: %[[CENTRED:.*]] = onnx.Sub %[[FLOATS]], %[[SHIFT]]
// CHECK: %[[MATRIX:.*]] = onnx.Mul %[[CENTRED]], %[[SCALE]]
// CHECK: %[[PRODUCT:.*]] = onnx.MatMul %[[X]], %[[MATRIX]]
// CHECK: %[[Y:.*]] = onnx.Mul %[[PRODUCT]], %[[FACTOR]]
// CHECK: return %[[Y]]
func.func @linear(%x: tensor<1x?x2xf32>, %factor: tensor<1xf32>) -> tensor<*xf32> {
  %w = onnx.Constant {value = dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %zero = onnx.Constant {value = dense<[1, 2, 3]> : tensor<3xi8>} : () -> tensor<3xi8>
  %scale = onnx.Constant {value = dense<0.5> : tensor<3xf32>} : () -> tensor<3xf32>
  %codes, %x_scale, %x_zero = onnx.DynamicQuantizeLinear %x : (tensor<1x?x2xf32>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
  %sum = onnx.MatMulInteger %codes, %w, %x_zero, %zero : (tensor<*xui8>, tensor<2x3xi8>, tensor<*xui8>, tensor<3xi8>) -> tensor<*xi32>
  %float = onnx.Cast %sum {to = f32} : (tensor<*xi32>) -> tensor<*xf32>
  %scales = onnx.Mul %x_scale, %scale : (tensor<*xf32>, tensor<3xf32>) -> tensor<*xf32>
  %more = onnx.Mul %factor, %scales : (tensor<1xf32>, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.Mul %float, %more : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// Quantised outside of the branch that multiplies it; both factors are activations.
// CHECK-LABEL: func.func @branches
// CHECK-SAME: (%[[X:.*]]: tensor<?x2xf32>, %[[Y:.*]]: tensor<2x?xf32>, %{{.*}}: tensor<i1>)
// CHECK: onnx.If
// CHECK-NEXT: %[[PRODUCT:.*]] = onnx.MatMul %[[X]], %[[Y]]
// CHECK-NEXT: onnx.Yield %[[PRODUCT]]
func.func @branches(%x: tensor<?x2xf32>, %y: tensor<2x?xf32>, %c: tensor<i1>) -> tensor<*xf32> {
  %a, %a_scale, %a_zero = onnx.DynamicQuantizeLinear %x : (tensor<?x2xf32>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
  %b, %b_scale, %b_zero = onnx.DynamicQuantizeLinear %y : (tensor<2x?xf32>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
  %r = onnx.If(%c) : (tensor<i1>) -> tensor<*xf32> {
    %sum = onnx.MatMulInteger %a, %b, %a_zero, %b_zero : (tensor<*xui8>, tensor<*xui8>, tensor<*xui8>, tensor<*xui8>) -> tensor<*xi32>
    %float = onnx.Cast %sum {to = f32} : (tensor<*xi32>) -> tensor<*xf32>
    %scales = onnx.Mul %a_scale, %b_scale : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
    %product = onnx.Mul %scales, %float : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
    onnx.Yield %product : tensor<*xf32>
  } else {
    onnx.Yield %x : tensor<?x2xf32>
  }
  return %r : tensor<*xf32>
}

// -----

// CHECK-LABEL: func.func @convolution
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x?xf32>, %[[W:.*]]: tensor<3x2x3xui8>, %[[ZERO:.*]]: tensor<3xui8>, %[[SCALE:.*]]: tensor<1x3x1xf32>)
// CHECK: %[[PER_FILTER:.*]] = onnx.Reshape %[[ZERO]], %{{.*}} : (tensor<3xui8>, tensor<3xi64>)
// CHECK: %[[SHIFT:.*]] = onnx.Cast %[[PER_FILTER]] {to = f32}
// CHECK: %[[FILTERS:.*]] = onnx.Sub %{{.*}}, %[[SHIFT]] : ({{.*}}) -> tensor<3x2x3xf32>
// CHECK: %[[SUM:.*]] = onnx.Conv %[[X]], %[[FILTERS]], %{{.*}} {{{.*}}pads = array<i64: 1, 1>
// CHECK: %[[Y:.*]] = onnx.Mul %[[SUM]], %[[SCALE]]
// CHECK: return %[[Y]]
func.func @convolution(%x: tensor<1x2x?xf32>, %w: tensor<3x2x3xui8>, %zero: tensor<3xui8>, %scale: tensor<1x3x1xf32>) -> tensor<*xf32> {
  %codes, %x_scale, %x_zero = onnx.DynamicQuantizeLinear %x : (tensor<1x2x?xf32>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
  %sum = onnx.ConvInteger %codes, %w, %x_zero, %zero {kernel_shape = array<i64: 3>, pads = array<i64: 1, 1>}
    : (tensor<*xui8>, tensor<3x2x3xui8>, tensor<*xui8>, tensor<3xui8>) -> tensor<*xi32>
  %float = onnx.Cast %sum {to = f32} : (tensor<*xi32>) -> tensor<*xf32>
  %scales = onnx.Mul %x_scale, %scale : (tensor<*xf32>, tensor<1x3x1xf32>) -> tensor<*xf32>
  %y = onnx.Mul %float, %scales : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// What ONNX Runtime's optimiser makes of them.
// CHECK-LABEL: func.func @fused
// CHECK-SAME: (%[[X:.*]]: tensor<?x2xf32>, %[[W:.*]]: tensor<2x3xi8>, %[[SCALE:.*]]: tensor<3xf32>, %[[BIAS:.*]]: tensor<3xf32>)
// CHECK: %[[FLOATS:.*]] = onnx.Cast %[[W]] {to = f32}
// CHECK: %[[MATRIX:.*]] = onnx.Mul %[[FLOATS]], %[[SCALE]]
// CHECK: %[[PRODUCT:.*]] = onnx.MatMul %[[X]], %[[MATRIX]]
// CHECK: %[[SUM:.*]] = onnx.Add %[[PRODUCT]], %[[BIAS]]
// CHECK: onnx.MatMul %[[X]],
// CHECK: return %[[SUM]], %{{.*}}, %[[X]]
func.func @fused(%x: tensor<?x2xf32>, %w: tensor<2x3xi8>, %scale: tensor<3xf32>, %bias: tensor<3xf32>)
    -> (tensor<*xf32>, tensor<*xf32>, tensor<?x2xf32>) {
  %none = onnx.None : () -> none
  %y = onnx.ms.DynamicQuantizeMatMul %x, %w, %scale, %none, %bias
    : (tensor<?x2xf32>, tensor<2x3xi8>, tensor<3xf32>, none, tensor<3xf32>) -> tensor<*xf32>
  %codes, %x_scale, %x_zero = onnx.DynamicQuantizeLinear %x : (tensor<?x2xf32>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
  %z = onnx.ms.MatMulIntegerToFloat %codes, %w, %x_scale, %scale, %x_zero, %none, %none
    : (tensor<*xui8>, tensor<2x3xi8>, tensor<*xf32>, tensor<3xf32>, tensor<*xui8>, none, none) -> tensor<*xf32>
  %back = onnx.DequantizeLinear %codes, %x_scale, %x_zero : (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>) -> tensor<?x2xf32>
  return %y, %z, %back : tensor<*xf32>, tensor<*xf32>, tensor<?x2xf32>
}

// -----

// Without its scale, or with another zero point, a sum does not stand for a product of floats.
// CHECK-LABEL: func.func @others
// CHECK: onnx.MatMulInteger
// CHECK: onnx.MatMulInteger
// CHECK-NOT: onnx.MatMul %
func.func @others(%x: tensor<?x2xf32>, %w: tensor<2x3xi8>, %scale: tensor<1xf32>, %zero: tensor<ui8>) -> (tensor<*xf32>, tensor<*xf32>) {
  %none = onnx.None : () -> none
  %codes, %x_scale, %x_zero = onnx.DynamicQuantizeLinear %x : (tensor<?x2xf32>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
  %sum = onnx.MatMulInteger %codes, %w, %x_zero, %none : (tensor<*xui8>, tensor<2x3xi8>, tensor<*xui8>, none) -> tensor<*xi32>
  %float = onnx.Cast %sum {to = f32} : (tensor<*xi32>) -> tensor<*xf32>
  %y = onnx.Mul %float, %scale : (tensor<*xf32>, tensor<1xf32>) -> tensor<*xf32>
  %other = onnx.MatMulInteger %codes, %w, %zero, %none : (tensor<*xui8>, tensor<2x3xi8>, tensor<ui8>, none) -> tensor<*xi32>
  %other_float = onnx.Cast %other {to = f32} : (tensor<*xi32>) -> tensor<*xf32>
  %z = onnx.Mul %other_float, %x_scale : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %y, %z : tensor<*xf32>, tensor<*xf32>
}

// -----

// Pairs with the ranges of samples go. A range that begins with zero stands for a Relu, one that ends there for a
// minimum.
// CHECK-LABEL: func.func @pairs
// CHECK-SAME: (%[[X:.*]]: tensor<?x2xf32>, %{{.*}}: tensor<f32>)
// CHECK-DAG: %[[RELU:.*]] = onnx.Relu %[[X]]
// CHECK-DAG: %[[ZERO:.*]] = onnx.Constant {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-DAG: %[[MIN:.*]] = onnx.Min %[[X]], %[[ZERO]]
// CHECK-DAG: %[[SOFTMAX:.*]] = onnx.Softmax %[[X]]
// CHECK: return %[[X]], %[[RELU]], %[[MIN]], %[[SOFTMAX]]
func.func @pairs(%x: tensor<?x2xf32>, %scale: tensor<f32>) -> (tensor<?x2xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>) {
  %none = onnx.None : () -> none
  %middle = onnx.Constant {value = dense<3> : tensor<i8>} : () -> tensor<i8>
  %a = onnx.QuantizeLinear %x, %scale, %middle : (tensor<?x2xf32>, tensor<f32>, tensor<i8>) -> tensor<?x2xi8>
  %a_float = onnx.DequantizeLinear %a, %scale, %middle : (tensor<?x2xi8>, tensor<f32>, tensor<i8>) -> tensor<?x2xf32>
  %b = onnx.QuantizeLinear %x, %scale, %none : (tensor<?x2xf32>, tensor<f32>, none) -> tensor<*xui8>
  %b_float = onnx.DequantizeLinear %b, %scale, %none : (tensor<*xui8>, tensor<f32>, none) -> tensor<*xf32>
  %most = onnx.Constant {value = dense<127> : tensor<i8>} : () -> tensor<i8>
  %c = onnx.QuantizeLinear %x, %scale, %most : (tensor<?x2xf32>, tensor<f32>, tensor<i8>) -> tensor<*xi8>
  %c_float = onnx.DequantizeLinear %c, %scale, %most : (tensor<*xi8>, tensor<f32>, tensor<i8>) -> tensor<*xf32>
  %softmax = onnx.Softmax %x : (tensor<?x2xf32>) -> tensor<*xf32>
  %d = onnx.QuantizeLinear %softmax, %scale, %none : (tensor<*xf32>, tensor<f32>, none) -> tensor<*xui8>
  %d_float = onnx.DequantizeLinear %d, %scale, %none : (tensor<*xui8>, tensor<f32>, none) -> tensor<*xf32>
  return %a_float, %b_float, %c_float, %d_float : tensor<?x2xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

// A product of codes that is quantised and dequantised again is a product of floats.
// CHECK-LABEL: func.func @codes
// CHECK-SAME: (%[[X:.*]]: tensor<?x2xf32>, %[[W:.*]]: tensor<2x3xi8>, %[[SCALE:.*]]: tensor<f32>)
// CHECK: %[[ZERO:.*]] = onnx.Constant
// CHECK: %[[MATRIX:.*]] = onnx.DequantizeLinear %[[W]], %[[SCALE]], %[[ZERO]]
// CHECK: %[[Y:.*]] = onnx.MatMul %[[X]], %[[MATRIX]]
// CHECK: return %[[Y]]
func.func @codes(%x: tensor<?x2xf32>, %w: tensor<2x3xi8>, %scale: tensor<f32>) -> tensor<*xf32> {
  %zero = onnx.Constant {value = dense<3> : tensor<i8>} : () -> tensor<i8>
  %codes = onnx.QuantizeLinear %x, %scale, %zero : (tensor<?x2xf32>, tensor<f32>, tensor<i8>) -> tensor<?x2xi8>
  %product = onnx.QLinearMatMul %codes, %scale, %zero, %w, %scale, %zero, %scale, %zero
    : (tensor<?x2xi8>, tensor<f32>, tensor<i8>, tensor<2x3xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<*xi8>
  %y = onnx.DequantizeLinear %product, %scale, %zero : (tensor<*xi8>, tensor<f32>, tensor<i8>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

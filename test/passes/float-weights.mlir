// RUN: halyard-opt %s --pass-pipeline="builtin.module(float-weights)" --split-input-file --verify-diagnostics | FileCheck %s

// Rows of 5 in blocks of 4; the low bits of a byte come first, zero points are packed likewise.
// CHECK-LABEL: func.func @blocks
// CHECK-SAME: (%[[A:.*]]: tensor<?x5xf32>, %[[BIAS:.*]]: tensor<1xf32>)
// CHECK: %[[MATRIX:.*]] = onnx.Constant {value = dense<{{\[\[}}-1.000000e+00, 0.000000e+00, 1.000000e+00, 2.000000e+00, -8.000000e+00]]> : tensor<1x5xf32>}
// CHECK: %[[COLUMNS:.*]] = onnx.Transpose %[[MATRIX]] {perm = array<i64: 1, 0>}
// CHECK: %[[PRODUCT:.*]] = onnx.MatMul %[[A]], %[[COLUMNS]]
// CHECK: onnx.Add %[[PRODUCT]], %[[BIAS]]
func.func @blocks(%a: tensor<?x5xf32>, %bias: tensor<1xf32>) -> tensor<*xf32> {
  %none = onnx.None : () -> none
  %b = onnx.Constant {value = dense<[[[33, 67], [1, 0]]]> : tensor<1x2x2xui8>} : () -> tensor<1x2x2xui8>
  %scales = onnx.Constant {value = dense<[1.0, 4.0]> : tensor<2xf16>} : () -> tensor<2xf16>
  %wide = onnx.Cast %scales {to = f32} : (tensor<2xf16>) -> tensor<2xf32>
  %zeros = onnx.Constant {value = dense<50> : tensor<1xui8>} : () -> tensor<1xui8>
  %y = onnx.ms.MatMulNBits %a, %b, %wide, %zeros, %none, %bias {K = 5 : i64, N = 1 : i64, block_size = 4 : i64}
    : (tensor<?x5xf32>, tensor<1x2x2xui8>, tensor<2xf32>, tensor<1xui8>, none, tensor<1xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// Groups in another order than that of columns; the zero point of bytes is their middle.
// CHECK-LABEL: func.func @groups
// CHECK: onnx.Constant {value = dense<{{\[\[}}-1.400000e+01, -1.200000e+01, -5.000000e+00, -4.000000e+00]]> : tensor<1x4xf32>}
func.func @groups(%a: tensor<?x4xf32>) -> tensor<*xf32> {
  %none = onnx.None : () -> none
  %b = onnx.Constant {value = dense<[[[33], [67]]]> : tensor<1x2x1xui8>} : () -> tensor<1x2x1xui8>
  %scales = onnx.Constant {value = dense<[[1.0, 2.0]]> : tensor<1x2xf32>} : () -> tensor<1x2xf32>
  %order = onnx.Constant {value = dense<[1, 1, 0, 0]> : tensor<4xi32>} : () -> tensor<4xi32>
  %y = onnx.ms.MatMulNBits %a, %b, %scales, %none, %order, %none {K = 4 : i64, N = 1 : i64, block_size = 2 : i64}
    : (tensor<?x4xf32>, tensor<1x2x1xui8>, tensor<1x2xf32>, none, tensor<4xi32>, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// A table of 16 floats, the high half of a byte first.
// CHECK-LABEL: func.func @normal_floats
// CHECK: onnx.Constant {value = dense<{{\[\[}}-2.000000e+00, 2.000000e+00], [0.000000e+00, 3.000000e+00]]> : tensor<2x2xf32>}
func.func @normal_floats(%a: tensor<?x2xf32>) -> tensor<*xf32> {
  %b = onnx.Constant {value = dense<[15, 127]> : tensor<2xui8>} : () -> tensor<2xui8>
  %largest = onnx.Constant {value = dense<[2.0, 3.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %y = onnx.ms.MatMulBnb4 %a, %b, %largest {K = 2 : i64, N = 2 : i64, block_size = 2 : i64, quant_type = 1 : i64}
    : (tensor<?x2xf32>, tensor<2xui8>, tensor<2xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// Integers of 4 bits are one to an element.
// CHECK-LABEL: func.func @gather
// CHECK: %[[TABLE:.*]] = onnx.Constant {value = dense<{{\[\[}}-3.500000e+00, 3.500000e+00], [1.000000e+00, 0.000000e+00]]> : tensor<2x2xf32>}
// CHECK: onnx.Gather %[[TABLE]], 
// CHECK: %[[BYTES:.*]] = onnx.Constant {value = dense<{{\[\[}}-7, 7], [2, 0]]> : tensor<2x2xi8>}
// CHECK: onnx.DequantizeLinear %[[BYTES]]
func.func @gather(%i: tensor<?xi64>) -> (tensor<*xf32>, tensor<*xf32>) {
  %none = onnx.None : () -> none
  %data = onnx.Constant {value = dense<[[-7, 7], [2, 0]]> : tensor<2x2xi4>} : () -> tensor<2x2xi4>
  %scales = onnx.Constant {value = dense<0.5> : tensor<2x1xf32>} : () -> tensor<2x1xf32>
  %y = onnx.ms.GatherBlockQuantized %data, %i, %scales, %none {block_size = 16 : i64}
    : (tensor<2x2xi4>, tensor<?xi64>, tensor<2x1xf32>, none) -> tensor<*xf32>
  %all = onnx.DequantizeLinear %data, %scales, %none {block_size = 2 : i64}
    : (tensor<2x2xi4>, tensor<2x1xf32>, none) -> tensor<*xf32>
  return %y, %all : tensor<*xf32>, tensor<*xf32>
}

// -----

func.func @not_constant(%a: tensor<?x2xf32>, %b: tensor<2xui8>) -> tensor<*xf32> {
  %largest = onnx.Constant {value = dense<[2.0, 3.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  // expected-error@+1 {{with weights that are not constant is not supported}}
  %y = onnx.ms.MatMulBnb4 %a, %b, %largest {K = 2 : i64, N = 2 : i64, block_size = 2 : i64, quant_type = 1 : i64}
    : (tensor<?x2xf32>, tensor<2xui8>, tensor<2xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @too_few(%a: tensor<?x5xf32>) -> tensor<*xf32> {
  %none = onnx.None : () -> none
  %b = onnx.Constant {value = dense<1> : tensor<1x1x2xui8>} : () -> tensor<1x1x2xui8>
  %scales = onnx.Constant {value = dense<[1.0, 4.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  // expected-error@+1 {{has weights that are not as many as its attributes say}}
  %y = onnx.ms.MatMulNBits %a, %b, %scales, %none, %none, %none {K = 5 : i64, N = 1 : i64, block_size = 4 : i64}
    : (tensor<?x5xf32>, tensor<1x1x2xui8>, tensor<2xf32>, none, none, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @group(%a: tensor<?x2xf32>) -> tensor<*xf32> {
  %none = onnx.None : () -> none
  %b = onnx.Constant {value = dense<1> : tensor<1x1x1xui8>} : () -> tensor<1x1x1xui8>
  %scales = onnx.Constant {value = dense<1.0> : tensor<1xf32>} : () -> tensor<1xf32>
  %order = onnx.Constant {value = dense<[0, 1]> : tensor<2xi32>} : () -> tensor<2xi32>
  // expected-error@+1 {{has the group index 1 of 1 groups}}
  %y = onnx.ms.MatMulNBits %a, %b, %scales, %none, %order, %none {K = 2 : i64, N = 1 : i64, block_size = 2 : i64}
    : (tensor<?x2xf32>, tensor<1x1x1xui8>, tensor<1xf32>, none, tensor<2xi32>, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

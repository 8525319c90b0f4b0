// RUN: halyard-opt %s | halyard-opt | FileCheck %s

// CHECK-LABEL: func @absent_operands
func.func @absent_operands(%x: tensor<1x?x64xf32>, %scale: tensor<64xf32>) -> tensor<1x?x64xf32> {
  // CHECK: %[[NONE:.*]] = onnx.None : () -> none
  %none = onnx.None : () -> none
  // CHECK: onnx.LayerNormalization %{{.*}}, %{{.*}}, %[[NONE]] {epsilon = 9.99999997E-7 : f32}
  %y = onnx.LayerNormalization %x, %scale, %none {epsilon = 1.0e-6 : f32}
    : (tensor<1x?x64xf32>, tensor<64xf32>, none) -> tensor<1x?x64xf32>
  return %y : tensor<1x?x64xf32>
}

// CHECK-LABEL: func @branches
func.func @branches(%c: tensor<i1>, %a: tensor<2xf32>) -> tensor<*xf32> {
  // CHECK: onnx.If(%{{.*}}) : (tensor<i1>) -> tensor<*xf32> {
  %r = onnx.If(%c) : (tensor<i1>) -> tensor<*xf32> {
    %n = onnx.Neg %a : (tensor<2xf32>) -> tensor<*xf32>
    onnx.Yield %n : tensor<*xf32>
  } else {
    onnx.Yield %a : tensor<2xf32>
  }
  return %r : tensor<*xf32>
}

// CHECK-LABEL: func @constants
func.func @constants() -> tensor<2xui8> {
  // CHECK: onnx.Constant{{ *}}{value = dense<[1, 255]> : tensor<2xui8>} : () -> tensor<2xui8>
  %0 = onnx.Constant {value = dense<[1, 255]> : tensor<2xui8>} : () -> tensor<2xui8>
  return %0 : tensor<2xui8>
}

// CHECK-LABEL: func @microsoft
func.func @microsoft(%x: tensor<1x?x37xf32>, %w: tensor<8x2x16xui8>, %s: tensor<16xf32>) -> tensor<1x?x8xf32> {
  %none = onnx.None : () -> none
  // CHECK: onnx.ms.MatMulNBits
  %y = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 37 : i64, N = 8 : i64, block_size = 32 : i64}
    : (tensor<1x?x37xf32>, tensor<8x2x16xui8>, tensor<16xf32>, none, none, none) -> tensor<1x?x8xf32>
  return %y : tensor<1x?x8xf32>
}

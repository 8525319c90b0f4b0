// RUN: halyard-opt %s --pass-pipeline="builtin.module(widen-floats)" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @all(%{{.*}}: tensor<?x2xf32> {onnx.name = "x"}, %{{.*}}: tensor<i1>) -> (tensor<*xf32> {onnx.name = "y"})
// CHECK: %[[W:.*]] = onnx.Constant {value = dense<[1.500000e+00, -6.550400e+04]> : tensor<2xf16>} : () -> tensor<2xf16>
// CHECK: %[[WIDE:.*]] = onnx.Cast %[[W]] {to = f32} : (tensor<2xf16>) -> tensor<2xf32>
// CHECK: %[[SCALED:.*]] = onnx.Mul %{{.*}}, %[[WIDE]] : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<*xf32>
// CHECK: onnx.Constant {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
// CHECK: onnx.If
// CHECK: onnx.Cast %[[SCALED]] {to = f32} : (tensor<*xf32>) -> tensor<*xf32>
// CHECK: onnx.Yield %{{.*}} : tensor<*xf32>
// CHECK-NOT: f16
func.func @all(%x: tensor<?x2xf16> {onnx.name = "x"}, %c: tensor<i1>) -> (tensor<*xf16> {onnx.name = "y"}) {
  %w = onnx.Constant {value = dense<[1.5, -65504.0]> : tensor<2xf16>} : () -> tensor<2xf16>
  %scaled = onnx.Mul %x, %w : (tensor<?x2xf16>, tensor<2xf16>) -> tensor<*xf16>
  %least = onnx.Constant {value = dense<0xFF80> : tensor<bf16>} : () -> tensor<bf16>
  %y = onnx.If(%c) : (tensor<i1>) -> tensor<*xbf16> {
    %z = onnx.Cast %scaled {to = bf16} : (tensor<*xf16>) -> tensor<*xbf16>
    onnx.Yield %z : tensor<*xbf16>
  } else {
    onnx.Yield %least : tensor<bf16>
  }
  %r = onnx.Cast %y {to = f16} : (tensor<*xbf16>) -> tensor<*xf16>
  return %r : tensor<*xf16>
}

// -----

// Other types stay.
// CHECK-LABEL: func.func @others
// CHECK: dense<1> : tensor<2xi64>
// CHECK: onnx.Cast %{{.*}} {to = f64} : (tensor<2xi64>) -> tensor<2xf64>
func.func @others() -> tensor<2xf64> {
  %w = onnx.Constant {value = dense<1> : tensor<2xi64>} : () -> tensor<2xi64>
  %r = onnx.Cast %w {to = f64} : (tensor<2xi64>) -> tensor<2xf64>
  return %r : tensor<2xf64>
}

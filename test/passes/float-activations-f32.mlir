// RUN: halyard-opt %s --pass-pipeline="builtin.module(float-activations{weights=f32})" --verify-diagnostics | FileCheck %s

// With weights of f32 ranges found on the fly stay, and what that costs is said once; others go, but for those of
// weights.
// CHECK-LABEL: func.func @f
// CHECK: onnx.DynamicQuantizeLinear
// CHECK: onnx.DequantizeLinear
// CHECK: onnx.DynamicQuantizeLinear
func.func @f(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<*xui8>) {
  // expected-remark@+1 {{activations are rounded over the whole text, which is computed as it is written, slowly; other weights than f32, as --weights int8, take only the file's weights}}
  %codes, %scale, %zero = onnx.DynamicQuantizeLinear %x : (tensor<?x2xf32>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
  %y = onnx.DequantizeLinear %codes, %scale, %zero : (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>) -> tensor<?x2xf32>
  %more, %scale_2, %zero_2 = onnx.DynamicQuantizeLinear %y : (tensor<?x2xf32>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
  return %y, %more : tensor<?x2xf32>, tensor<*xui8>
}

// CHECK-LABEL: func.func @pairs
// CHECK-SAME: (%[[X:.*]]: tensor<?x2xf32>, %{{.*}}: tensor<f32>)
// CHECK: %[[WEIGHT:.*]] = onnx.DequantizeLinear
// CHECK: return %[[X]], %[[WEIGHT]]
func.func @pairs(%x: tensor<?x2xf32>, %scale: tensor<f32>) -> (tensor<?x2xf32>, tensor<2xf32>) {
  %zero = onnx.Constant {value = dense<3> : tensor<i8>} : () -> tensor<i8>
  %codes = onnx.QuantizeLinear %x, %scale, %zero : (tensor<?x2xf32>, tensor<f32>, tensor<i8>) -> tensor<?x2xi8>
  %floats = onnx.DequantizeLinear %codes, %scale, %zero : (tensor<?x2xi8>, tensor<f32>, tensor<i8>) -> tensor<?x2xf32>
  %w = onnx.Constant {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %w_codes = onnx.QuantizeLinear %w, %scale, %zero : (tensor<2xf32>, tensor<f32>, tensor<i8>) -> tensor<2xi8>
  %w_floats = onnx.DequantizeLinear %w_codes, %scale, %zero : (tensor<2xi8>, tensor<f32>, tensor<i8>) -> tensor<2xf32>
  return %floats, %w_floats : tensor<?x2xf32>, tensor<2xf32>
}

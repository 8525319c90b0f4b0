// RUN: halyard-opt %s --pass-pipeline="builtin.module(float-activations{weights=f32})" --verify-diagnostics | FileCheck %s

// With weights of f32 a file is computed as it is written, and the first of what that costs is said.
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

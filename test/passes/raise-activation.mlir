// RUN: halyard-opt %s --raise-activation --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @exact
// CHECK-NOT: onnx.Erf
// CHECK: onnx.Gelu %{{[^ ]*}} :
func.func @exact(%x: tensor<1x?x8xf32>) -> tensor<1x?x8xf32> {
  %sqrt2 = onnx.Constant {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
  %one = onnx.Constant {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %half = onnx.Constant {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %d = onnx.Div %x, %sqrt2 : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  %e = onnx.Erf %d : (tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  %a = onnx.Add %e, %one : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  %m = onnx.Mul %x, %a : (tensor<1x?x8xf32>, tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  %y = onnx.Mul %m, %half : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  return %y : tensor<1x?x8xf32>
}

// CHECK-LABEL: func.func @tanh
// CHECK-NOT: onnx.Tanh
// CHECK: onnx.Gelu %{{.*}} {approximate = "tanh"}
func.func @tanh(%x: tensor<1x?x8xf32>) -> tensor<1x?x8xf32> {
  %three = onnx.Constant {value = dense<3.0> : tensor<f32>} : () -> tensor<f32>
  %c = onnx.Constant {value = dense<0.044715> : tensor<f32>} : () -> tensor<f32>
  %s = onnx.Constant {value = dense<0.7978846> : tensor<f32>} : () -> tensor<f32>
  %one = onnx.Constant {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %half = onnx.Constant {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %cube = onnx.Pow %x, %three : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  %small = onnx.Mul %cube, %c : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  %sum = onnx.Add %x, %small : (tensor<1x?x8xf32>, tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  %inner = onnx.Mul %sum, %s : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  %t = onnx.Tanh %inner : (tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  %a = onnx.Add %t, %one : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  %hx = onnx.Mul %half, %x : (tensor<f32>, tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  %y = onnx.Mul %hx, %a : (tensor<1x?x8xf32>, tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  return %y : tensor<1x?x8xf32>
}

// Another factor than one half is another function.
// CHECK-LABEL: func.func @other
// CHECK: onnx.Erf
// CHECK-NOT: onnx.Gelu
func.func @other(%x: tensor<1x?x8xf32>) -> tensor<1x?x8xf32> {
  %sqrt2 = onnx.Constant {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
  %one = onnx.Constant {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %third = onnx.Constant {value = dense<0.33> : tensor<f32>} : () -> tensor<f32>
  %d = onnx.Div %x, %sqrt2 : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  %e = onnx.Erf %d : (tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  %a = onnx.Add %e, %one : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  %m = onnx.Mul %x, %a : (tensor<1x?x8xf32>, tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  %y = onnx.Mul %m, %third : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
  return %y : tensor<1x?x8xf32>
}

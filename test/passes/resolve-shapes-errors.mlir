// RUN: halyard-opt %s --resolve-shapes --split-input-file --verify-diagnostics

func.func @inner(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) -> tensor<*xf32> {
  %x = onnx.Identity %a : (tensor<2x3xf32>) -> tensor<*xf32>
  // expected-error @below {{expects equal inner extents, got 3 and 4}}
  %y = onnx.MatMul %x, %b : (tensor<*xf32>, tensor<4x5xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @broadcast(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>) -> tensor<*xf32> {
  // expected-error @below {{expects operands that broadcast, got extents 2 and 4}}
  %y = onnx.Add %a, %b : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @reshape(%a: tensor<2x3xf32>) -> tensor<*xf32> {
  %shape = onnx.Constant {value = dense<[4, 2]> : tensor<2xi64>} : () -> tensor<2xi64>
  // expected-error @below {{expects as many elements as its input has, 6, got 8}}
  %y = onnx.Reshape %a, %shape : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @channels(%a: tensor<1x3x10xf32>, %w: tensor<4x2x3xf32>) -> tensor<*xf32> {
  %none = onnx.None : () -> none
  // expected-error @below {{expects 2 input channels, got 3}}
  %y = onnx.Conv %a, %w, %none : (tensor<1x3x10xf32>, tensor<4x2x3xf32>, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// RUN: halyard-opt %s --simplify --split-input-file --verify-diagnostics

func.func @data_dependent(%x: tensor<1x?xi64> {halyard.shape = affine_map<()[s, t] -> (1, t)>}) -> tensor<*xi64> {
  // expected-error @below {{has a result whose extents depend on more than the source and target lengths; supported are shapes that follow from these two}}
  %y = onnx.NonZero %x : (tensor<1x?xi64>) -> tensor<*xi64>
  return %y : tensor<*xi64>
}

// -----

// The table ends before the longest target does.
module attributes {halyard.limits = {max_source = 512 : i64, max_target = 100 : i64}} {
  func.func @short_table(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 8)>}) -> tensor<*xf32> {
    %none = onnx.None : () -> none
    %table = onnx.Constant {value = dense<1.0> : tensor<64x8xf32>} : () -> tensor<64x8xf32>
    %zero = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
    %one = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
    %shape = onnx.Shape %x : (tensor<1x?x8xf32>) -> tensor<*xi64>
    %rows = onnx.Gather %shape, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
    // expected-error @below {{has a result whose extents depend on more than}}
    %p = onnx.Slice %table, %zero, %rows, %zero, %none : (tensor<64x8xf32>, tensor<1xi64>, tensor<*xi64>, tensor<1xi64>, none) -> tensor<*xf32>
    return %p : tensor<*xf32>
  }
}

// RUN: halyard-opt %s --pass-pipeline="builtin.module(func.func(decompose-fused))" --split-input-file --verify-diagnostics

func.func @unsupported(%x: tensor<1x4x8xf32>, %past: tensor<2x1x2x3x4xf32>, %w: tensor<8x24xf32>) -> tensor<1x4x8xf32> {
  %none = onnx.None : () -> none
  // expected-error@+1 {{with a past, with rotary embedding or with weights of dynamic shape is not supported}}
  %y = onnx.ms.Attention %x, %w, %none, %none, %past, %none, %none {num_heads = 2 : i64}
    : (tensor<1x4x8xf32>, tensor<8x24xf32>, none, none, tensor<2x1x2x3x4xf32>, none, none) -> tensor<1x4x8xf32>
  return %y : tensor<1x4x8xf32>
}

// -----

func.func @few_buckets(%n: tensor<1xi64>) -> tensor<*xf32> {
  %table = onnx.Constant {value = dense<1.0> : tensor<2x3xf32>} : () -> tensor<2x3xf32>
  // expected-error@+1 {{needs a table of at least 4 buckets, got 'tensor<2x3xf32>'}}
  %y = onnx.ms.RelativePositionBias %table, %n, %n {max_distance = 8 : i64} : (tensor<2x3xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

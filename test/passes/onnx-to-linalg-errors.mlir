// RUN: halyard-opt %s --onnx-to-linalg --split-input-file --verify-diagnostics

func.func @branch(%c: tensor<i1>, %x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{cannot be lowered: which branch is taken depends on data}}
  // expected-note @below {{a condition that follows from the model's inputs is decided by specialise-branches}}
  %y = onnx.If(%c) : (tensor<i1>) -> tensor<2xf32> { onnx.Yield %x : tensor<2xf32> }
                                            else { onnx.Yield %x : tensor<2xf32> }
  return %y : tensor<2xf32>
}

// -----

func.func @axes(%x: tensor<2x3xf32>, %axes: tensor<1xi64>) -> tensor<2x1xf32> {
  // expected-error @below {{'onnx.ReduceSum' op needs constant axes}}
  %y = onnx.ReduceSum %x, %axes : (tensor<2x3xf32>, tensor<1xi64>) -> tensor<2x1xf32>
  return %y : tensor<2x1xf32>
}

// -----

func.func @rank(%x: tensor<*xf32>) -> tensor<*xf32> {
  // expected-error @below {{'onnx.Neg' op cannot be lowered: the rank of}}
  %y = onnx.Neg %x : (tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @training(%x: tensor<1x2x3xf32>, %p: tensor<2xf32>) -> tensor<1x2x3xf32> {
  // expected-error @below {{in training mode is not supported: a compiled model only infers}}
  %y = onnx.BatchNormalization %x, %p, %p, %p, %p {training_mode = 1 : i64}
    : (tensor<1x2x3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x3xf32>
  return %y : tensor<1x2x3xf32>
}

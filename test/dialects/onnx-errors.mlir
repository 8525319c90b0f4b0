// RUN: halyard-opt %s --split-input-file --verify-diagnostics

func.func @axis(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error @below {{'onnx.Softmax' op expects axis in [-2, 1], got 2}}
  %y = onnx.Softmax %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

func.func @absent_where_needed() -> tensor<2xf32> {
  %none = onnx.None : () -> none
  // expected-error @below {{'onnx.Neg' op operand #0 must be tensor, but got 'none'}}
  %y = onnx.Neg %none : (none) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

func.func @perm(%x: tensor<2x3xf32>) -> tensor<*xf32> {
  // expected-error @below {{'onnx.Transpose' op expects perm to be a permutation, got array<i64: 0, 0>}}
  %y = onnx.Transpose %x {perm = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @perm_rank(%x: tensor<2x3xf32>) -> tensor<*xf32> {
  // expected-error @below {{'onnx.Transpose' op expects perm to have 2 entries, got 3}}
  %y = onnx.Transpose %x {perm = array<i64: 0, 2, 1>} : (tensor<2x3xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @inner_extents(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) -> tensor<2x5xf32> {
  // expected-error @below {{'onnx.MatMul' op expects equal inner extents, got 3 and 4}}
  %y = onnx.MatMul %a, %b : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return %y : tensor<2x5xf32>
}

// -----

func.func @no_operand() -> tensor<2xf32> {
  // expected-error @below {{'onnx.Max' op expects at least one operand}}
  %y = onnx.Max : () -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

func.func @concat_ranks(%a: tensor<2xf32>, %b: tensor<2x3xf32>) -> tensor<*xf32> {
  // expected-error @below {{'onnx.Concat' op expects operands of one rank, got 1 and 2}}
  %y = onnx.Concat %a, %b {axis = 0 : i64} : (tensor<2xf32>, tensor<2x3xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @gelu(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{'onnx.Gelu' op expects approximate to be one of 'none', 'tanh', got 'fast'}}
  %y = onnx.Gelu %x {approximate = "fast"} : (tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

func.func @gemm(%a: tensor<2x3x4xf32>, %b: tensor<4x5xf32>) -> tensor<*xf32> {
  %none = onnx.None : () -> none
  // expected-error @below {{'onnx.Gemm' op expects matrices, got 'tensor<2x3x4xf32>'}}
  %y = onnx.Gemm %a, %b, %none : (tensor<2x3x4xf32>, tensor<4x5xf32>, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @conv(%x: tensor<1x2x8xf32>, %w: tensor<4x2x3xf32>) -> tensor<*xf32> {
  %none = onnx.None : () -> none
  // expected-error @below {{'onnx.Conv' op expects pads to have 2 entries, got 4}}
  %y = onnx.Conv %x, %w, %none {pads = array<i64: 1, 1, 1, 1>} : (tensor<1x2x8xf32>, tensor<4x2x3xf32>, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @heads(%q: tensor<1x2x8xf32>) -> tensor<*xf32> {
  %none = onnx.None : () -> none
  // expected-error @below {{'onnx.Attention' op expects q_num_heads and kv_num_heads for operands of rank 3}}
  %y = onnx.Attention %q, %q, %q, %none, %none, %none, %none
    : (tensor<1x2x8xf32>, tensor<1x2x8xf32>, tensor<1x2x8xf32>, none, none, none, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @yields(%c: tensor<i1>, %x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{'onnx.If' op expects each branch to yield 1 values, got 2}}
  %y = onnx.If(%c) : (tensor<i1>) -> tensor<2xf32> { onnx.Yield %x, %x : tensor<2xf32>, tensor<2xf32> }
                                            else { onnx.Yield %x : tensor<2xf32> }
  return %y : tensor<2xf32>
}

// -----

func.func @constant() -> tensor<3xf32> {
  // expected-error @below {{'onnx.Constant' op expects the type of its value, 'tensor<2xf32>', got 'tensor<3xf32>'}}
  %y = onnx.Constant {value = dense<1.0> : tensor<2xf32>} : () -> tensor<3xf32>
  return %y : tensor<3xf32>
}

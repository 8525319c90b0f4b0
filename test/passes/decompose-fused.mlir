// RUN: halyard-opt %s --pass-pipeline="builtin.module(func.func(decompose-fused))" --split-input-file | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(func.func(decompose-fused),simplify,func.func(raise-norm,raise-rotary,raise-attention))" --split-input-file | FileCheck %s --check-prefix=RAISED

#rows = affine_map<()[s, t] -> (1, t, 8)>

// Self-attention from its input on: the projections are one product, of which parts are taken.
// CHECK-LABEL: func.func @self_attention
// CHECK: onnx.MatMul
// CHECK-COUNT-3: onnx.Slice
// CHECK: onnx.Trilu
// CHECK: onnx.Softmax
// CHECK-NOT: onnx.ms.
// RAISED-LABEL: func.func @self_attention
// RAISED: onnx.MatMul %{{.*}} : (tensor<1x?x8xf32>, tensor<8x24xf32>)
// RAISED: seq.attention {{.*}} bias(%{{.*}} : tensor<1x?x?xf32>) {heads = 2 : i64, kv_heads = 2 : i64, scale = 0.49999998288572911 : f64}
func.func @self_attention(%x: tensor<1x?x8xf32> {halyard.shape = #rows}) -> tensor<1x?x8xf32> {
  %none = onnx.None : () -> none
  %w = onnx.Constant {value = dense<0.5> : tensor<8x24xf32>} : () -> tensor<8x24xf32>
  %bias = onnx.Constant {value = dense<0.25> : tensor<24xf32>} : () -> tensor<24xf32>
  %y = onnx.ms.Attention %x, %w, %bias, %none, %none, %none, %none {num_heads = 2 : i64, unidirectional = 1 : i64}
    : (tensor<1x?x8xf32>, tensor<8x24xf32>, tensor<24xf32>, none, none, none, none) -> tensor<1x?x8xf32>
  return %y : tensor<1x?x8xf32>
}

// -----

#rows = affine_map<()[s, t] -> (1, t, 8)>

// Attention rotates its queries and keys, which is an operator again until it is decomposed in turn.
// CHECK-LABEL: func.func @rotary
// CHECK: onnx.Neg
// CHECK: onnx.Softmax
// CHECK-NOT: Rotary
// RAISED-LABEL: func.func @rotary
// RAISED-COUNT-2: seq.rotary
// RAISED: seq.attention {{.*}} bias(%{{.*}} : tensor<1x?x?xf32>) {heads = 2 : i64, kv_heads = 1 : i64
func.func @rotary(%x: tensor<1x?x8xf32> {halyard.shape = #rows}, %kv: tensor<1x?x4xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 4)>}) -> tensor<1x?x8xf32> {
  %none = onnx.None : () -> none
  %length = onnx.Constant {value = dense<3> : tensor<1xi32>} : () -> tensor<1xi32>
  %total = onnx.Constant {value = dense<4> : tensor<i32>} : () -> tensor<i32>
  %cos = onnx.Constant {value = dense<[[1.0, 1.0], [0.5, 1.0], [-0.5, 1.0], [-1.0, 1.0]]> : tensor<4x2xf32>} : () -> tensor<4x2xf32>
  %sin = onnx.Constant {value = dense<[[0.0, 0.0], [0.75, 0.0], [0.75, 0.0], [0.0, 0.0]]> : tensor<4x2xf32>} : () -> tensor<4x2xf32>
  %y, %k, %v = onnx.ms.GroupQueryAttention %x, %kv, %kv, %none, %none, %length, %total, %cos, %sin, %none, %none, %none
      {do_rotary = 1 : i64, num_heads = 2 : i64, kv_num_heads = 1 : i64}
    : (tensor<1x?x8xf32>, tensor<1x?x4xf32>, tensor<1x?x4xf32>, none, none, tensor<1xi32>, tensor<i32>, tensor<4x2xf32>, tensor<4x2xf32>, none, none, none)
    -> (tensor<1x?x8xf32>, tensor<*xf32>, tensor<*xf32>)
  return %y : tensor<1x?x8xf32>
}

// -----

// The standard Attention stays.
// CHECK-LABEL: func.func @standard
// CHECK: onnx.Attention
func.func @standard(%q: tensor<1x2x?x4xf32>) -> tensor<*xf32> {
  %none = onnx.None : () -> none
  %y = onnx.Attention %q, %q, %q, %none, %none, %none, %none
    : (tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>, none, none, none, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

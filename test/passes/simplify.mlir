// RUN: halyard-opt %s --bind-interface --simplify | FileCheck %s

// A merged decoder in small: a branch on the caches, shape arithmetic, a scale computed from an extent, a mask. What is
// left computes on data.
// CHECK-LABEL: func @encoder
// CHECK-SAME: halyard.memory_rows
func.func @encoder(%x: tensor<?x?x8xf32> {onnx.name = "input_features"}) -> (tensor<*xf32> {onnx.name = "last_hidden_state"}) {
  // CHECK-NEXT: %[[Y:.*]] = onnx.Tanh %{{.*}} : (tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  // CHECK-NEXT: return %[[Y]] : tensor<1x?x8xf32>
  %y = onnx.Tanh %x : (tensor<?x?x8xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// CHECK-LABEL: func @decoder
// CHECK-SAME: %[[IDS:[a-z0-9]+]]: tensor<1x?xi64>
// CHECK-SAME: %[[MEMORY:[a-z0-9]+]]: tensor<1x?x8xf32>
// CHECK-SAME: -> (tensor<1x?x8xf32> {onnx.name = "logits"})
func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                   %memory: tensor<?x?x8xf32> {onnx.name = "encoder_hidden_states"},
                   %mask: tensor<?x?xi64> {onnx.name = "encoder_attention_mask"},
                   %past: tensor<?x2x?x4xf32> {onnx.name = "past_key_values.0.decoder.key"},
                   %branch: tensor<1xi1> {onnx.name = "use_cache_branch"}) -> (tensor<*xf32> {onnx.name = "logits"}) {
  %table = onnx.Constant {value = dense<1.5> : tensor<16x8xf32>} : () -> tensor<16x8xf32>
  %two = onnx.Constant {value = dense<2> : tensor<i64>} : () -> tensor<i64>
  %one = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %c1 = onnx.Constant {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %lowest = onnx.Constant {value = dense<-3.40282347E+38> : tensor<f32>} : () -> tensor<f32>
  // CHECK-NOT: onnx.If
  // CHECK-NOT: onnx.Shape
  // CHECK-DAG: %[[ROOT:.*]] = onnx.Constant {value = dense<2.82842708> : tensor<f32>}
  %r = onnx.If(%branch) : (tensor<1xi1>) -> tensor<*xf32> {
    %0 = onnx.Tanh %past : (tensor<?x2x?x4xf32>) -> tensor<*xf32>
    onnx.Yield %0 : tensor<*xf32>
  } else {
    // CHECK: %[[K:.*]] = onnx.Transpose %[[MEMORY]]
    %shape = onnx.Shape %memory : (tensor<?x?x8xf32>) -> tensor<*xi64>
    %count = onnx.Gather %shape, %two : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
    %f = onnx.Cast %count {to = f32} : (tensor<*xi64>) -> tensor<*xf32>
    %root = onnx.Sqrt %f : (tensor<*xf32>) -> tensor<*xf32>
    %e = onnx.Gather %table, %ids : (tensor<16x8xf32>, tensor<?x?xi64>) -> tensor<*xf32>
    %k = onnx.Transpose %memory {perm = array<i64: 0, 2, 1>} : (tensor<?x?x8xf32>) -> tensor<*xf32>
    // CHECK: %[[S:.*]] = onnx.MatMul %{{.*}}, %[[K]]
    %s = onnx.MatMul %e, %k : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
    // CHECK: %[[D:.*]] = onnx.Div %[[S]], %[[ROOT]] : (tensor<1x?x?xf32>, tensor<f32>) -> tensor<1x?x?xf32>
    %d = onnx.Div %s, %root : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
    %m = onnx.Unsqueeze %mask, %one : (tensor<?x?xi64>, tensor<1xi64>) -> tensor<*xi64>
    %mf = onnx.Cast %m {to = f32} : (tensor<*xi64>) -> tensor<*xf32>
    %inverse = onnx.Sub %c1, %mf : (tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
    %bias = onnx.Mul %inverse, %lowest : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
    // CHECK: onnx.Softmax %[[D]]
    %a = onnx.Add %d, %bias : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
    %p = onnx.Softmax %a : (tensor<*xf32>) -> tensor<*xf32>
    %o = onnx.MatMul %p, %memory : (tensor<*xf32>, tensor<?x?x8xf32>) -> tensor<*xf32>
    onnx.Yield %o : tensor<*xf32>
  }
  return %r : tensor<*xf32>
}

// RUN: halyard-opt %s --bind-interface --split-input-file | FileCheck %s

// CHECK-DAG: #[[ROWS:.*]] = affine_map<()[s0, s1] -> ((s0 + 1) floordiv 2)>
// CHECK-DAG: #[[SOURCE:.*]] = affine_map<()[s0, s1] -> (1, s0)>

// The memory of this encoder has half as many rows as the source, while masks over the source have all of them. Which
// rows it takes depends on padding before them, so the masks stay inputs.
module attributes {halyard.limits = {max_source = 512 : i64, max_target = 64 : i64}} {
  // CHECK-LABEL: func @encoder
  // CHECK-SAME: (%[[X:.*]]: tensor<1x?xi64> {halyard.shape = #[[SOURCE]], onnx.name = "input_ids"}, %[[MASK:.*]]: tensor<1x?xi64> {halyard.mask, halyard.shape = #[[SOURCE]], onnx.name = "attention_mask"}) -> {{.*}} attributes {halyard.memory_rows = #[[ROWS]]}
  func.func @encoder(%mask: tensor<?x?xi64> {onnx.name = "attention_mask"},
                     %ids: tensor<?x?xi64> {onnx.name = "input_ids"})
      -> (tensor<*xf32> {onnx.name = "hidden_states.0"}, tensor<*xf32> {onnx.name = "last_hidden_state"}) {
    %none = onnx.None : () -> none
    %table = onnx.Constant {value = dense<1.0> : tensor<16x8xf32>} : () -> tensor<16x8xf32>
    %zero = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
    %one = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
    %two = onnx.Constant {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
    %far = onnx.Constant {value = dense<9223372036854775807> : tensor<1xi64>} : () -> tensor<1xi64>
    // CHECK: onnx.Mul %[[X]], %[[MASK]]
    %masked = onnx.Mul %ids, %mask : (tensor<?x?xi64>, tensor<?x?xi64>) -> tensor<*xi64>
    %e = onnx.Gather %table, %masked : (tensor<16x8xf32>, tensor<*xi64>) -> tensor<*xf32>
    // CHECK: %[[HALF:.*]] = onnx.Slice
    %h = onnx.Slice %e, %zero, %far, %one, %two : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xf32>
    // CHECK: return %[[HALF]] :
    return %e, %h : tensor<*xf32>, tensor<*xf32>
  }

  // CHECK-LABEL: func @decoder
  // CHECK-SAME: (%{{.*}}: tensor<1x?xi64> {halyard.shape = affine_map<()[s0, s1] -> (1, s1)>, onnx.name = "input_ids"}, %{{.*}}: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s0, s1] -> (1, (s0 + 1) floordiv 2, 8)>, onnx.name = "encoder_hidden_states"}, %[[OVER:.*]]: tensor<1x?xi64> {halyard.mask, halyard.shape = #[[SOURCE]], onnx.name = "encoder_attention_mask"}) -> (tensor<*xf32> {onnx.name = "logits"})
  func.func @decoder(%mask: tensor<?x?xi64> {onnx.name = "encoder_attention_mask"},
                     %ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                     %memory: tensor<?x?x8xf32> {onnx.name = "encoder_hidden_states"},
                     %past: tensor<?x2x?x4xf32> {onnx.name = "past_key_values.0.decoder.key"},
                     %cross: tensor<?x2x?x4xf32> {onnx.name = "past_key_values.0.encoder.key"},
                     %positions: tensor<?xi64> {onnx.name = "cache_position"},
                     %branch: tensor<1xi1> {onnx.name = "use_cache_branch"})
      -> (tensor<*xf32> {onnx.name = "present.0.decoder.key"}, tensor<*xf32> {onnx.name = "logits"}) {
    // CHECK-DAG: %[[FALSE:.*]] = onnx.Constant {value = dense<false> : tensor<i1>}
    // CHECK-DAG: %[[USES:.*]] = onnx.Expand %[[FALSE]], %{{.*}} : (tensor<i1>, tensor<1xi64>) -> tensor<1xi1>
    // CHECK-DAG: %[[RANGE:.*]] = onnx.Range %{{.*}}, %{{.*}}, %{{.*}} : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    // CHECK-DAG: onnx.Constant {value = dense<> : tensor<1x2x0x4xf32>}
    // CHECK: onnx.If(%[[USES]])
    // CHECK: onnx.Cast %[[OVER]]
    %r = onnx.If(%branch) : (tensor<1xi1>) -> tensor<*xf32> {
      %0 = onnx.Add %past, %cross : (tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) -> tensor<*xf32>
      onnx.Yield %0 : tensor<*xf32>
    } else {
      %f = onnx.Cast %positions {to = f32} : (tensor<?xi64>) -> tensor<*xf32>
      %m = onnx.Cast %mask {to = f32} : (tensor<?x?xi64>) -> tensor<*xf32>
      %0 = onnx.Add %f, %m : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
      onnx.Yield %0 : tensor<*xf32>
    }
    // CHECK: return %{{.*}} : tensor<*xf32>
    %p = onnx.Identity %past : (tensor<?x2x?x4xf32>) -> tensor<*xf32>
    return %p, %r : tensor<*xf32>, tensor<*xf32>
  }

  // CHECK-NOT: func @decoder_with_past
  func.func @decoder_with_past(%ids: tensor<?x?xi64> {onnx.name = "input_ids"}) -> tensor<?x?xi64> {
    return %ids : tensor<?x?xi64>
  }
}

// -----

// Rows that meet in masked attention only, and in sums up to each row, are the same without padding: masks are ones.
module attributes {halyard.limits = {max_source = 512 : i64, max_target = 64 : i64}} {
  // CHECK-LABEL: func @encoder
  // CHECK-SAME: (%[[X:[^,]*]]: tensor<1x?xi64> {halyard.shape = #{{.*}}, onnx.name = "input_ids"}) ->
  func.func @encoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"}, %mask: tensor<?x?xi64> {onnx.name = "attention_mask"})
      -> (tensor<*xf32> {onnx.name = "last_hidden_state"}) {
    // CHECK-DAG: %[[ONE:.*]] = onnx.Constant {value = dense<1> : tensor<i64>}
    // CHECK-DAG: %[[SHAPE:.*]] = seq.extents #{{.*}} : tensor<2xi64>
    // CHECK: %[[MASK:.*]] = onnx.Expand %[[ONE]], %[[SHAPE]] : (tensor<i64>, tensor<2xi64>) -> tensor<1x?xi64>
    // CHECK: onnx.Cast %[[MASK]]
    %table = onnx.Constant {value = dense<1.0> : tensor<16x8xf32>} : () -> tensor<16x8xf32>
    %scale = onnx.Constant {value = dense<1.0> : tensor<8xf32>} : () -> tensor<8xf32>
    %axis = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
    %middle = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
    %lowest = onnx.Constant {value = dense<-1.0e9> : tensor<f32>} : () -> tensor<f32>
    %none = onnx.None : () -> none
    %counted = onnx.CumSum %ids, %axis : (tensor<?x?xi64>, tensor<i64>) -> tensor<*xi64>
    %e = onnx.Gather %table, %counted : (tensor<16x8xf32>, tensor<*xi64>) -> tensor<*xf32>
    %x = onnx.LayerNormalization %e, %scale, %none : (tensor<*xf32>, tensor<8xf32>, none) -> tensor<*xf32>
    %xt = onnx.Transpose %x {perm = array<i64: 0, 2, 1>} : (tensor<*xf32>) -> tensor<*xf32>
    %s = onnx.MatMul %x, %xt : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
    %f = onnx.Cast %mask {to = f32} : (tensor<?x?xi64>) -> tensor<*xf32>
    %b = onnx.Mul %f, %lowest : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
    %b3 = onnx.Unsqueeze %b, %middle : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
    %masked = onnx.Add %s, %b3 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
    %p = onnx.Softmax %masked : (tensor<*xf32>) -> tensor<*xf32>
    %y = onnx.MatMul %p, %x : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
    return %y : tensor<*xf32>
  }
  // CHECK-LABEL: func @decoder
  // CHECK-NOT: halyard.mask
  func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"}, %mask: tensor<?x?xi64> {onnx.name = "encoder_attention_mask"},
                     %memory: tensor<?x?x8xf32> {onnx.name = "encoder_hidden_states"}) -> (tensor<*xf32> {onnx.name = "logits"}) {
    %y = onnx.Cast %ids {to = f32} : (tensor<?x?xi64>) -> tensor<*xf32>
    return %y : tensor<*xf32>
  }
}

// -----

// Attention that does not look at the mask sees padding.
module attributes {halyard.limits = {max_source = 512 : i64, max_target = 64 : i64}} {
  // CHECK-LABEL: func @encoder
  // CHECK-SAME: {halyard.mask,
  func.func @encoder(%x: tensor<?x?x8xf32> {onnx.name = "input_features"}, %mask: tensor<?x?xi64> {onnx.name = "attention_mask"})
      -> (tensor<*xf32> {onnx.name = "last_hidden_state"}) {
    %xt = onnx.Transpose %x {perm = array<i64: 0, 2, 1>} : (tensor<?x?x8xf32>) -> tensor<*xf32>
    %s = onnx.MatMul %x, %xt : (tensor<?x?x8xf32>, tensor<*xf32>) -> tensor<*xf32>
    %p = onnx.Softmax %s : (tensor<*xf32>) -> tensor<*xf32>
    %y = onnx.MatMul %p, %x : (tensor<*xf32>, tensor<?x?x8xf32>) -> tensor<*xf32>
    return %y : tensor<*xf32>
  }
  func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                     %memory: tensor<?x?x8xf32> {onnx.name = "encoder_hidden_states"}) -> (tensor<*xf32> {onnx.name = "logits"}) {
    %y = onnx.Cast %ids {to = f32} : (tensor<?x?xi64>) -> tensor<*xf32>
    return %y : tensor<*xf32>
  }
}

// -----

// So do statistics over time, and windows of rows.
module attributes {halyard.limits = {max_source = 512 : i64, max_target = 64 : i64}} {
  // CHECK-LABEL: func @encoder
  // CHECK-SAME: {halyard.mask,
  func.func @encoder(%x: tensor<?x?x8xf32> {onnx.name = "input_features"}, %mask: tensor<?x?xi64> {onnx.name = "attention_mask"})
      -> (tensor<*xf32> {onnx.name = "last_hidden_state"}) {
    %axes = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
    %mean = onnx.ReduceMean %x, %axes : (tensor<?x?x8xf32>, tensor<1xi64>) -> tensor<*xf32>
    %y = onnx.Sub %x, %mean : (tensor<?x?x8xf32>, tensor<*xf32>) -> tensor<*xf32>
    return %y : tensor<*xf32>
  }
  func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                     %memory: tensor<?x?x8xf32> {onnx.name = "encoder_hidden_states"}) -> (tensor<*xf32> {onnx.name = "logits"}) {
    %y = onnx.Cast %ids {to = f32} : (tensor<?x?xi64>) -> tensor<*xf32>
    return %y : tensor<*xf32>
  }
}

// -----

module attributes {halyard.limits = {max_source = 512 : i64, max_target = 64 : i64}} {
  // CHECK-LABEL: func @encoder
  // CHECK-SAME: {halyard.mask,
  func.func @encoder(%x: tensor<?x?x8xf32> {onnx.name = "input_features"}, %mask: tensor<?x?xi64> {onnx.name = "attention_mask"})
      -> (tensor<*xf32> {onnx.name = "last_hidden_state"}) {
    %none = onnx.None : () -> none
    %w = onnx.Constant {value = dense<1.0> : tensor<8x8x3xf32>} : () -> tensor<8x8x3xf32>
    %xt = onnx.Transpose %x {perm = array<i64: 0, 2, 1>} : (tensor<?x?x8xf32>) -> tensor<*xf32>
    %c = onnx.Conv %xt, %w, %none {kernel_shape = array<i64: 3>, pads = array<i64: 1, 1>} : (tensor<*xf32>, tensor<8x8x3xf32>, none) -> tensor<*xf32>
    %y = onnx.Transpose %c {perm = array<i64: 0, 2, 1>} : (tensor<*xf32>) -> tensor<*xf32>
    return %y : tensor<*xf32>
  }
  func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                     %memory: tensor<?x?x8xf32> {onnx.name = "encoder_hidden_states"}) -> (tensor<*xf32> {onnx.name = "logits"}) {
    %y = onnx.Cast %ids {to = f32} : (tensor<?x?xi64>) -> tensor<*xf32>
    return %y : tensor<*xf32>
  }
}

// -----

// Keys of cross-attention are an output of this encoder, which has no other, and an input of the decoder: there they are
// computed, from what both outputs were computed from. Of the encoder's input only extents may be used. The mask,
// which only they read, is there to be asked for.
module attributes {halyard.limits = {max_source = 64 : i64, max_target = 64 : i64}} {
  // CHECK-LABEL: func @encoder
  // CHECK-SAME: -> (tensor<*xf32> {onnx.name = "last_hidden_state"})
  func.func @encoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                     %mask: tensor<?x?xi64> {onnx.name = "attention_mask"})
      -> (tensor<*xf32> {onnx.name = "present_key_cross_0"}, tensor<*xf32> {onnx.name = "present_value_cross_0"}) {
    %table = onnx.Constant {value = dense<1.0> : tensor<16x8xf32>} : () -> tensor<16x8xf32>
    %wk = onnx.Constant {value = dense<2.0> : tensor<8x8xf32>} : () -> tensor<8x8xf32>
    %wv = onnx.Constant {value = dense<3.0> : tensor<8x8xf32>} : () -> tensor<8x8xf32>
    %e = onnx.Gather %table, %ids : (tensor<16x8xf32>, tensor<?x?xi64>) -> tensor<*xf32>
    // CHECK: onnx.Expand
    // CHECK: %[[STATES:.*]] = onnx.Tanh
    %h = onnx.Tanh %e : (tensor<*xf32>) -> tensor<*xf32>
    // CHECK-NEXT: return %[[STATES]]
    %shape = onnx.Shape %mask : (tensor<?x?xi64>) -> tensor<*xi64>
    %heads = onnx.Constant {value = dense<[2, 4]> : tensor<2xi64>} : () -> tensor<2xi64>
    %split = onnx.Concat %shape, %heads {axis = 0 : i64} : (tensor<*xi64>, tensor<2xi64>) -> tensor<*xi64>
    %k = onnx.MatMul %h, %wk : (tensor<*xf32>, tensor<8x8xf32>) -> tensor<*xf32>
    %v = onnx.MatMul %h, %wv : (tensor<*xf32>, tensor<8x8xf32>) -> tensor<*xf32>
    %ks = onnx.Reshape %k, %split : (tensor<*xf32>, tensor<*xi64>) -> tensor<*xf32>
    %vs = onnx.Reshape %v, %split : (tensor<*xf32>, tensor<*xi64>) -> tensor<*xf32>
    return %ks, %vs : tensor<*xf32>, tensor<*xf32>
  }
  // CHECK-LABEL: func @decoder
  // CHECK-SAME: (%{{.*}} {{.*}}onnx.name = "input_ids"}, %[[MEMORY:.*]]: tensor<1x?x8xf32> {{{.*}}onnx.name = "encoder_hidden_states"}) -> (tensor<*xf32> {onnx.name = "logits"}) attributes {halyard.takes_caches}
  // CHECK-DAG: %[[K:.*]] = onnx.MatMul %[[MEMORY]]
  // CHECK-DAG: %[[SPLIT:.*]] = seq.extents #{{.*}} : tensor<4xi64>
  // CHECK-DAG: onnx.Reshape %[[K]], %[[SPLIT]]
  // CHECK: onnx.Add
  func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                     %past: tensor<?x2x?x4xf32> {onnx.name = "past_key_self_0"},
                     %k: tensor<?x?x2x4xf32> {onnx.name = "past_key_cross_0"},
                     %v: tensor<?x?x2x4xf32> {onnx.name = "past_value_cross_0"})
      -> (tensor<*xf32> {onnx.name = "logits"}) {
    %0 = onnx.Add %k, %v : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>) -> tensor<*xf32>
    return %0 : tensor<*xf32>
  }
}

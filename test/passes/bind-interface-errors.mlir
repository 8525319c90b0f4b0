// RUN: halyard-opt %s --bind-interface --split-input-file --verify-diagnostics

// expected-error @below {{expects a function @encoder}}
module {
}

// -----

module {
  // expected-error @below {{does not know the encoder's input 'bbox'; known are input_ids, input_features}}
  func.func @encoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"}, %boxes: tensor<?x?x4xi64> {onnx.name = "bbox"})
      -> (tensor<?x?xi64> {onnx.name = "last_hidden_state"}) {
    return %ids : tensor<?x?xi64>
  }
  func.func @decoder() { return }
}

// -----

module {
  // expected-error @below {{expects the encoder's input 'pixel_values' to have one dynamic axis besides the batch, got 'tensor<?x3x?x?xf32>'; the model's config.json should give the others}}
  func.func @encoder(%x: tensor<?x3x?x?xf32> {onnx.name = "pixel_values"})
      -> (tensor<?x3x?x?xf32> {onnx.name = "last_hidden_state"}) {
    return %x : tensor<?x3x?x?xf32>
  }
  func.func @decoder() { return }
}

// -----

module {
  func.func @encoder(%x: tensor<?x?x8xf32> {onnx.name = "input_features"})
      -> (tensor<?x?x8xf32> {onnx.name = "last_hidden_state"}) {
    return %x : tensor<?x?x8xf32>
  }
  // expected-error @+2 {{expects encoder states of 16 features, got an encoder of 8}}
  func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                     %memory: tensor<?x?x16xf32> {onnx.name = "encoder_hidden_states"})
      -> (tensor<?x?x16xf32> {onnx.name = "logits"}) {
    return %memory : tensor<?x?x16xf32>
  }
}

// -----

module {
  func.func @encoder(%x: tensor<?x?x8xf32> {onnx.name = "input_features"})
      -> (tensor<?x?x8xf32> {onnx.name = "last_hidden_state"}) {
    return %x : tensor<?x?x8xf32>
  }
  // expected-error @+2 {{expects a decoder that computes its cross-attention keys and values, got input 'past_key_values.0.encoder.key', which only the file of the first step computes: export decoder_model.onnx or decoder_model_merged.onnx beside this one}}
  func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                     %cross: tensor<?x2x?x4xf32> {onnx.name = "past_key_values.0.encoder.key"})
      -> (tensor<?x2x?x4xf32> {onnx.name = "logits"}) {
    return %cross : tensor<?x2x?x4xf32>
  }
}

// -----

module {
  func.func @encoder(%x: tensor<?x?x8xf32> {onnx.name = "input_features"})
      -> (tensor<?x?x8xf32> {onnx.name = "last_hidden_state"}) {
    return %x : tensor<?x?x8xf32>
  }
  // expected-error @below {{expects one decoder input 'encoder_hidden_states', got 0}}
  func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"}) -> (tensor<?x?xi64> {onnx.name = "logits"}) {
    return %ids : tensor<?x?xi64>
  }
}

// -----

module {
  func.func @encoder(%x: tensor<?x?x8xf32> {onnx.name = "input_features"})
      -> (tensor<*xf32> {onnx.name = "last_hidden_state"}, tensor<*xf32> {onnx.name = "present_key_cross_0"}) {
    %0 = onnx.Tanh %x : (tensor<?x?x8xf32>) -> tensor<*xf32>
    // expected-error @below {{expects keys and values of cross-attention to be computed from the encoder's output alone}}
    %1 = onnx.Exp %x : (tensor<?x?x8xf32>) -> tensor<*xf32>
    return %0, %1 : tensor<*xf32>, tensor<*xf32>
  }
  func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                     %memory: tensor<?x?x8xf32> {onnx.name = "encoder_hidden_states"},
                     %cross: tensor<?x?x8xf32> {onnx.name = "past_key_cross_0"})
      -> (tensor<?x?x8xf32> {onnx.name = "logits"}) {
    return %cross : tensor<?x?x8xf32>
  }
}

// -----

module {
  func.func @encoder(%x: tensor<?x?x8xf32> {onnx.name = "input_features"})
      -> (tensor<*xf32> {onnx.name = "present_key_cross_0"}) {
    %shape = onnx.Constant {value = dense<[1, -1]> : tensor<2xi64>} : () -> tensor<2xi64>
    // expected-error @below {{expects keys and values of cross-attention to be computed from the same states of the encoder}}
    %0 = onnx.Reshape %x, %shape : (tensor<?x?x8xf32>, tensor<2xi64>) -> tensor<*xf32>
    return %0 : tensor<*xf32>
  }
  func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                     %cross: tensor<?x?xf32> {onnx.name = "past_key_cross_0"})
      -> (tensor<?x?xf32> {onnx.name = "logits"}) {
    return %cross : tensor<?x?xf32>
  }
}

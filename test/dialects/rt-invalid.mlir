// RUN: halyard-opt %s --split-input-file --verify-diagnostics

seq.program @missing attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64} {
  seq.step(%x: tensor<8xf32>) {
    // expected-error @below {{names the kernel @kernel_0, which the program does not have}}
    %y = rt.dispatch @kernel_0(%x) : (tensor<8xf32>) -> tensor<8xf32>
    seq.yield %y : tensor<8xf32>
  }
}

// -----

seq.program @type attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64} {
  func.func private @kernel_0(tensor<4xf32>) -> tensor<8xf32>
  seq.step(%x: tensor<8xf32>) {
    // expected-error @below {{does not fit its kernel's type '(tensor<4xf32>) -> tensor<8xf32>'}}
    %y = rt.dispatch @kernel_0(%x) : (tensor<8xf32>) -> tensor<8xf32>
    seq.yield %y : tensor<8xf32>
  }
}

// -----

rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64, vocabulary = 4 : i64,
    memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids", source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
  func.func @step(%arena: !rt.pointer, %weights: !rt.pointer) {
    // expected-error @below {{names the constant @weight_0, which the program does not have}}
    %w = rt.weight @weight_0 in %weights : memref<3x4xi8>
    return
  }
}

// -----

rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64, vocabulary = 4 : i64,
    memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids", source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
  func.func @step(%arena: !rt.pointer, %weights: !rt.pointer) {
    // expected-error @below {{names the region @self.0.k, which the program does not have}}
    %w = rt.arena @self.0.k in %arena : memref<2x8x8xf32>
    return
  }
}

// -----

rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64, vocabulary = 4 : i64,
    memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids", source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
  func.func private @kernel_0(tensor<4xf32>) -> tensor<8xf32>
  func.func @step(%arena: !rt.pointer, %weights: !rt.pointer) {
    %a = rt.alloc : memref<4xf32>
    // expected-error @below {{passes 1 arguments where its kernel takes 2}}
    rt.kernel_call @kernel_0(%a) : memref<4xf32>
    return
  }
}

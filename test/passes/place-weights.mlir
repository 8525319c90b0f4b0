// RUN: halyard-opt %s --pass-pipeline="builtin.module(rt.program(place-weights))" | FileCheck %s

// Equal contents have one place, whether MLIR uniques them (small) or not (resources).
// CHECK: rt.program @t5
// CHECK-SAME: weights_bytes = 320
rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64, vocabulary = 4 : i64,
    memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids", source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
  // CHECK-NEXT: rt.constant @weight_0 at 64
  rt.constant @weight_0 : dense<1.0> : tensor<20xf32>
  // CHECK-NEXT: rt.constant @weight_1 at 192
  rt.constant @weight_1 : dense_resource<a> : tensor<2xf32>
  rt.constant @weight_2 : dense<1.0> : tensor<20xf32>
  rt.constant @weight_3 : dense_resource<b> : tensor<2xf32>
  // CHECK-NEXT: rt.constant @weight_4 at 256
  rt.constant @weight_4 : dense_resource<c> : tensor<2xf32>
  // CHECK-NEXT: func.func @step
  func.func @step(%arena: !rt.pointer, %weights: !rt.pointer) {
    // CHECK-NEXT: rt.weight @weight_0
    %0 = rt.weight @weight_2 in %weights : memref<20xf32>
    // CHECK-NEXT: rt.weight @weight_1
    %1 = rt.weight @weight_3 in %weights : memref<2xf32>
    // CHECK-NEXT: rt.weight @weight_4
    %2 = rt.weight @weight_4 in %weights : memref<2xf32>
    return
  }
}

{-# dialect_resources: { builtin: { a: "0x080000000000803F00000040", b: "0x080000000000803F00000040", c: "0x080000000000803F00000041" } } #-}

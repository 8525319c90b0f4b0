// RUN: halyard-opt %s --pass-pipeline="builtin.module(rt.program(plan-arena))" | FileCheck %s

// CHECK: rt.program @t5 attributes {arena_bytes = 768
rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64, vocabulary = 4 : i64,
    memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids", source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
  // The runtime's part of the arena keeps its place; regions follow the header.
  // CHECK-NEXT: rt.region @source_rows at 64
  rt.region @source_rows at 64 : memref<2xi32>
  // CHECK-NEXT: rt.region @self.0.k at 128
  rt.region @self.0.k : memref<2x8x4xf32> {state}
  func.func private @kernel_0(%a: tensor<?x8xf32>) -> tensor<?x8xf32>
  // Extents count at their largest: 4 rows of 8 floats. A buffer's place is free once it is read for the last time, also
  // through a view.
  // CHECK: func.func @step
  func.func @step(%arena: !rt.pointer, %weights: !rt.pointer, %rows: index {rt.maximum = 4 : i64}) {
    // CHECK-NEXT: %[[A:.*]] = rt.buffer %arg0 at 384(%arg2) : memref<?x8xf32>
    %a = rt.alloc (%rows) : memref<?x8xf32>
    // CHECK-NEXT: %[[B:.*]] = rt.buffer %arg0 at 512(%arg2)
    %b = rt.alloc (%rows) : memref<?x8xf32>
    rt.kernel_call @kernel_0(%a, %b) : memref<?x8xf32>, memref<?x8xf32>
    %v = rt.view %b (%rows) : memref<?x8xf32> -> memref<?x8xf32>
    // CHECK: %[[C:.*]] = rt.buffer %arg0 at 384(%arg2)
    %c = rt.alloc (%rows) : memref<?x8xf32>
    rt.kernel_call @kernel_0(%v, %c) : memref<?x8xf32>, memref<?x8xf32>
    // CHECK: rt.buffer %arg0 at 512(%arg2)
    %d = rt.alloc (%rows) : memref<?x8xf32>
    rt.kernel_call @kernel_0(%c, %d) : memref<?x8xf32>, memref<?x8xf32>
    return
  }
  // The scratch of encode lies where that of step does.
  // CHECK: func.func @encode
  func.func @encode(%arena: !rt.pointer, %weights: !rt.pointer, %length: index {rt.maximum = 8 : i64}) {
    %half = affine.apply affine_map<()[s] -> (s floordiv 2)>()[%length]
    // CHECK: rt.buffer %arg0 at 384(%
    %a = rt.alloc (%half) : memref<?x8xf32>
    return
  }
  // A loop reads what was made outside until it ends: what is made inside lies elsewhere, also after the last use in the
  // order of the text.
  // CHECK: func.func @loop
  func.func @loop(%arena: !rt.pointer, %weights: !rt.pointer, %count: index, %rows: index {rt.maximum = 4 : i64}) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    // CHECK: rt.buffer %arg0 at 384(%
    %a = rt.alloc (%rows) : memref<?x8xf32>
    // CHECK: scf.for
    scf.for %i = %c0 to %count step %c1 {
      // CHECK: rt.buffer %arg0 at 512(%
      %b = rt.alloc (%rows) : memref<?x8xf32>
      rt.kernel_call @kernel_0(%a, %b) : memref<?x8xf32>, memref<?x8xf32>
      // CHECK: rt.buffer %arg0 at 640(%
      %c = rt.alloc (%rows) : memref<?x8xf32>
      rt.kernel_call @kernel_0(%b, %c) : memref<?x8xf32>, memref<?x8xf32>
    }
    // CHECK: rt.buffer %arg0 at 384(%
    %d = rt.alloc (%rows) : memref<?x8xf32>
    return
  }
}

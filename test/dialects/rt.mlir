// RUN: halyard-opt %s | halyard-opt | FileCheck %s
// Every operation of the rt dialect, printed and read again.

// CHECK: seq.program @tensors
seq.program @tensors attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64} {
  func.func private @kernel_0(tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  seq.step(%x: tensor<?x8xf32>) {
    %n = seq.length target : index
    // CHECK: %[[ROWS:.*]] = rt.source_rows : tensor<?xi32>
    %rows = rt.source_rows : tensor<?xi32>
    // CHECK: rt.dispatch @kernel_0(%{{.*}}, %[[ROWS]]) extents(%{{.*}}) : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
    %y = rt.dispatch @kernel_0(%x, %rows) extents(%n) : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
    seq.yield %y : tensor<?x8xf32>
  }
}

// CHECK: rt.program @t5
rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64, vocabulary = 4 : i64,
    memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids", source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
  // CHECK: rt.constant @weight_0 at 64 : dense<1> : tensor<3x4xi8>
  rt.constant @weight_0 at 64 : dense<1> : tensor<3x4xi8>
  // CHECK: rt.region @self.0.k : memref<2x8x8xf32> {state}
  rt.region @self.0.k : memref<2x8x8xf32> {state}
  func.func private @kernel_0(tensor<?x8xf32>, index) -> tensor<?x8xf32>
  func.func @step(%arena: !rt.pointer, %weights: !rt.pointer, %n: index, %ids: !rt.pointer) {
    // CHECK: %[[A:.*]] = rt.alloc(%[[N:.*]]) : memref<?x8xf32>
    %a = rt.alloc (%n) : memref<?x8xf32>
    // CHECK: %[[B:.*]] = rt.buffer %{{.*}} at 512(%[[N]]) : memref<?x8xf32>
    %b = rt.buffer %arena at 512 (%n) : memref<?x8xf32>
    // CHECK: rt.weight @weight_0 in %{{.*}} : memref<3x4xi8>
    %w = rt.weight @weight_0 in %weights : memref<3x4xi8>
    // CHECK: %[[CACHE:.*]] = rt.arena @self.0.k in %{{.*}} : memref<2x8x8xf32>
    %cache = rt.arena @self.0.k in %arena : memref<2x8x8xf32>
    // CHECK: %[[IDS:.*]] = rt.host %{{.*}}(%[[N]]) : memref<?xi32>
    %ids32 = rt.host %ids (%n) : memref<?xi32>
    %ids64 = rt.alloc (%n) : memref<?xi64>
    // CHECK: rt.widen %[[IDS]] to %{{.*}} : memref<?xi32> to memref<?xi64>
    rt.widen %ids32 to %ids64 : memref<?xi32> to memref<?xi64>
    // CHECK: rt.mask %{{.*}} to %{{.*}} : memref<?xi64>
    rt.mask %ids to %ids64 : memref<?xi64>
    // CHECK: rt.kernel_call @kernel_0(%[[A]], %[[N]], %[[B]]) : memref<?x8xf32>, index, memref<?x8xf32>
    rt.kernel_call @kernel_0(%a, %n, %b) : memref<?x8xf32>, index, memref<?x8xf32>
    // CHECK: rt.append_rows %[[B]] from 4 to %[[CACHE]]
    rt.append_rows %b from 4 to %cache rows(%ids32, %ids32) : memref<?x8xf32> to memref<2x8x8xf32>, memref<?xi32>, memref<?xi32>
    // CHECK: rt.append_rows %[[B]] to %[[CACHE]] rows(%[[IDS]], %[[IDS]])
    rt.append_rows %b to %cache rows(%ids32, %ids32) : memref<?x8xf32> to memref<2x8x8xf32>, memref<?xi32>, memref<?xi32>
    // CHECK: rt.gather_slots %[[CACHE]] rows(%[[IDS]]) to %{{.*}} : memref<2x8x8xf32>, memref<?xi32> to memref<?x8x8xf32>
    %gathered = rt.alloc (%n) : memref<?x8x8xf32>
    rt.gather_slots %cache rows(%ids32) to %gathered : memref<2x8x8xf32>, memref<?xi32> to memref<?x8x8xf32>
    // CHECK: rt.stage "bind"
    rt.stage "bind"
    // CHECK: %[[AT:.*]] = rt.read %[[IDS]][%[[N]]] : memref<?xi32>
    %at = rt.read %ids32[%n] : memref<?xi32>
    // CHECK: rt.write %[[AT]] to %[[IDS]][%[[N]]] : memref<?xi32>
    rt.write %at to %ids32[%n] : memref<?xi32>
    // CHECK: %[[SLOT:.*]] = rt.slot %[[CACHE]][%[[AT]]] (%[[N]]) : memref<2x8x8xf32> -> memref<?x8xf32>
    %slot = rt.slot %cache[%at] (%n) : memref<2x8x8xf32> -> memref<?x8xf32>
    // CHECK: rt.view %[[SLOT]] from %[[AT]](%[[N]]) : memref<?x8xf32> -> memref<?x4xf32>
    %view = rt.view %slot from %at (%n) : memref<?x8xf32> -> memref<?x4xf32>
    // CHECK: rt.copy %[[B]] to %[[SLOT]] : memref<?x8xf32> to memref<?x8xf32>
    rt.copy %b to %slot : memref<?x8xf32> to memref<?x8xf32>
    return
  }
}

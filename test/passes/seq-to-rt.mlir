// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq-to-rt,cse)" --split-input-file | FileCheck %s

module attributes {halyard.name = "t5"} {
  // CHECK: rt.program @t5
  // CHECK-SAME: max_rows = 2 : i64, max_source = 8 : i64, max_target = 4 : i64, memory_features = 8 : i64, slots = 3 : i64, source_name = "input_ids"
  // CHECK-SAME: vocabulary = 16
  seq.program @model attributes {max_source = 8 : i64, max_target = 4 : i64, max_rows = 2 : i64, slots = 3 : i64,
                                 source_name = "input_ids"} {
    // CHECK: rt.region @source_rows at 64 : memref<3xi32>
    // CHECK: rt.region @self.0.k : memref<3x4x4xf32> {state}
    // CHECK: rt.region @cross.0.k : memref<3x4x4xf32> {cross}
    seq.state @self.0.k : tensor<?x4xf32>
    seq.cross @cross.0.k : tensor<?x4xf32>
    seq.cross @source.0 : tensor<1x16xf32>
    func.func private @kernel_0(%ids: tensor<1x?xi64>, %n: index) -> tensor<1x?x8xf32>
    func.func private @kernel_1(%x: tensor<1x?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32>
    func.func private @kernel_2(%tokens: tensor<?xi64>) -> tensor<?x4xf32>
    func.func private @kernel_3(%bias: tensor<?x1x16xf32>, %k: !seq.cache<4, 4, f32>) -> tensor<?x16xf32>
    // The memory has a row for every two positions of the source.
    // CHECK: func.func @memory_rows(%[[S:.*]]: index) -> index
    // CHECK: affine.apply #{{.*}}()[%[[S]]]
    // CHECK: func.func @encode
    // CHECK: %[[SLOT:.*]] = rt.source_slot %arg3[%c0]
    // CHECK: %[[S:.*]] = rt.source_length %arg3[%c0] {rt.maximum = 8 : i64}
    // CHECK: %[[DATA:.*]] = rt.source_data %arg3[%c0]
    // CHECK: %[[IN:.*]] = rt.host %[[DATA]](%[[S]]) : memref<1x?xi64>
    // CHECK: %[[MEMORY:.*]] = rt.alloc(%[[ROWS:.*]]) : memref<1x?x8xf32>
    // CHECK: rt.kernel_call @kernel_0(%[[IN]], %[[ROWS]], %[[MEMORY]])
    // CHECK: %[[WANTED:.*]] = rt.source_memory %arg3[%c0]
    // CHECK: %[[OUT:.*]] = rt.host %[[WANTED]]
    // CHECK: rt.copy %[[MEMORY]] to %[[OUT]]
    // CHECK-NEXT: rt.stage "bind"
    seq.encode(%ids: tensor<1x?xi64>) {
      %s = seq.length source : index
      %n = affine.apply affine_map<()[s] -> (s floordiv 2)>()[%s]
      %x = rt.dispatch @kernel_0(%ids, %n) extents(%n) : (tensor<1x?xi64>, index) -> tensor<1x?x8xf32>
      seq.yield %x : tensor<1x?x8xf32>
    }
    // What is bound to the slot is computed in its block.
    // CHECK: %[[CACHE:.*]] = rt.arena @cross.0.k in %arg0 : memref<3x4x4xf32>
    // CHECK: %[[K:.*]] = rt.slot %[[CACHE]][%[[SLOT]]] (%{{.*}}) : memref<3x4x4xf32> -> memref<?x4xf32>
    // CHECK: rt.kernel_call @kernel_1(%[[MEMORY]], %{{.*}}, %[[K]])
    // CHECK: rt.write %{{.*}} to %{{.*}}[%[[SLOT]]] : memref<3xi32>
    seq.bind(%memory: tensor<1x?x8xf32>) {
      %s = seq.length source : index
      %n = affine.apply affine_map<()[s] -> (s floordiv 2)>()[%s]
      %w = arith.constant dense<1.0> : tensor<8x4xf32>
      %k = rt.dispatch @kernel_1(%memory, %w) extents(%n) : (tensor<1x?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
      seq.store @cross.0.k, %k : tensor<?x4xf32>
      seq.yield
    }
    // CHECK: func.func @step
    // CHECK: rt.widen
    // CHECK: rt.append_rows %{{.*}} to %[[STATE:.*]] rows(
    // CHECK: rt.gather_slots %{{.*}} rows(%{{.*}}) to %[[BIAS:.*]] : memref<3x1x16xf32>, memref<?xi32> to memref<?x1x16xf32>
    // CHECK: %[[LOGITS:.*]] = rt.host %arg6(%arg2) : memref<?x16xf32>
    // CHECK: rt.kernel_call @kernel_3(%[[BIAS]], %[[STATE]], %[[LOGITS]])
    // CHECK-NEXT: return
    seq.step(%tokens: tensor<?xi64>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
      %t = seq.length target : index
      %x = rt.dispatch @kernel_2(%tokens) extents(%t) : (tensor<?xi64>) -> tensor<?x4xf32>
      %k = seq.cache_append @self.0.k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>) : tensor<?x4xf32> -> !seq.cache<4, 4, f32>
      %bias = seq.load @source.0 rows(%slot : tensor<?xi32>) : tensor<?x1x16xf32>
      %logits = rt.dispatch @kernel_3(%bias, %k) extents(%t) : (tensor<?x1x16xf32>, !seq.cache<4, 4, f32>) -> tensor<?x16xf32>
      seq.yield %logits : tensor<?x16xf32>
    }
  }
}

// -----

// A step that recomputes: each row adds its token to the text of its slot, and the last row of logits is kept.
// CHECK: rt.program @model
// CHECK-SAME: recompute
seq.program @model attributes {max_source = 8 : i64, max_target = 4 : i64, max_rows = 2 : i64, slots = 3 : i64} {
  // CHECK: rt.region @tokens at 128 : memref<3x4xi64>
  func.func private @kernel_0(%tokens: tensor<1x?xi64>, %memory: tensor<?x8xf32>) -> tensor<1x?x16xf32>
  seq.cross @memory : tensor<?x8xf32>
  seq.encode(%source: tensor<1x?x8xf32>) {
    seq.yield %source : tensor<1x?x8xf32>
  }
  seq.bind(%memory: tensor<1x?x8xf32>) {
    %rows = tensor.collapse_shape %memory [[0, 1], [2]] : tensor<1x?x8xf32> into tensor<?x8xf32>
    seq.store @memory, %rows : tensor<?x8xf32>
    seq.yield
  }
  // CHECK: func.func @step
  // CHECK: scf.for %[[ROW:.*]] =
  // CHECK: %[[TOKEN:.*]] = rt.read %{{.*}}[%[[ROW]]] {rt.maximum = 15 : i64}
  // CHECK: %[[SLOT:.*]] = rt.read
  // CHECK: %[[POSITION:.*]] = rt.read %{{.*}}[%[[ROW]]] {rt.maximum = 3 : i64}
  // CHECK: rt.write %[[TOKEN]] to %{{.*}}[%[[POSITION]]]
  // CHECK: rt.slot %{{.*}}[%[[SLOT]]] ({{.*}}) : memref<3x8x8xf32> -> memref<?x8xf32>
  // CHECK: rt.kernel_call @kernel_0
  // CHECK: rt.view %{{.*}} from %{{.*}} : memref<1x?x16xf32> -> memref<16xf32>
  // CHECK: rt.copy
  seq.step(%tokens: tensor<1x?xi64>) attributes {mode = 1 : i32} {
    %t = seq.length target : index
    %memory = seq.load @memory : tensor<?x8xf32>
    %logits = rt.dispatch @kernel_0(%tokens, %memory) extents(%t) : (tensor<1x?xi64>, tensor<?x8xf32>) -> tensor<1x?x16xf32>
    seq.yield %logits : tensor<1x?x16xf32>
  }
}

// -----

// The caller's mask becomes a tensor once, for encode and bind alike.
// CHECK: rt.program @model
// CHECK-SAME: masked
seq.program @model attributes {max_source = 8 : i64, max_target = 4 : i64, max_rows = 2 : i64, slots = 3 : i64} {
  func.func private @kernel_0(%source: tensor<1x?xf32>, %mask: tensor<1x?xi64>) -> tensor<1x?x4xf32>
  func.func private @kernel_1(%mask: tensor<1x?xi64>) -> tensor<?x1xf32>
  func.func private @kernel_2(%tokens: tensor<?xi64>, %mask: !seq.cache<8, 1, f32>) -> tensor<?x16xf32>
  seq.cross @cross.0.mask : tensor<?x1xf32>
  // CHECK: %[[S:.*]] = rt.source_length
  // CHECK: %[[MASK:.*]] = rt.alloc(%[[S]]) : memref<1x?xi64>
  // CHECK: %[[GIVEN:.*]] = rt.source_mask
  // CHECK: rt.mask %[[GIVEN]] to %[[MASK]] : memref<1x?xi64>
  // CHECK: rt.kernel_call @kernel_0(%{{.*}}, %[[MASK]], %{{.*}})
  // CHECK: rt.kernel_call @kernel_1(%[[MASK]], %{{.*}})
  seq.encode(%source: tensor<1x?xf32>, %mask: tensor<1x?xi64>) {
    %s = seq.length source : index
    %x = rt.dispatch @kernel_0(%source, %mask) extents(%s) : (tensor<1x?xf32>, tensor<1x?xi64>) -> tensor<1x?x4xf32>
    seq.yield %x : tensor<1x?x4xf32>
  }
  seq.bind(%memory: tensor<1x?x4xf32>, %mask: tensor<1x?xi64>) {
    %s = seq.length source : index
    %m = rt.dispatch @kernel_1(%mask) extents(%s) : (tensor<1x?xi64>) -> tensor<?x1xf32>
    seq.store @cross.0.mask, %m : tensor<?x1xf32>
    seq.yield
  }
  seq.step(%tokens: tensor<?xi64>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %t = seq.length target : index
    %m = seq.load @cross.0.mask : !seq.cache<8, 1, f32>
    %y = rt.dispatch @kernel_2(%tokens, %m) extents(%t) : (tensor<?xi64>, !seq.cache<8, 1, f32>) -> tensor<?x16xf32>
    seq.yield %y : tensor<?x16xf32>
  }
}

// -----

// Sources lie end to end. A layer and what is added to each of its rows are computed of all of them at once; what
// rows of a table are added to, by position, and attention, of each by itself.
// CHECK: rt.program @model
// CHECK-SAME: together = 8
seq.program @model attributes {max_source = 8 : i64, max_target = 4 : i64, max_rows = 2 : i64, slots = 3 : i64} {
  func.func private @layer(%x: tensor<?x4xf32>, %w: tensor<1x4x64x1xf32>) -> tensor<?x4xf32> {
    %y = seq.linear %x, %w : tensor<?x4xf32>, tensor<1x4x64x1xf32> -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func private @add(%x: tensor<?x4xf32>, %y: tensor<?x4xf32>, %s: index) -> tensor<?x4xf32> {
    %empty = tensor.empty(%s) : tensor<?x4xf32>
    %sum = linalg.add ins(%x, %y : tensor<?x4xf32>, tensor<?x4xf32>) outs(%empty : tensor<?x4xf32>) -> tensor<?x4xf32>
    return %sum : tensor<?x4xf32>
  }
  func.func private @attend(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = seq.attention %x, %x, %x {heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64} : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func private @mean(%x: tensor<?x4xf32>) -> tensor<4xf32>
  func.func private @scale(%x: tensor<?x4xf32>, %y: tensor<4xf32>) -> tensor<?x4xf32> {
    %z = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>],
                         iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<?x4xf32>, tensor<4xf32>) outs(%x : tensor<?x4xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %p = arith.mulf %a, %b : f32
      linalg.yield %p : f32
    } -> tensor<?x4xf32>
    return %z : tensor<?x4xf32>
  }
  func.func private @logits(%tokens: tensor<?xi64>, %k: !seq.cache<8, 4, f32>) -> tensor<?x16xf32>
  seq.cross @cross.0.k : tensor<?x4xf32>
  // CHECK: func.func @encode(%{{.*}}: !rt.pointer, %{{.*}}: !rt.pointer {rt.readonly}, %[[COUNT:.*]]: index, %[[SOURCES:.*]]: !rt.pointer {rt.readonly})
  // CHECK: %[[ALL:.*]] = rt.source_begin %[[SOURCES]][%[[COUNT]]] {rt.maximum = 8 : i64}
  // CHECK: scf.for %[[I:.*]] = %{{.*}} to %[[COUNT]]
  // CHECK: %[[LENGTH:.*]] = rt.source_length %[[SOURCES]][%[[I]]] {rt.maximum = 8 : i64}
  // CHECK: %[[PLACE:.*]] = rt.view %[[POSITIONED:.*]] from %{{.*}}(%[[LENGTH]]) : memref<?xf32> -> memref<?x4xf32>
  // CHECK: rt.kernel_call @add(%{{.*}}, %{{.*}}, %[[LENGTH]], %[[PLACE]])
  // CHECK-NEXT: }
  // CHECK: %[[INPUT:.*]] = rt.view %[[POSITIONED]](%[[ALL]]) : memref<?xf32> -> memref<?x4xf32>
  // CHECK: %[[ROWS:.*]] = rt.alloc(%[[ALL]]) : memref<?x4xf32>
  // CHECK: rt.kernel_call @layer(%[[INPUT]], %{{.*}}, %[[ROWS]])
  // CHECK: scf.for
  // CHECK: %[[OWN:.*]] = rt.view %[[ROWS]] from
  // CHECK: rt.kernel_call @attend(%[[OWN]], %[[ATTENDED:.*]])
  // CHECK: rt.kernel_call @scale(%[[ATTENDED]], %{{.*}}, %{{.*}})
  // CHECK-NEXT: }
  // CHECK: rt.kernel_call @add(%{{.*}}, %[[ROWS]], %[[ALL]], %[[SUM:.*]])
  seq.encode(%source: tensor<?x4xf32>) {
    %s = seq.length source : index
    %w = arith.constant dense<1.0> : tensor<1x4x64x1xf32>
    %table = arith.constant dense<2.0> : tensor<8x4xf32>
    %first = tensor.extract_slice %table[0, 0] [%s, 4] [1, 1] : tensor<8x4xf32> to tensor<?x4xf32>
    %x = rt.dispatch @add(%source, %first, %s) extents(%s) : (tensor<?x4xf32>, tensor<?x4xf32>, index) -> tensor<?x4xf32>
    %y = rt.dispatch @layer(%x, %w) extents(%s) : (tensor<?x4xf32>, tensor<1x4x64x1xf32>) -> tensor<?x4xf32>
    %z = rt.dispatch @attend(%y) extents(%s) : (tensor<?x4xf32>) -> tensor<?x4xf32>
    // A number that all rows of a source share is another for each of them.
    %mean = rt.dispatch @mean(%z) : (tensor<?x4xf32>) -> tensor<4xf32>
    %scaled = rt.dispatch @scale(%z, %mean) extents(%s) : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %sum = rt.dispatch @add(%scaled, %y, %s) extents(%s) : (tensor<?x4xf32>, tensor<?x4xf32>, index) -> tensor<?x4xf32>
    seq.yield %sum : tensor<?x4xf32>
  }
  // What is bound to a slot is computed in its block, and each source has its own.
  // CHECK: rt.stage "bind"
  // CHECK: scf.for %[[J:.*]] =
  // CHECK: %[[SLOT:.*]] = rt.source_slot %[[SOURCES]][%[[J]]]
  // CHECK: %[[MINE:.*]] = rt.view %[[SUM]] from
  // CHECK: %[[K:.*]] = rt.slot %{{.*}}[%[[SLOT]]]
  // CHECK: rt.kernel_call @layer(%[[MINE]], %{{.*}}, %[[K]])
  // CHECK: rt.copy
  // CHECK: rt.write
  seq.bind(%memory: tensor<?x4xf32>) {
    %s = seq.length source : index
    %w = arith.constant dense<3.0> : tensor<1x4x64x1xf32>
    %k = rt.dispatch @layer(%memory, %w) extents(%s) : (tensor<?x4xf32>, tensor<1x4x64x1xf32>) -> tensor<?x4xf32>
    seq.store @cross.0.k, %k : tensor<?x4xf32>
    seq.yield
  }
  seq.step(%tokens: tensor<?xi64>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %t = seq.length target : index
    %k = seq.load @cross.0.k : !seq.cache<8, 4, f32>
    %y = rt.dispatch @logits(%tokens, %k) extents(%t) : (tensor<?xi64>, !seq.cache<8, 4, f32>) -> tensor<?x16xf32>
    seq.yield %y : tensor<?x16xf32>
  }
}

// RUN: halyard-opt %s --pass-pipeline='builtin.module(seq.program(hoist-to-source),canonicalize)' --split-input-file | FileCheck %s

// Keys and values of cross-attention, and a value that has nothing to do with attention, are computed by bind and only
// read by the step.

// CHECK-DAG: seq.cross @cross.0.k : tensor<?x8xf32>
// CHECK-DAG: seq.cross @cross.0.v : tensor<?x8xf32>
// CHECK-DAG: seq.cross @source.0 : tensor<8xf32>
// CHECK: seq.bind(%[[MEMORY:.*]]: tensor<?x8xf32>) {
// CHECK:   %[[K:.*]] = linalg.generic
// CHECK:     math.exp
// CHECK:   %[[SUM:.*]] = linalg.generic {{.*}}"reduction"
// CHECK-DAG: seq.store @cross.0.k, %[[K]] : tensor<?x8xf32>
// CHECK-DAG: seq.store @cross.0.v, %[[MEMORY]] : tensor<?x8xf32>
// CHECK-DAG: seq.store @source.0, %[[SUM]] : tensor<8xf32>
// CHECK: seq.step(%[[X:.*]]: tensor<?x8xf32>) attributes {mode = 0 : i32} {
// CHECK-NOT: math.exp
// CHECK-NOT: reduction
// CHECK-DAG: %[[LK:.*]] = seq.load @cross.0.k : tensor<?x8xf32>
// CHECK-DAG: %[[LV:.*]] = seq.load @cross.0.v : tensor<?x8xf32>
// CHECK-DAG: %[[LS:.*]] = seq.load @source.0 : tensor<8xf32>
// CHECK: seq.attention %[[X]], %[[LK]], %[[LV]]
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[LS]] : tensor<?x8xf32>, tensor<8xf32>)
#rows = affine_map<(r, f) -> (r, f)>
#features = affine_map<(r, f) -> (f)>
seq.program @model attributes {max_source = 32 : i64, max_target = 16 : i64, max_rows = 4 : i64, slots = 2 : i64} {
  seq.bind(%memory: tensor<?x8xf32>) {
    seq.yield
  }
  seq.step(%x: tensor<?x8xf32>, %memory: tensor<?x8xf32>) attributes {mode = 0 : i32} {
    %s = seq.length source : index
    %t = seq.length target : index
    %es = tensor.empty(%s) : tensor<?x8xf32>
    %k = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]}
        ins(%memory : tensor<?x8xf32>) outs(%es : tensor<?x8xf32>) {
    ^bb0(%a: f32, %o: f32):
      %e = math.exp %a : f32
      linalg.yield %e : f32
    } -> tensor<?x8xf32>
    %zero = arith.constant dense<0.0> : tensor<8xf32>
    %sum = linalg.generic {indexing_maps = [#rows, #features], iterator_types = ["reduction", "parallel"]}
        ins(%memory : tensor<?x8xf32>) outs(%zero : tensor<8xf32>) {
    ^bb0(%a: f32, %o: f32):
      %e = arith.addf %a, %o : f32
      linalg.yield %e : f32
    } -> tensor<8xf32>
    %o = seq.attention %x, %k, %memory {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    %et = tensor.empty(%t) : tensor<?x8xf32>
    %y = linalg.generic {indexing_maps = [#rows, #features, #rows], iterator_types = ["parallel", "parallel"]}
        ins(%o, %sum : tensor<?x8xf32>, tensor<8xf32>) outs(%et : tensor<?x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %e = arith.addf %a, %b : f32
      linalg.yield %e : f32
    } -> tensor<?x8xf32>
    seq.yield %y : tensor<?x8xf32>
  }
}

// -----

// The mask of the source is one number for each key, kept like the keys.
// CHECK-DAG: seq.cross @cross.0.mask : tensor<?x1xf32>
// CHECK: seq.bind(%[[MEMORY:.*]]: tensor<?x8xf32>, %[[MASK:.*]]: tensor<?x1xi64>) {
// CHECK:   %[[BIAS:.*]] = linalg.generic {{.*}} ins(%[[MASK]] : tensor<?x1xi64>)
// CHECK:   seq.store @cross.0.mask, %[[BIAS]] : tensor<?x1xf32>
// CHECK: seq.step(%{{[^,]*}}: tensor<?x8xf32>) attributes
// CHECK:   %[[KEPT:.*]] = seq.load @cross.0.mask : tensor<?x1xf32>
// CHECK:   seq.attention {{.*}} mask(%[[KEPT]] : tensor<?x1xf32>)
#cell = affine_map<(r, f) -> (r, f)>
seq.program @masked attributes {max_source = 32 : i64, max_target = 16 : i64, max_rows = 4 : i64, slots = 2 : i64} {
  seq.bind(%memory: tensor<?x8xf32>, %mask: tensor<?x1xi64>) {
    seq.yield
  }
  seq.step(%x: tensor<?x8xf32>, %memory: tensor<?x8xf32>, %mask: tensor<?x1xi64>) attributes {mode = 0 : i32} {
    %s = seq.length source : index
    %e = tensor.empty(%s) : tensor<?x1xf32>
    %bias = linalg.generic {indexing_maps = [#cell, #cell], iterator_types = ["parallel", "parallel"]}
        ins(%mask : tensor<?x1xi64>) outs(%e : tensor<?x1xf32>) {
    ^bb0(%a: i64, %o: f32):
      %b = arith.sitofp %a : i64 to f32
      linalg.yield %b : f32
    } -> tensor<?x1xf32>
    %o = seq.attention %x, %memory, %memory mask(%bias : tensor<?x1xf32>) {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    seq.yield %o : tensor<?x8xf32>
  }
}

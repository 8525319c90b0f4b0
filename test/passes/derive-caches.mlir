// RUN: halyard-opt %s --split-input-file --pass-pipeline='builtin.module(seq.program(derive-caches))' --verify-diagnostics | FileCheck %s

// Causal self-attention: keys and values become state.

// CHECK-LABEL: seq.program @causal
// CHECK-DAG: seq.state @self.0.k : tensor<?x8xf32>
// CHECK-DAG: seq.state @self.0.v : tensor<?x8xf32>
// CHECK: seq.step(%{{.*}}: tensor<1x?xi64>) attributes {mode = 0 : i32}
// CHECK-DAG: %[[K:.*]] = seq.cache_append @self.0.k, %[[X:.*]] : tensor<?x8xf32> -> tensor<?x8xf32>
// CHECK-DAG: %[[V:.*]] = seq.cache_append @self.0.v, %{{.*}} : tensor<?x8xf32> -> tensor<?x8xf32>
// CHECK: seq.attention %[[X]], %[[K]], %[[V]] {causal
#rows = affine_map<(r, f) -> (r, f)>
seq.program @causal attributes {max_source = 32 : i64, max_target = 16 : i64, max_rows = 4 : i64, slots = 2 : i64} {
  seq.step(%x: tensor<1x?xi64>) attributes {mode = 0 : i32} {
    %t = seq.length target : index
    %empty = tensor.empty(%t) : tensor<?x8xf32>
    %ids = tensor.collapse_shape %x [[0, 1]] : tensor<1x?xi64> into tensor<?xi64>
    %h = linalg.generic {indexing_maps = [affine_map<(r, f) -> (r)>, #rows], iterator_types = ["parallel", "parallel"]}
        ins(%ids : tensor<?xi64>) outs(%empty : tensor<?x8xf32>) {
    ^bb0(%a: i64, %c: f32):
      %e = arith.sitofp %a : i64 to f32
      linalg.yield %e : f32
    } -> tensor<?x8xf32>
    %v = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]}
        ins(%h : tensor<?x8xf32>) outs(%empty : tensor<?x8xf32>) {
    ^bb0(%a: f32, %c: f32):
      %e = math.exp %a : f32
      linalg.yield %e : f32
    } -> tensor<?x8xf32>
    %o = seq.attention %h, %h, %v {causal, heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    seq.yield %o : tensor<?x8xf32>
  }
}

// -----

// Without a causal mask nothing is kept: the step stays a function of the whole text.

// CHECK-LABEL: seq.program @everything
// CHECK-NOT: seq.state
// CHECK: seq.step(%{{.*}}) attributes {mode = 1 : i32}
// CHECK-NOT: seq.cache_append
seq.program @everything attributes {max_source = 32 : i64, max_target = 16 : i64, max_rows = 4 : i64, slots = 2 : i64} {
  seq.step(%x: tensor<1x?xi64>) attributes {mode = 0 : i32} {
    %t = seq.length target : index
    %empty = tensor.empty(%t) : tensor<?x8xf32>
    %ids = tensor.collapse_shape %x [[0, 1]] : tensor<1x?xi64> into tensor<?xi64>
    %h = linalg.generic {indexing_maps = [affine_map<(r, f) -> (r)>, affine_map<(r, f) -> (r, f)>],
                         iterator_types = ["parallel", "parallel"]}
        ins(%ids : tensor<?xi64>) outs(%empty : tensor<?x8xf32>) {
    ^bb0(%a: i64, %c: f32):
      %e = arith.sitofp %a : i64 to f32
      linalg.yield %e : f32
    } -> tensor<?x8xf32>
    // expected-remark @below {{every token recomputes the whole text so far: its mask is not causal}}
    %o = seq.attention %h, %h, %h {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    seq.yield %o : tensor<?x8xf32>
  }
}

// -----

// A sum over time mixes rows.

// CHECK-LABEL: seq.program @sum
// CHECK: mode = 1 : i32
seq.program @sum attributes {max_source = 32 : i64, max_target = 16 : i64, max_rows = 4 : i64, slots = 2 : i64} {
  seq.step(%x: tensor<1x?xi64>) attributes {mode = 0 : i32} {
    %t = seq.length target : index
    %empty = tensor.empty(%t) : tensor<?x8xf32>
    %ids = tensor.collapse_shape %x [[0, 1]] : tensor<1x?xi64> into tensor<?xi64>
    %h = linalg.generic {indexing_maps = [affine_map<(r, f) -> (r)>, affine_map<(r, f) -> (r, f)>],
                         iterator_types = ["parallel", "parallel"]}
        ins(%ids : tensor<?xi64>) outs(%empty : tensor<?x8xf32>) {
    ^bb0(%a: i64, %c: f32):
      %e = arith.sitofp %a : i64 to f32
      linalg.yield %e : f32
    } -> tensor<?x8xf32>
    %zero = arith.constant dense<0.0> : tensor<8xf32>
    // expected-remark @below {{every token recomputes the whole text so far: it reduces over time}}
    %sum = linalg.generic {indexing_maps = [affine_map<(r, f) -> (r, f)>, affine_map<(r, f) -> (f)>],
                           iterator_types = ["reduction", "parallel"]}
        ins(%h : tensor<?x8xf32>) outs(%zero : tensor<8xf32>) {
    ^bb0(%a: f32, %c: f32):
      %e = arith.addf %a, %c : f32
      linalg.yield %e : f32
    } -> tensor<8xf32>
    seq.yield %sum : tensor<8xf32>
  }
}

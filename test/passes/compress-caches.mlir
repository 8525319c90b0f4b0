// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(compress-caches))" | FileCheck %s --check-prefixes=CHECK,BF16
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(compress-caches{kv=f32}))" | FileCheck %s --check-prefixes=CHECK,F32
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(compress-caches{kv=int8}))" | FileCheck %s --check-prefixes=INT8

// What attention reads is rounded; what an elementwise operation reads is not.
// CHECK-LABEL: seq.program @model
// BF16: seq.cross @k : tensor<?x4xbf16>
// F32: seq.cross @k : tensor<?x4xf32>
// CHECK: seq.cross @gate : tensor<4xf32>
// BF16: seq.state @self : tensor<?x4xbf16>
// F32: seq.state @self : tensor<?x4xf32>
// CHECK: seq.bind
// BF16: arith.truncf
// BF16: seq.store @k, %{{.*}} : tensor<?x4xbf16>
// F32: seq.store @k, %{{.*}} : tensor<?x4xf32>
// CHECK: seq.store @gate, %{{.*}} : tensor<4xf32>
// CHECK: seq.step
// BF16: seq.load @k : !seq.cache<8, 4, bf16>
// BF16: seq.cache_append @self, {{.*}} -> !seq.cache<8, 4, bf16>
// F32: seq.cache_append @self, {{.*}} -> !seq.cache<8, 4, f32>
#id = affine_map<(i, j) -> (i, j)>
seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.cross @k : tensor<?x4xf32>
  seq.cross @gate : tensor<4xf32>
  seq.state @self : tensor<?x4xf32>
  seq.bind(%m: tensor<?x4xf32>, %g: tensor<4xf32>) {
    seq.store @k, %m : tensor<?x4xf32>
    seq.store @gate, %g : tensor<4xf32>
    seq.yield
  }
  seq.step(%x: tensor<?x4xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %k = seq.load @k : !seq.cache<8, 4, f32>
    %g = seq.load @gate rows(%slot : tensor<?xi32>) : tensor<?x4xf32>
    %n = seq.length target : index
    %e = tensor.empty(%n) : tensor<?x4xf32>
    %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%x, %g : tensor<?x4xf32>, tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %s = arith.mulf %p, %q : f32
      linalg.yield %s : f32
    } -> tensor<?x4xf32>
    %s = seq.cache_append @self, %y rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xf32> -> !seq.cache<8, 4, f32>
    %a = seq.attention %y, %s, %s rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        {causal, heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64}
        : tensor<?x4xf32>, !seq.cache<8, 4, f32>, !seq.cache<8, 4, f32> -> tensor<?x4xf32>
    %b = seq.attention %a, %k, %k rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        {heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64}
        : tensor<?x4xf32>, !seq.cache<8, 4, f32>, !seq.cache<8, 4, f32> -> tensor<?x4xf32>
    seq.yield %b : tensor<?x4xf32>
  }
}

// Keys and values that attention reads together become codes, with a scale for each row and head; one that is
// both keys and values, as here in the attention over @self, is rounded.
// INT8-LABEL: seq.program @model
// INT8: seq.cross @k : tensor<?x4xbf16>
// INT8: seq.state @self : tensor<?x4xbf16>
// INT8-LABEL: seq.program @codes
// INT8: seq.cross @k.scale : tensor<?x2xf32>
// INT8: seq.cross @k : tensor<?x4xi8>
// INT8: seq.cross @v.scale : tensor<?x2xf32>
// INT8: seq.cross @v : tensor<?x4xi8>
// INT8: seq.state @sk.scale : tensor<?x2xf32>
// INT8: seq.state @sk : tensor<?x4xi8>
// INT8: seq.state @sv.scale : tensor<?x2xf32>
// INT8: seq.state @sv : tensor<?x4xi8>
// INT8: seq.bind(%[[M:.*]]: tensor<?x4xf32>)
// INT8: %[[HEADS:.*]] = tensor.expand_shape %[[M]] {{.*}} into tensor<?x2x2xf32>
// INT8: %[[FLAT:.*]] = tensor.collapse_shape %[[HEADS]] {{.*}} into tensor<?x2xf32>
// INT8: %[[CODES:.*]], %[[SCALES:.*]] = seq.quantize %[[FLAT]] : tensor<?x2xf32> -> tensor<?x2xi8>, tensor<?xf32>
// INT8: %[[PIECES:.*]] = tensor.expand_shape %[[CODES]] {{.*}} into tensor<?x2x2xi8>
// INT8: %[[ROWS:.*]] = tensor.collapse_shape %[[PIECES]] {{.*}} into tensor<?x4xi8>
// INT8: %[[OF_HEADS:.*]] = tensor.expand_shape %[[SCALES]] {{.*}} into tensor<?x2xf32>
// INT8: seq.store @k.scale, %[[OF_HEADS]] : tensor<?x2xf32>
// INT8: seq.store @k, %[[ROWS]] : tensor<?x4xi8>
// INT8: seq.step
// INT8-DAG: %[[K:.*]] = seq.load @k : !seq.cache<8, 4, i8>
// INT8-DAG: %[[V:.*]] = seq.load @v : !seq.cache<8, 4, i8>
// INT8-DAG: %[[KS:.*]] = seq.load @k.scale : !seq.cache<8, 2, f32>
// INT8-DAG: %[[VS:.*]] = seq.load @v.scale : !seq.cache<8, 2, f32>
// INT8: seq.attention %{{.*}}, %[[K]], %[[V]] scales(%[[KS]], %[[VS]]
// INT8: seq.cache_append @sk.scale, %{{.*}} : tensor<?x2xf32> -> !seq.cache<8, 2, f32>
// INT8: seq.cache_append @sk, %{{.*}} : tensor<?x4xi8> -> !seq.cache<8, 4, i8>
seq.program @codes attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.cross @k : tensor<?x4xf32>
  seq.cross @v : tensor<?x4xf32>
  seq.state @sk : tensor<?x4xf32>
  seq.state @sv : tensor<?x4xf32>
  seq.bind(%m: tensor<?x4xf32>) {
    seq.store @k, %m : tensor<?x4xf32>
    seq.store @v, %m : tensor<?x4xf32>
    seq.yield
  }
  seq.step(%x: tensor<?x4xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %k = seq.load @k : !seq.cache<8, 4, f32>
    %v = seq.load @v : !seq.cache<8, 4, f32>
    %a = seq.attention %x, %k, %v rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x4xf32>, !seq.cache<8, 4, f32>, !seq.cache<8, 4, f32> -> tensor<?x4xf32>
    %sk = seq.cache_append @sk, %a rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xf32> -> !seq.cache<8, 4, f32>
    %sv = seq.cache_append @sv, %a rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xf32> -> !seq.cache<8, 4, f32>
    %b = seq.attention %x, %sk, %sv rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        {causal, heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x4xf32>, !seq.cache<8, 4, f32>, !seq.cache<8, 4, f32> -> tensor<?x4xf32>
    seq.yield %b : tensor<?x4xf32>
  }
}

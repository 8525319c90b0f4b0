// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(lay-out-caches))" | FileCheck %s

// What attention alone reads gets blocks, and so does what it reads with it; codes are paired. A cache that
// something else reads keeps its rows, and so does what attention reads together with it.
// CHECK-LABEL: seq.program @model
// CHECK-DAG: seq.cross @k blocks of 128 : tensor<?x2x128x2xbf16>
// CHECK-DAG: seq.cross @v blocks of 128 : tensor<3x2x128x3xf32>
// CHECK-DAG: seq.state @codes blocks of 32 : tensor<1x2x2x1x16x2xi8>
// CHECK-DAG: seq.state @codes.scale blocks of 32 : tensor<1x2x32x1xf32>
// CHECK-DAG: seq.state @sums : tensor<?x4xf32>
// CHECK-DAG: seq.state @with_sums : tensor<?x4xf32>
// CHECK-DAG: seq.state @value_codes blocks of 32 : tensor<1x2x16x2x2xi8>
// CHECK: seq.bind(%[[M:.*]]: tensor<?x4xbf16>, %[[N:.*]]: tensor<300x6xf32>)
// CHECK: %[[ROWS:.*]] = tensor.dim %[[M]]
// CHECK: %[[COUNT:.*]] = affine.apply {{.*}}%[[ROWS]]
// CHECK: tensor.empty(%[[COUNT]]) : tensor<?x2x128x2xbf16>
// CHECK: %[[LAST:.*]] = arith.subi %[[ROWS]]
// CHECK: %[[ROW:.*]] = arith.minsi %{{.*}}, %[[LAST]]
// CHECK: tensor.extract %[[M]][%[[ROW]], %{{.*}}]
// CHECK: seq.store @k, %{{.*}} : tensor<?x2x128x2xbf16>
// CHECK: seq.store @v, %{{.*}} : tensor<3x2x128x3xf32>
// CHECK: seq.load @k : !seq.cache<300, 4, bf16, <2 x 128, rows>>
// CHECK: seq.cache_append @codes, %{{.*}} -> !seq.cache<20, 4, i8, <2 x 32, feature_pairs>>
// CHECK: seq.cache_append @codes.scale, %{{.*}} -> !seq.cache<20, 2, f32, <2 x 32, rows>>
// CHECK: seq.cache_append @value_codes, %{{.*}} -> !seq.cache<20, 4, i8, <2 x 32, row_pairs>>
// CHECK: seq.cache_append @sums, %{{.*}} -> !seq.cache<20, 4, f32>
seq.program @model attributes {max_source = 300 : i64, max_target = 20 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.cross @k : tensor<?x4xbf16>
  seq.cross @v : tensor<300x6xf32>
  seq.state @codes : tensor<?x4xi8>
  seq.state @codes.scale : tensor<?x2xf32>
  seq.state @value_codes : tensor<?x4xi8>
  seq.state @sums : tensor<?x4xf32>
  seq.state @with_sums : tensor<?x4xf32>
  seq.bind(%m: tensor<?x4xbf16>, %n: tensor<300x6xf32>) {
    seq.store @k, %m : tensor<?x4xbf16>
    seq.store @v, %n : tensor<300x6xf32>
    seq.yield
  }
  seq.step(%x: tensor<?x4xf32>, %c: tensor<?x4xi8>, %s: tensor<?x2xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %k = seq.load @k : !seq.cache<300, 4, bf16>
    %v = seq.load @v : !seq.cache<300, 6, f32>
    %a = seq.attention %x, %k, %v rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x4xf32>, !seq.cache<300, 4, bf16>, !seq.cache<300, 6, f32> -> tensor<?x6xf32>
    %ck = seq.cache_append @codes, %c rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xi8> -> !seq.cache<20, 4, i8>
    %cs = seq.cache_append @codes.scale, %s rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x2xf32> -> !seq.cache<20, 2, f32>
    %cv = seq.cache_append @value_codes, %c rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xi8> -> !seq.cache<20, 4, i8>
    %b = seq.attention %x, %ck, %cv scales(%cs, %cs : !seq.cache<20, 2, f32>, !seq.cache<20, 2, f32>)
        rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        {causal, heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x4xf32>, !seq.cache<20, 4, i8>, !seq.cache<20, 4, i8> -> tensor<?x4xf32>
    %t = seq.cache_append @sums, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xf32> -> !seq.cache<20, 4, f32>
    %w = seq.cache_append @with_sums, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xf32> -> !seq.cache<20, 4, f32>
    %sum = seq.prefix_sum %t rows(%slot, %position : tensor<?xi32>, tensor<?xi32>) : !seq.cache<20, 4, f32> -> tensor<?x4xf32>
    %d = seq.attention %sum, %t, %w rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        {causal, heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x4xf32>, !seq.cache<20, 4, f32>, !seq.cache<20, 4, f32> -> tensor<?x4xf32>
    seq.yield %a, %b, %d : tensor<?x6xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  }
}

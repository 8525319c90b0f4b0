// RUN: halyard-opt %s --pass-pipeline='builtin.module(seq.program(flatten-rows),canonicalize)' | FileCheck %s

// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK: seq.step(%[[TOKENS:.*]]: tensor<?xi64>, %[[SLOT:.*]]: tensor<?xi32>, %[[POSITION:.*]]: tensor<?xi32>)
// Cross-attention reads a cache; a value of the source that is not attended to is one value per row.
// CHECK-DAG: %[[CROSS:.*]] = seq.load @cross.0.k : !seq.cache<32, 8, f32>
// CHECK-DAG: %[[MASK:.*]] = seq.load @cross.0.mask : !seq.cache<32, 1, f32>
// CHECK-DAG: seq.load @source.0 rows(%[[SLOT]] : tensor<?xi32>) : tensor<?x8xf32>
// A positional table is gathered by position.
// CHECK: linalg.generic {indexing_maps = [#[[ROW]], #{{.*}}]{{.*}} ins(%[[POSITION]] : tensor<?xi32>)
// CHECK:   tensor.extract %[[TABLE:.*]][
// Caches are written and read by slot and position.
// CHECK: %[[KEYS:.*]] = seq.cache_append @self.0.k, %{{.*}} rows(%[[SLOT]], %[[POSITION]] : tensor<?xi32>, tensor<?xi32>) : tensor<?x8xf32> -> !seq.cache<16, 8, f32>
// CHECK: seq.attention %{{.*}}, %[[KEYS]], %[[KEYS]] rows(%[[SLOT]], %[[POSITION]] : tensor<?xi32>, tensor<?xi32>) {causal
// CHECK: seq.attention %{{.*}}, %[[CROSS]], %[[CROSS]] mask(%[[MASK]] : !seq.cache<32, 1, f32>) rows(%[[SLOT]], %[[POSITION]]
#rows = affine_map<(r, f) -> (r, f)>
#features = affine_map<(r, f) -> (f)>
seq.program @model attributes {max_source = 32 : i64, max_target = 16 : i64, max_rows = 4 : i64, slots = 2 : i64} {
  seq.state @self.0.k : tensor<?x8xf32>
  seq.cross @cross.0.k : tensor<?x8xf32>
  seq.cross @cross.0.mask : tensor<?x1xf32>
  seq.cross @source.0 : tensor<8xf32>
  seq.step(%tokens: tensor<1x?xi64>) attributes {mode = 0 : i32} {
    %table = arith.constant dense_resource<positions> : tensor<16x8xf32>
    %cross = seq.load @cross.0.k : tensor<?x8xf32>
    %mask = seq.load @cross.0.mask : tensor<?x1xf32>
    %source = seq.load @source.0 : tensor<8xf32>
    %t = seq.length target : index
    %empty = tensor.empty(%t) : tensor<?x8xf32>
    %ids = tensor.collapse_shape %tokens [[0, 1]] : tensor<1x?xi64> into tensor<?xi64>
    %p = tensor.extract_slice %table[0, 0] [%t, 8] [1, 1] : tensor<16x8xf32> to tensor<?x8xf32>
    %h = linalg.generic {indexing_maps = [affine_map<(r, f) -> (r)>, #rows, #rows],
                         iterator_types = ["parallel", "parallel"]}
        ins(%ids, %p : tensor<?xi64>, tensor<?x8xf32>) outs(%empty : tensor<?x8xf32>) {
    ^bb0(%a: i64, %b: f32, %c: f32):
      %d = arith.sitofp %a : i64 to f32
      %e = arith.addf %d, %b : f32
      linalg.yield %e : f32
    } -> tensor<?x8xf32>
    %k = seq.cache_append @self.0.k, %h : tensor<?x8xf32> -> tensor<?x8xf32>
    %o = seq.attention %h, %k, %k {causal, heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    %q = seq.attention %o, %cross, %cross mask(%mask : tensor<?x1xf32>) {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    %y = linalg.generic {indexing_maps = [#rows, #features, #rows], iterator_types = ["parallel", "parallel"]}
        ins(%q, %source : tensor<?x8xf32>, tensor<8xf32>) outs(%empty : tensor<?x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %e = arith.addf %a, %b : f32
      linalg.yield %e : f32
    } -> tensor<?x8xf32>
    seq.yield %y : tensor<?x8xf32>
  }
}
{-#
  dialect_resources: {
    builtin: {
      positions: "0x04000000000000002549123e2549923eb76ddb3e2549123f6edb363fb76d5b3f0000803f2549923f4992a43f6edbb63f9224c93fb76ddb3fdbb6ed3f000000409224094025491240b76d1b4049922440dbb62d406edb3640000040409224494025495240b76d5b4049926440dbb66d406edb7640000080404992844092248940dbb68d40254992406edb9640b76d9b400000a0404992a4409224a940dbb6ad402549b2406edbb640b76dbb400000c0404992c4409224c940dbb6cd402549d2406edbd640b76ddb400000e0404992e4409224e940dbb6ed402549f2406edbf640b76dfb400000004125490241499204416edb064192240941b76d0b41dbb60d410000104125491241499214416edb164192241941b76d1b41dbb61d410000204125492241499224416edb264192242941b76d2b41dbb62d410000304125493241499234416edb364192243941b76d3b41dbb63d410000404125494241499244416edb464192244941b76d4b41dbb64d410000504125495241499254416edb564192245941b76d5b41dbb65d410000604125496241499264416edb664192246941b76d6b41dbb66d410000704125497241499274416edb764192247941b76d7b41dbb67d41000080419224814125498241b76d834149928441dbb685416edb8641000088419224894125498a41b76d8b4149928c41dbb68d416edb8e410000904192249141"
    }
  }
#-}

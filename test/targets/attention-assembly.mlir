// What the inner loops of attention are made of: multiply-adds of whole vectors, no gathers, and accumulators
// that stay in registers.
// RUN: split-file %s %t
// RUN: kernel-bench %t/tensors.mlir --target x86-64-v4 --assembly | %python %S/Inputs/loops.py | FileCheck %t/tensors.mlir
// RUN: kernel-bench %t/tensors.mlir --target x86-64 --assembly | %python %S/Inputs/loops.py | FileCheck %t/tensors.mlir --check-prefix=V3
// RUN: kernel-bench %t/caches.mlir --target x86-64-v4 --assembly | %python %S/Inputs/loops.py | FileCheck %t/caches.mlir
// RUN: kernel-bench %t/caches.mlir --target x86-64 --assembly | %python %S/Inputs/loops.py | FileCheck %t/caches.mlir --check-prefix=V3

//--- tensors.mlir
// Two vectors of queries by eight keys (four with fewer registers), and of features by as many queries.
// CHECK-NOT: gathers
// CHECK-DAG: {{_piece0.*}}: 16 multiply-adds of 16{{$}}
// CHECK-DAG: {{_piece32.*}}: 16 multiply-adds of 16{{$}}
// CHECK-DAG: {{_(sum|mixed).*}}: 16 multiply-adds of 16{{$}}
// V3-NOT: gathers
// V3-DAG: {{_piece0.*}}: 8 multiply-adds of 8{{$}}
// V3-DAG: {{_piece32.*}}: 8 multiply-adds of 8{{$}}
// V3-DAG: {{_(sum|mixed).*}}: 8 multiply-adds of 8{{$}}
func.func @tensors(%q: tensor<?x512xf32>, %k: tensor<?x512xf32>, %v: tensor<?x512xf32>) -> tensor<?x512xf32> {
  %o = seq.attention %q, %k, %v {heads = 8 : i64, kv_heads = 8 : i64, scale = 0.125 : f64}
      : tensor<?x512xf32>, tensor<?x512xf32>, tensor<?x512xf32> -> tensor<?x512xf32>
  return %o : tensor<?x512xf32>
}

//--- caches.mlir
// A vector of keys at a time: for scores four (eight) vectors of features each, of which the first is a product
// only, then shuffles that add up a vector for each key, and one store. For sums all keys by all features.
// CHECK: _score{{.*}}: 48 multiply-adds of 16, 30 shuffles, 2 stack{{$}}
// CHECK: _sum{{.*}}: 64 multiply-adds of 16{{$}}
// V3: _score{{.*}}: 56 multiply-adds of 8, 15 shuffles, 1 stack{{$}}
// V3: _sum{{.*}}: 64 multiply-adds of 8{{$}}
func.func @caches(%q: tensor<?x512xf32>, %k: !seq.cache<512,512,f32>, %v: !seq.cache<512,512,f32>,
                  %slot: tensor<?xi32>, %position: tensor<?xi32>, %rows : tensor<?xi32> {seq.source_rows})
    -> tensor<?x512xf32> {
  %o = seq.attention %q, %k, %v rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
      {heads = 8 : i64, kv_heads = 8 : i64, scale = 1.0 : f64}
      : tensor<?x512xf32>, !seq.cache<512,512,f32>, !seq.cache<512,512,f32> -> tensor<?x512xf32>
  return %o : tensor<?x512xf32>
}

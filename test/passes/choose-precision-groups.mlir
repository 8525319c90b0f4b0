// RUN: split-file %s %t
// RUN: halyard-opt %t/model.mlir --pass-pipeline="builtin.module(seq.program(choose-precision{weights=f32 except=embeddings=int8,encoder-attention=bf16,encoder-feed-forward=int8,bind=int4,decoder-self-attention=bf16,decoder-cross-attention=int8,decoder-feed-forward=int4,decoder-feed-forward.1=bf16,head=int4}))" | FileCheck %t/model.mlir
// RUN: not halyard-opt %t/model.mlir --pass-pipeline="builtin.module(seq.program(choose-precision{weights=int8 except=tail=bf16}))" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not halyard-opt %t/model.mlir --pass-pipeline="builtin.module(seq.program(choose-precision{weights=int8 except=bind.2=bf16}))" 2>&1 | FileCheck %s --check-prefix=INDEX
// RUN: not halyard-opt %t/model.mlir --pass-pipeline="builtin.module(seq.program(choose-precision{weights=int8 except=head=int3}))" 2>&1 | FileCheck %s --check-prefix=PRECISION

// NAME: error: there is no weight 'tail'; groups are embeddings, encoder-attention,
// INDEX: error: there is no weight 'bind.2'
// PRECISION: error: 'head=int3': expected NAME=f32, bf16, f16, int8 or int4

//--- model.mlir
// Groups follow from stages and from what reads what, lengths not counted; a single weight goes before its group. What runs once per source
// has no form of 4 bits.
#one = affine_map<(i, k) -> (i)>
#two = affine_map<(i, k) -> (i, k)>
seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.cross @key : tensor<?x16xf32>
  seq.state @own : tensor<?x16xf32>
  // CHECK: seq.encode
  // CHECK: tensor.extract %{{.*}} {seq.precision = "int8"} : tensor<512x16xf32>
  // CHECK: %[[Q:.*]] = linalg.matmul {seq.precision = "bf16"}
  // CHECK: %[[A:.*]] = seq.attention %{{.*}}, %[[Q]], %[[Q]]
  // CHECK: linalg.matmul {seq.precision = "bf16"} ins(%[[A]],
  // CHECK: linalg.matmul {seq.precision = "int8"}
  // CHECK: linalg.matmul {seq.precision = "bf16"}
  // CHECK: seq.attention
  seq.encode(%ids: tensor<?xindex>) {
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %n = tensor.dim %ids, %c0 : tensor<?xindex>
    %table = arith.constant dense<0.5> : tensor<512x16xf32>
    %w = arith.constant dense<0.5> : tensor<16x16xf32>
    %e = tensor.empty(%n) : tensor<?x16xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
    %x = linalg.generic {indexing_maps = [#one, #two], iterator_types = ["parallel", "parallel"]}
        ins(%ids : tensor<?xindex>) outs(%e : tensor<?x16xf32>) {
    ^bb0(%id: index, %out: f32):
      %k = linalg.index 1 : index
      %v = tensor.extract %table[%id, %k] : tensor<512x16xf32>
      linalg.yield %v : f32
    } -> tensor<?x16xf32>
    %q = linalg.matmul ins(%x, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    %scaled = linalg.generic {indexing_maps = [#two, #two], iterator_types = ["parallel", "parallel"]}
        ins(%q : tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %v = arith.addf %in, %in : f32
      linalg.yield %v : f32
    } -> tensor<?x16xf32>
    %a = seq.attention %scaled, %q, %q {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32> -> tensor<?x16xf32>
    %o = linalg.matmul ins(%a, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    %f = linalg.matmul ins(%o, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    %rows = tensor.dim %f, %c0 : tensor<?x16xf32>
    %p = linalg.matmul ins(%f, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    %s = tensor.extract_slice %p[0, 0] [%rows, 16] [1, 1] : tensor<?x16xf32> to tensor<?x16xf32>
    %b = seq.attention %s, %p, %p {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32> -> tensor<?x16xf32>
    seq.yield %b : tensor<?x16xf32>
  }
  // CHECK: seq.bind
  // CHECK: linalg.matmul {seq.precision = "int8"}
  seq.bind(%memory: tensor<?x16xf32>) {
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %n = tensor.dim %memory, %c0 : tensor<?x16xf32>
    %w = arith.constant dense<0.5> : tensor<16x16xf32>
    %e = tensor.empty(%n) : tensor<?x16xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
    %k = linalg.matmul ins(%memory, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    seq.store @key, %k : tensor<?x16xf32>
    seq.yield
  }
  // CHECK: seq.step
  // CHECK: linalg.matmul {seq.precision = "bf16"}
  // CHECK: seq.attention {{.*}}causal
  // CHECK: linalg.matmul {seq.precision = "bf16"}
  // CHECK: linalg.matmul {seq.precision = "int8"}
  // CHECK: seq.attention
  // CHECK: linalg.matmul {seq.precision = "int8"}
  // CHECK: linalg.matmul {seq.precision = "int4"}
  // CHECK: linalg.matmul {seq.precision = "bf16"}
  // CHECK: %[[LOGITS:.*]] = linalg.matmul {seq.precision = "int4"}
  // CHECK: seq.yield %[[LOGITS]]
  seq.step(%x: tensor<?x16xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %n = tensor.dim %x, %c0 : tensor<?x16xf32>
    %w = arith.constant dense<0.5> : tensor<16x16xf32>
    %e = tensor.empty(%n) : tensor<?x16xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
    %q = linalg.matmul ins(%x, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    %k = seq.cache_append @own, %q rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x16xf32> -> !seq.cache<8, 16, f32>
    %a = seq.attention %q, %k, %k rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        {causal, heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x16xf32>, !seq.cache<8, 16, f32>, !seq.cache<8, 16, f32> -> tensor<?x16xf32>
    %o = linalg.matmul ins(%a, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    %cq = linalg.matmul ins(%o, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    %ck = seq.load @key : !seq.cache<8, 16, f32>
    %c = seq.attention %cq, %ck, %ck rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
        : tensor<?x16xf32>, !seq.cache<8, 16, f32>, !seq.cache<8, 16, f32> -> tensor<?x16xf32>
    %co = linalg.matmul ins(%c, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    %f = linalg.matmul ins(%co, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    %g = linalg.matmul ins(%f, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    %logits = linalg.matmul ins(%g, %w : tensor<?x16xf32>, tensor<16x16xf32>) outs(%zeros : tensor<?x16xf32>) -> tensor<?x16xf32>
    seq.yield %logits : tensor<?x16xf32>
  }
}

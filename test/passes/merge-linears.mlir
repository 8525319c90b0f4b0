// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(merge-linears,canonicalize,cse))" --split-input-file | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>
#vector = affine_map<(i, j) -> (j)>

// Two layers that read the same rows, one of them with a bias: matrices and biases side by side. The third reads other
// rows.
// CHECK-LABEL: seq.program @merged
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00, 5.000000e+00], [3.000000e+00, 4.000000e+00, 6.000000e+00]]> : tensor<2x3xf32>
// CHECK-DAG: %[[B:.*]] = arith.constant dense<[7.000000e+00, 8.000000e+00, 0.000000e+00]> : tensor<3xf32>
// CHECK: %[[H:.*]] = linalg.matmul ins(%[[X:.*]], %[[W]] : tensor<?x2xf32>, tensor<2x3xf32>)
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[H]], %[[B]] : tensor<?x3xf32>, tensor<3xf32>)
// CHECK: %[[P:.*]] = tensor.extract_slice %[[Y]][0, 0] [%{{.*}}, 2] [1, 1]
// CHECK: %[[Q:.*]] = tensor.extract_slice %[[Y]][0, 2] [%{{.*}}, 1] [1, 1]
// CHECK: linalg.matmul ins(%[[P]]
// CHECK: seq.cache_append @state, %[[Q]]
seq.program @merged attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.state @state : tensor<?x1xf32>
  seq.step(%x: tensor<?x2xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %w = arith.constant dense<[[1., 2.], [3., 4.]]> : tensor<2x2xf32>
    %v = arith.constant dense<[[5.], [6.]]> : tensor<2x1xf32>
    %bias = arith.constant dense<[7., 8.]> : tensor<2xf32>
    %zero = arith.constant 0.0 : f32
    %n = seq.length target : index
    %e = tensor.empty(%n) : tensor<?x2xf32>
    %f = tensor.empty(%n) : tensor<?x1xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<?x2xf32>) -> tensor<?x2xf32>
    %zeros1 = linalg.fill ins(%zero : f32) outs(%f : tensor<?x1xf32>) -> tensor<?x1xf32>
    %a = linalg.matmul ins(%x, %w : tensor<?x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<?x2xf32>) -> tensor<?x2xf32>
    %ab = linalg.generic {indexing_maps = [#vector, #id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%bias, %a : tensor<2xf32>, tensor<?x2xf32>) outs(%e : tensor<?x2xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %s = arith.addf %p, %q : f32
      linalg.yield %s : f32
    } -> tensor<?x2xf32>
    %b = linalg.matmul ins(%x, %v : tensor<?x2xf32>, tensor<2x1xf32>) outs(%zeros1 : tensor<?x1xf32>) -> tensor<?x1xf32>
    %c = linalg.matmul ins(%ab, %w : tensor<?x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<?x2xf32>) -> tensor<?x2xf32>
    %cache = seq.cache_append @state, %b rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x1xf32> -> !seq.cache<8, 1, f32>
    seq.yield %c : tensor<?x2xf32>
  }
}

// -----

// What bind keeps stays apart, and so does a result that is the stage's.
// CHECK-LABEL: seq.program @kept
// CHECK-COUNT-2: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<?x2xf32>, tensor<2x2xf32>)
seq.program @kept attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.cross @k : tensor<?x2xf32>
  seq.cross @v : tensor<?x2xf32>
  seq.bind(%x: tensor<?x2xf32>) {
    %w = arith.constant dense<[[1., 2.], [3., 4.]]> : tensor<2x2xf32>
    %v = arith.constant dense<[[5., 6.], [7., 8.]]> : tensor<2x2xf32>
    %zero = arith.constant 0.0 : f32
    %n = seq.length source : index
    %e = tensor.empty(%n) : tensor<?x2xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<?x2xf32>) -> tensor<?x2xf32>
    %a = linalg.matmul ins(%x, %w : tensor<?x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<?x2xf32>) -> tensor<?x2xf32>
    %b = linalg.matmul ins(%x, %v : tensor<?x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<?x2xf32>) -> tensor<?x2xf32>
    seq.store @k, %a : tensor<?x2xf32>
    seq.store @v, %b : tensor<?x2xf32>
    seq.yield
  }
}

// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(drop-unit-axes,canonicalize,cse))" --split-input-file | FileCheck %s

#act = affine_map<(b, i, j, k) -> (b, i, k)>
#matrix = affine_map<(b, i, j, k) -> (k, j)>
#out = affine_map<(b, i, j, k) -> (b, i, j)>
// The batch axis goes, and with it the reshapes around the norm.
// CHECK-LABEL: seq.program @batch
// CHECK: seq.encode(%[[X:.*]]: tensor<1x?x4xf32>)
// CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]] : tensor<1x?x4xf32> into tensor<?x4xf32>
// CHECK: %[[H:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-SAME: ins(%[[ROWS]], %{{.*}} : tensor<?x4xf32>, tensor<4x8xf32>)
// CHECK-NOT: shape
// CHECK: seq.norm rms %[[H]]
seq.program @batch attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<1x?x4xf32>) {
    %w = arith.constant dense<0.5> : tensor<4x8xf32>
    %scale = arith.constant dense<1.0> : tensor<8xf32>
    %zero = arith.constant 0.0 : f32
    %n = seq.length source : index
    %e = tensor.empty(%n) : tensor<1x?x8xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
    %h = linalg.generic {indexing_maps = [#act, #matrix, #out],
        iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
        ins(%x, %w : tensor<1x?x4xf32>, tensor<4x8xf32>) outs(%zeros : tensor<1x?x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %p = arith.mulf %a, %b : f32
      %s = arith.addf %c, %p : f32
      linalg.yield %s : f32
    } -> tensor<1x?x8xf32>
    %rows = tensor.collapse_shape %h [[0, 1], [2]] : tensor<1x?x8xf32> into tensor<?x8xf32>
    %y = seq.norm rms %rows, %scale {epsilon = 1.0e-6 : f64} : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
    seq.yield %y : tensor<?x8xf32>
  }
}

// -----

#act = affine_map<(b, o, i, c, k) -> (b, c, i + k)>
#filter = affine_map<(b, o, i, c, k) -> (o, c, k)>
#out = affine_map<(b, o, i, c, k) -> (b, o, i)>
// A pointwise convolution is a product with a matrix that shares the filters' elements.
// CHECK-LABEL: seq.program @pointwise
// CHECK: %[[MATRIX:.*]] = arith.constant dense_resource<filters> : tensor<3x2xf32>
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-SAME: ins(%{{.*}}, %[[MATRIX]] : tensor<2x?xf32>, tensor<3x2xf32>)
seq.program @pointwise attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<1x2x?xf32>) {
    %w = arith.constant dense_resource<filters> : tensor<3x2x1xf32>
    %zero = arith.constant 0.0 : f32
    %n = seq.length source : index
    %e = tensor.empty(%n) : tensor<1x3x?xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<1x3x?xf32>) -> tensor<1x3x?xf32>
    %h = linalg.generic {indexing_maps = [#act, #filter, #out],
        iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
        ins(%x, %w : tensor<1x2x?xf32>, tensor<3x2x1xf32>) outs(%zeros : tensor<1x3x?xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %p = arith.mulf %a, %b : f32
      %s = arith.addf %c, %p : f32
      linalg.yield %s : f32
    } -> tensor<1x3x?xf32>
    seq.yield %h : tensor<1x3x?xf32>
  }
}

{-#
  dialect_resources: {
    builtin: {
      filters: "0x040000000000803F0000004000004040000080400000A0400000C040"
    }
  }
#-}

// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(unfold-convolutions,canonicalize,cse))" --split-input-file | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(unfold-convolutions{dense=false},canonicalize,cse))" --split-input-file | FileCheck %s --check-prefix=ALONE

#id = affine_map<(i, j) -> (i, j)>
#column = affine_map<(i, j) -> (i)>
#turned = affine_map<(i, j) -> (j, i)>
#input = affine_map<(o, t, c, k) -> (c, t * 2 + k)>
#weight = affine_map<(o, t, c, k) -> (o, c, k)>
#result = affine_map<(o, t, c, k) -> (o, t)>

// Windows of a padded input are read from the input, channels last; the bias is added to rows, and what was transposed
// for them is not any more.
// CHECK: #[[AT:.*]] = affine_map<()[s0, s1] -> (s0 * 2 + s1)>
// CHECK-LABEL: seq.program @padded
// CHECK-DAG: %[[MATRIX:.*]] = arith.constant dense<{{\[\[}}1.000000e+00, 1.700000e+01], [3.000000e+00, 1.900000e+01], [5.000000e+00
// CHECK: %[[WINDOWS:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<?x2x8xf32>)
// CHECK: affine.apply #[[AT]]()
// CHECK: tensor.extract %{{.*}} : tensor<8x?xf32>
// CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[WINDOWS]] {{\[\[}}0], [1, 2]] : tensor<?x2x8xf32> into tensor<?x16xf32>
// CHECK: %[[Y:.*]] = linalg.matmul ins(%[[ROWS]], %[[MATRIX]] : tensor<?x16xf32>, tensor<16x2xf32>)
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[Y]], %{{.*}} : tensor<?x2xf32>, tensor<2xf32>)
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
// CHECK: seq.yield %[[SUM]]
seq.program @padded attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<8x?xf32>) {
    %w = arith.constant dense<[[[1., 2.], [3., 4.], [5., 6.], [7., 8.], [9., 10.], [11., 12.], [13., 14.], [15., 16.]],
                               [[17., 18.], [19., 20.], [21., 22.], [23., 24.], [25., 26.], [27., 28.], [29., 30.], [31., 32.]]]>
      : tensor<2x8x2xf32>
    %bias = arith.constant dense<[7., 8.]> : tensor<2xf32>
    %zero = arith.constant 0.0 : f32
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %n = seq.length source : index
    %e = tensor.empty(%n) : tensor<8x?xf32>
    %padded = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<8x?xf32>) {
    ^bb0(%out: f32):
      %c = linalg.index 0 : index
      %i = linalg.index 1 : index
      %j = arith.subi %i, %c1 : index
      %at = arith.maxsi %j, %c0 : index
      %inside = arith.cmpi eq, %at, %j : index
      %element = tensor.extract %x[%c, %at] : tensor<8x?xf32>
      %p = arith.select %inside, %element, %zero : f32
      linalg.yield %p : f32
    } -> tensor<8x?xf32>
    %f = tensor.empty(%n) : tensor<2x?xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%f : tensor<2x?xf32>) -> tensor<2x?xf32>
    %y = linalg.generic {indexing_maps = [#input, #weight, #result], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
        ins(%padded, %w : tensor<8x?xf32>, tensor<2x8x2xf32>) outs(%zeros : tensor<2x?xf32>) {
    ^bb0(%p: f32, %q: f32, %sum: f32):
      %product = arith.mulf %p, %q : f32
      %next = arith.addf %sum, %product : f32
      linalg.yield %next : f32
    } -> tensor<2x?xf32>
    %biased = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
        ins(%y, %bias : tensor<2x?xf32>, tensor<2xf32>) outs(%f : tensor<2x?xf32>) {
    ^bb0(%p: f32, %q: f32, %out: f32):
      %s = arith.addf %p, %q : f32
      linalg.yield %s : f32
    } -> tensor<2x?xf32>
    %g = tensor.empty(%n) : tensor<?x2xf32>
    %rows = linalg.generic {indexing_maps = [#turned, #id], iterator_types = ["parallel", "parallel"]}
        ins(%biased : tensor<2x?xf32>) outs(%g : tensor<?x2xf32>) {
    ^bb0(%p: f32, %out: f32):
      linalg.yield %p : f32
    } -> tensor<?x2xf32>
    seq.yield %rows : tensor<?x2xf32>
  }
}

// -----

// Few terms are left alone, and so are an odd number and sums that have more than one position.
// CHECK-LABEL: seq.program @left
// CHECK-NOT: linalg.matmul
// CHECK: seq.yield
seq.program @left attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<1x9xf32>, %z: tensor<1x40xf32>, %image: tensor<9x9xf32>) {
    %zero = arith.constant 0.0 : f32
    %few = arith.constant dense<1.0> : tensor<2x1x2xf32>
    %odd = arith.constant dense<1.0> : tensor<2x1x17xf32>
    %square = arith.constant dense<1.0> : tensor<2x6x6xf32>
    %e = tensor.empty() : tensor<2x4xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
    %e3 = tensor.empty() : tensor<2x4x4xf32>
    %zeros3 = linalg.fill ins(%zero : f32) outs(%e3 : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
    %a = linalg.generic {indexing_maps = [affine_map<(o, t, c, k) -> (c, t * 2 + k)>, affine_map<(o, t, c, k) -> (o, c, k)>,
                                          affine_map<(o, t, c, k) -> (o, t)>],
        iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
        ins(%x, %few : tensor<1x9xf32>, tensor<2x1x2xf32>) outs(%zeros : tensor<2x4xf32>) {
    ^bb0(%p: f32, %q: f32, %sum: f32):
      %product = arith.mulf %p, %q : f32
      %next = arith.addf %sum, %product : f32
      linalg.yield %next : f32
    } -> tensor<2x4xf32>
    %b = linalg.generic {indexing_maps = [affine_map<(o, t, c, k) -> (c, t * 2 + k)>, affine_map<(o, t, c, k) -> (o, c, k)>,
                                          affine_map<(o, t, c, k) -> (o, t)>],
        iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
        ins(%z, %odd : tensor<1x40xf32>, tensor<2x1x17xf32>) outs(%a : tensor<2x4xf32>) {
    ^bb0(%p: f32, %q: f32, %sum: f32):
      %product = arith.mulf %p, %q : f32
      %next = arith.addf %sum, %product : f32
      linalg.yield %next : f32
    } -> tensor<2x4xf32>
    %c = linalg.generic {indexing_maps = [affine_map<(o, t, u, k, l) -> (t + k, u + l)>, affine_map<(o, t, u, k, l) -> (o, k, l)>,
                                          affine_map<(o, t, u, k, l) -> (o, t, u)>],
        iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
        ins(%image, %square : tensor<9x9xf32>, tensor<2x6x6xf32>) outs(%zeros3 : tensor<2x4x4xf32>) {
    ^bb0(%p: f32, %q: f32, %sum: f32):
      %product = arith.mulf %p, %q : f32
      %next = arith.addf %sum, %product : f32
      linalg.yield %next : f32
    } -> tensor<2x4x4xf32>
    seq.yield %b, %c : tensor<2x4xf32>, tensor<2x4x4xf32>
  }
}

// -----

#patch = affine_map<(o, y, x, c, i, j) -> (c, y * 2 + i, x * 2 + j)>
#filter = affine_map<(o, y, x, c, i, j) -> (o, c, i, j)>
#place = affine_map<(o, y, x, c, i, j) -> (o, y, x)>

// Patches of an image lie side by side: their elements are only moved, whatever the precision of weights.
// CHECK-LABEL: seq.program @patches
// CHECK: %[[MOVED:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<4x6x4xf32>) outs(%{{.*}} : tensor<3x2x2x2x4xf32>)
// CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[MOVED]] {{\[\[}}0, 1], [2, 3, 4]] : tensor<3x2x2x2x4xf32> into tensor<6x16xf32>
// CHECK: %[[PRODUCT:.*]] = linalg.matmul ins(%[[ROWS]], %{{.*}} : tensor<6x16xf32>, tensor<16x5xf32>)
// CHECK: %[[TURNED:.*]] = linalg.generic {{.*}} ins(%[[PRODUCT]] : tensor<6x5xf32>) outs(%{{.*}} : tensor<5x6xf32>)
// CHECK: tensor.expand_shape %[[TURNED]] {{\[\[}}0], [1, 2]] output_shape [5, 3, 2] : tensor<5x6xf32> into tensor<5x3x2xf32>
// ALONE-LABEL: seq.program @patches
// ALONE: linalg.matmul
seq.program @patches attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<4x6x4xf32>) {
    %w = arith.constant dense<1.0> : tensor<5x4x2x2xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<5x3x2xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<5x3x2xf32>) -> tensor<5x3x2xf32>
    %y = linalg.generic {indexing_maps = [#patch, #filter, #place],
        iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
        ins(%x, %w : tensor<4x6x4xf32>, tensor<5x4x2x2xf32>) outs(%zeros : tensor<5x3x2xf32>) {
    ^bb0(%p: f32, %q: f32, %sum: f32):
      %product = arith.mulf %p, %q : f32
      %next = arith.addf %sum, %product : f32
      linalg.yield %next : f32
    } -> tensor<5x3x2xf32>
    seq.yield %y : tensor<5x3x2xf32>
  }
}

// -----

#patch = affine_map<(o, y, x, c, i, j) -> (c, y + i, x + j)>
#filter = affine_map<(o, y, x, c, i, j) -> (o, c, i, j)>
#place = affine_map<(o, y, x, c, i, j) -> (o, y, x)>

// Windows of 4 x 4 at every position would be sixteen times as large as the image.
// CHECK-LABEL: seq.program @dense
// CHECK-NOT: linalg.matmul
// ALONE-LABEL: seq.program @dense
// ALONE-NOT: linalg.matmul
seq.program @dense attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<4x35x35xf32>) {
    %w = arith.constant dense<1.0> : tensor<5x4x4x4xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<5x32x32xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<5x32x32xf32>) -> tensor<5x32x32xf32>
    %y = linalg.generic {indexing_maps = [#patch, #filter, #place],
        iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
        ins(%x, %w : tensor<4x35x35xf32>, tensor<5x4x4x4xf32>) outs(%zeros : tensor<5x32x32xf32>) {
    ^bb0(%p: f32, %q: f32, %sum: f32):
      %product = arith.mulf %p, %q : f32
      %next = arith.addf %sum, %product : f32
      linalg.yield %next : f32
    } -> tensor<5x32x32xf32>
    seq.yield %y : tensor<5x32x32xf32>
  }
}

// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(form-dispatches))" --split-input-file | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(form-dispatches{deterministic=true}))" --split-input-file | FileCheck %s --check-prefix=SAME

#lhs = affine_map<(i, j, k) -> (i, k)>
#rhs = affine_map<(i, j, k) -> (k, j)>
#out = affine_map<(i, j, k) -> (i, j)>
#id = affine_map<(i, j) -> (i, j)>
#bias = affine_map<(i, j) -> (j)>
// Two layers: a contraction and its bias are one kernel, and both layers share it.
// CHECK-LABEL: seq.program @layers
// CHECK: func.func private @kernel_0(%{{.*}}: tensor<?x4xf32>, %{{.*}}: tensor<4x4xf32>, %[[N:.*]]: index, %{{.*}}: tensor<4xf32>) -> tensor<?x4xf32>
// CHECK-SAME: attributes {seq.max_rows = 2
// SAME: func.func private @kernel_0
// SAME-SAME: seq.deterministic
// CHECK: tensor.empty(%[[N]])
// CHECK: linalg.fill
// CHECK: linalg.generic
// CHECK: arith.mulf
// CHECK: linalg.generic
// CHECK: return
// CHECK-NOT: func.func
// CHECK: seq.step
// CHECK: %[[T:.*]] = seq.length target : index
// CHECK: %[[A:.*]] = rt.dispatch @kernel_0(%{{.*}}, %{{.*}}, %[[T]], %{{.*}}) extents(%[[T]])
// CHECK: %[[B:.*]] = rt.dispatch @kernel_0(%[[A]], %{{.*}}, %[[T]], %{{.*}}) extents(%[[T]])
// CHECK: seq.yield %[[B]]
seq.program @layers attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.step(%x: tensor<?x4xf32>) {
    %w0 = arith.constant dense<[[1., 2., 3., 4.], [5., 6., 7., 8.], [1., 2., 3., 4.], [5., 6., 7., 8.]]> : tensor<4x4xf32>
    %w1 = arith.constant dense<[[4., 3., 2., 1.], [5., 6., 7., 8.], [1., 2., 3., 4.], [5., 6., 7., 8.]]> : tensor<4x4xf32>
    %b = arith.constant dense<[1., 2., 3., 4.]> : tensor<4xf32>
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %n = tensor.dim %x, %c0 : tensor<?x4xf32>
    %empty = tensor.empty(%n) : tensor<?x4xf32>
    %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x4xf32>) -> tensor<?x4xf32>
    %h = linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%x, %w0 : tensor<?x4xf32>, tensor<4x4xf32>) outs(%init : tensor<?x4xf32>) {
    ^bb0(%p: f32, %q: f32, %c: f32):
      %r = arith.mulf %p, %q : f32
      %s = arith.addf %c, %r : f32
      linalg.yield %s : f32
    } -> tensor<?x4xf32>
    %y = linalg.generic {indexing_maps = [#id, #bias, #id], iterator_types = ["parallel", "parallel"]}
        ins(%h, %b : tensor<?x4xf32>, tensor<4xf32>) outs(%empty : tensor<?x4xf32>) {
    ^bb0(%p: f32, %q: f32, %c: f32):
      %s = arith.addf %p, %q : f32
      linalg.yield %s : f32
    } -> tensor<?x4xf32>
    %h1 = linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%y, %w1 : tensor<?x4xf32>, tensor<4x4xf32>) outs(%init : tensor<?x4xf32>) {
    ^bb0(%p: f32, %q: f32, %c: f32):
      %r = arith.mulf %p, %q : f32
      %s = arith.addf %c, %r : f32
      linalg.yield %s : f32
    } -> tensor<?x4xf32>
    %z = linalg.generic {indexing_maps = [#id, #bias, #id], iterator_types = ["parallel", "parallel"]}
        ins(%h1, %b : tensor<?x4xf32>, tensor<4xf32>) outs(%empty : tensor<?x4xf32>) {
    ^bb0(%p: f32, %q: f32, %c: f32):
      %s = arith.addf %p, %q : f32
      linalg.yield %s : f32
    } -> tensor<?x4xf32>
    seq.yield %z : tensor<?x4xf32>
  }
}

// -----

// Rows of a table are a view; columns of a packed projection are read inside the kernel; attention over a source's rows is
// told how many there are.
// CHECK-LABEL: seq.program @views
// CHECK-SAME: step = {attention_multiply_adds = 64 : i64, multiply_adds = 0 : i64, weight_bytes = 96 : i64}
// CHECK: func.func private @kernel_0(%[[X:.*]]: tensor<?x8xf32>, %[[N:.*]]: index, %{{.*}}: !seq.cache<8, 4, f32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32> {seq.source_rows})
// CHECK: tensor.extract_slice %[[X]][0, 4] [%[[N]], 4] [1, 1]
// CHECK: seq.attention
// CHECK: func.func private @kernel_1(%{{.*}}: tensor<2x4xf32>
// CHECK: seq.norm
// CHECK: seq.step
// CHECK: %[[ROWS:.*]] = tensor.cast %{{.*}} : tensor<3xi32> to tensor<?xi32>
// CHECK: rt.dispatch @kernel_0({{.*}}, %[[ROWS]])
// CHECK: tensor.extract_slice %{{.*}}[3, 0] [2, 4] [1, 1]
// CHECK: rt.dispatch @kernel_1
seq.program @views attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 3 : i64} {
  seq.cross @k : tensor<?x4xf32>
  seq.encode(%source: tensor<1x?x4xf32>) {
    seq.yield %source : tensor<1x?x4xf32>
  }
  seq.bind(%memory: tensor<1x?x4xf32>) {
    %k = tensor.collapse_shape %memory [[0, 1], [2]] : tensor<1x?x4xf32> into tensor<?x4xf32>
    seq.store @k, %k : tensor<?x4xf32>
    seq.yield
  }
  seq.step(%x: tensor<?x8xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %t = seq.length target : index
    %table = arith.constant dense<[[1., 2., 3., 4.], [5., 6., 7., 8.], [1., 2., 3., 4.], [5., 6., 7., 8.], [5., 6., 7., 8.]]> : tensor<5x4xf32>
    %scale = arith.constant dense<[1., 2., 3., 4.]> : tensor<4xf32>
    %q = tensor.extract_slice %x[0, 4] [%t, 4] [1, 1] : tensor<?x8xf32> to tensor<?x4xf32>
    %k = seq.load @k : !seq.cache<8, 4, f32>
    %a = seq.attention %q, %k, %k rows(%slot, %position : tensor<?xi32>, tensor<?xi32>) {heads = 1, kv_heads = 1, scale = 1.0 : f64}
        : tensor<?x4xf32>, !seq.cache<8, 4, f32>, !seq.cache<8, 4, f32> -> tensor<?x4xf32>
    %rows = tensor.extract_slice %table[3, 0] [2, 4] [1, 1] : tensor<5x4xf32> to tensor<2x4xf32>
    %n = seq.norm rms %rows, %scale {epsilon = 1.0e-5 : f64} : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
    seq.yield %a, %n : tensor<?x4xf32>, tensor<2x4xf32>
  }
}

// -----

// Numbers that follow from lengths are computed inside the kernel from lengths that are its arguments.
// CHECK-LABEL: seq.program @lengths
// CHECK: func.func private @kernel_0(%[[X:.*]]: tensor<?x8xf32>, %[[T:.*]]: index)
// CHECK: %[[CAST:.*]] = arith.index_cast %[[T]] : index to i64
// CHECK: %[[VECTOR:.*]] = tensor.from_elements %[[CAST]], %{{.*}} : tensor<2xi64>
// CHECK: linalg.generic
// CHECK: tensor.extract %[[VECTOR]]
// CHECK: seq.step
// CHECK: rt.dispatch @kernel_0(%{{.*}}, %[[N:.*]]) extents(%[[N]])
seq.program @lengths attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 3 : i64} {
  seq.step(%x: tensor<?x8xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %vector = seq.extents affine_map<()[s, t] -> (t, 7)> : tensor<2xi64>
    %t = seq.length target : index
    %empty = tensor.empty(%t) : tensor<?x8xf32>
    %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
        ins(%x : tensor<?x8xf32>) outs(%empty : tensor<?x8xf32>) {
    ^bb0(%p: f32, %o: f32):
      %c0 = arith.constant 0 : index
      %n = tensor.extract %vector[%c0] : tensor<2xi64>
      %f = arith.sitofp %n : i64 to f32
      %q = arith.divf %p, %f : f32
      linalg.yield %q : f32
    } -> tensor<?x8xf32>
    seq.yield %y : tensor<?x8xf32>
  }
}

// -----

#id = affine_map<(i, j) -> (i, j)>
// A norm and its codes are one kernel, whose rows the residual reads as well; the product of two gates likewise, and
// the maximum stays with its linear layer.
// CHECK-LABEL: seq.program @prologues
// CHECK: func.func private @kernel_0(
// CHECK: %[[N:.*]] = seq.norm
// CHECK: %[[C:.*]], %[[S:.*]] = seq.quantize %[[N]]
// CHECK: return %[[C]], %[[S]], %[[N]]
// CHECK: func.func private @kernel_1(
// CHECK: seq.linear
// CHECK: arith.maximumf
// CHECK: func.func private @kernel_2(
// CHECK: arith.mulf
// CHECK: %[[C:.*]], %[[S:.*]] = seq.quantize
// CHECK: return %[[C]], %[[S]] :
// CHECK: seq.step
// CHECK: %[[A:.*]]:3 = rt.dispatch @kernel_0
// CHECK: %[[H:.*]] = rt.dispatch @kernel_1(%[[A]]#0,
// CHECK: %{{.*}}:2 = rt.dispatch @kernel_2(%[[H]], %[[A]]#2
seq.program @prologues attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.step(%x: tensor<?x16xf32>, %g: tensor<16xf32>, %w: tensor<1x4x16x4xi8>, %s: tensor<16xf32>) {
    %zero = arith.constant 0.0 : f32
    %n = seq.length target : index
    %empty = tensor.empty(%n) : tensor<?x16xf32>
    %norm = seq.norm rms %x, %g {epsilon = 1.0e-6 : f64} : tensor<?x16xf32>, tensor<16xf32> -> tensor<?x16xf32>
    %q, %t = seq.quantize %norm : tensor<?x16xf32> -> tensor<?x16xi8>, tensor<?xf32>
    %h = seq.linear %q, %w scale(%s : tensor<16xf32>) input_scale(%t : tensor<?xf32>)
        : tensor<?x16xi8>, tensor<1x4x16x4xi8> -> tensor<?x16xf32>
    // Asking for the extent of rows is not reading them.
    %c0 = arith.constant 0 : index
    %d = tensor.dim %h, %c0 : tensor<?x16xf32>
    %like = tensor.empty(%d) : tensor<?x16xf32>
    %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%h : tensor<?x16xf32>) outs(%like : tensor<?x16xf32>) {
    ^bb0(%p: f32, %o: f32):
      %r = arith.maximumf %p, %zero : f32
      linalg.yield %r : f32
    } -> tensor<?x16xf32>
    %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%m, %norm : tensor<?x16xf32>, tensor<?x16xf32>) outs(%empty : tensor<?x16xf32>) {
    ^bb0(%p: f32, %r: f32, %o: f32):
      %v = arith.mulf %p, %r : f32
      linalg.yield %v : f32
    } -> tensor<?x16xf32>
    %q2, %t2 = seq.quantize %y : tensor<?x16xf32> -> tensor<?x16xi8>, tensor<?xf32>
    %z = seq.linear %q2, %w scale(%s : tensor<16xf32>) input_scale(%t2 : tensor<?xf32>)
        : tensor<?x16xi8>, tensor<1x4x16x4xi8> -> tensor<?x16xf32>
    seq.yield %z : tensor<?x16xf32>
  }
}

// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(fuse-elementwise))" --split-input-file | FileCheck %s

// Each element is read once: the example of the pass's description.
#id = affine_map<(i, j) -> (i, j)>
seq.program @once attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  // CHECK-LABEL: seq.encode
  // CHECK: linalg.generic
  // CHECK: math.exp
  // CHECK-NEXT: arith.mulf
  // CHECK-NOT: linalg.generic
  // CHECK: seq.yield
  seq.encode(%x: tensor<8x4xf32>) {
    %empty = tensor.empty() : tensor<8x4xf32>
    %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%x : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
    ^bb0(%p: f32, %o: f32):
      %q = math.exp %p : f32
      linalg.yield %q : f32
    } -> tensor<8x4xf32>
    %b = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%a, %x : tensor<8x4xf32>, tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
    ^bb0(%p: f32, %r: f32, %o: f32):
      %q = arith.mulf %p, %r : f32
      linalg.yield %q : f32
    } -> tensor<8x4xf32>
    seq.yield %b : tensor<8x4xf32>
  }
}

// -----

// A sum that several operations read is made once, whatever the depth of the model; a negation is repeated.
#id = affine_map<(i, j) -> (i, j)>
seq.program @residual attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  // CHECK-LABEL: seq.encode
  // CHECK: %[[SUM:.*]] = linalg.generic
  // CHECK: arith.addf
  // CHECK: linalg.generic {{.*}} ins(%[[SUM]]
  // CHECK: arith.negf
  // CHECK-NEXT: math.exp
  // CHECK: linalg.generic {{.*}} ins(%[[SUM]]
  // CHECK: arith.negf
  // CHECK-NEXT: math.tanh
  // CHECK: seq.yield
  seq.encode(%x: tensor<8x4xf32>, %y: tensor<8x4xf32>) {
    %empty = tensor.empty() : tensor<8x4xf32>
    %sum = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%x, %y : tensor<8x4xf32>, tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
    ^bb0(%p: f32, %r: f32, %o: f32):
      %q = arith.addf %p, %r : f32
      linalg.yield %q : f32
    } -> tensor<8x4xf32>
    %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%sum : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
    ^bb0(%p: f32, %o: f32):
      %q = arith.negf %p : f32
      linalg.yield %q : f32
    } -> tensor<8x4xf32>
    %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%n : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
    ^bb0(%p: f32, %o: f32):
      %q = math.exp %p : f32
      linalg.yield %q : f32
    } -> tensor<8x4xf32>
    %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%n : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
    ^bb0(%p: f32, %o: f32):
      %q = math.tanh %p : f32
      linalg.yield %q : f32
    } -> tensor<8x4xf32>
    seq.yield %a, %b : tensor<8x4xf32>, tensor<8x4xf32>
  }
}

// -----

// A contraction reads each element many times: the exponential stays outside, the cast of the weight goes in.
#lhs = affine_map<(i, j, k) -> (i, k)>
#rhs = affine_map<(i, j, k) -> (k, j)>
#out = affine_map<(i, j, k) -> (i, j)>
#id = affine_map<(i, j) -> (i, j)>
seq.program @many attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  // CHECK-LABEL: seq.encode
  // CHECK: linalg.generic
  // CHECK: math.exp
  // CHECK: linalg.generic
  // CHECK-SAME: "reduction"
  // CHECK: arith.extf
  // CHECK: arith.mulf
  // CHECK-NOT: linalg.generic
  // CHECK: seq.yield
  seq.encode(%x: tensor<8x4xf32>) {
    %w = arith.constant dense_resource<weight> : tensor<4x8xf16>
    %zero = arith.constant 0.0 : f32
    %empty = tensor.empty() : tensor<8x4xf32>
    %wide = tensor.empty() : tensor<4x8xf32>
    %y = tensor.empty() : tensor<8x8xf32>
    %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%x : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
    ^bb0(%p: f32, %o: f32):
      %q = math.exp %p : f32
      linalg.yield %q : f32
    } -> tensor<8x4xf32>
    %f = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%w : tensor<4x8xf16>) outs(%wide : tensor<4x8xf32>) {
    ^bb0(%p: f16, %o: f32):
      %q = arith.extf %p : f16 to f32
      linalg.yield %q : f32
    } -> tensor<4x8xf32>
    %init = linalg.fill ins(%zero : f32) outs(%y : tensor<8x8xf32>) -> tensor<8x8xf32>
    %m = linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%a, %f : tensor<8x4xf32>, tensor<4x8xf32>) outs(%init : tensor<8x8xf32>) {
    ^bb0(%p: f32, %q: f32, %c: f32):
      %r = arith.mulf %p, %q : f32
      %s = arith.addf %c, %r : f32
      linalg.yield %s : f32
    } -> tensor<8x8xf32>
    seq.yield %m : tensor<8x8xf32>
  }
}

{-# dialect_resources: { builtin: { weight: "0x080000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000" } } #-}

// -----

// What is repeated is not a second result of an operation that goes over other indices.
#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
seq.program @readers attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  // CHECK-LABEL: seq.encode
  // CHECK: %{{.*}} = linalg.generic {{.*}} outs(%{{.*}} : tensor<8xf32>)
  // CHECK: arith.negf
  // CHECK-NEXT: arith.addf
  // CHECK: -> tensor<8xf32>
  // CHECK: %{{.*}} = linalg.generic {{.*}} outs(%{{.*}} : tensor<8x4xf32>)
  // CHECK: arith.negf
  // CHECK-NEXT: math.exp
  // CHECK: -> tensor<8x4xf32>
  seq.encode(%x: tensor<8x4xf32>) {
    %empty = tensor.empty() : tensor<8x4xf32>
    %start = arith.constant dense<0.0> : tensor<8xf32>
    %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%x : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
    ^bb0(%p: f32, %o: f32):
      %q = arith.negf %p : f32
      linalg.yield %q : f32
    } -> tensor<8x4xf32>
    %sum = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
        ins(%n : tensor<8x4xf32>) outs(%start : tensor<8xf32>) {
    ^bb0(%p: f32, %o: f32):
      %q = arith.addf %o, %p : f32
      linalg.yield %q : f32
    } -> tensor<8xf32>
    %e = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%n : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
    ^bb0(%p: f32, %o: f32):
      %q = math.exp %p : f32
      linalg.yield %q : f32
    } -> tensor<8x4xf32>
    seq.yield %sum, %e : tensor<8xf32>, tensor<8x4xf32>
  }
}

// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(screen-head{when=always target=x86-64-v4-vnni}))" --split-input-file | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(screen-head))" --split-input-file | FileCheck %s --check-prefix=SMALL
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(screen-head{when=never}))" --split-input-file | FileCheck %s --check-prefix=SMALL

// Small heads stay where they are.
// SMALL-NOT: seq.head

#all = affine_map<(i, o) -> (i, o)>
#column = affine_map<(i, o) -> (o)>

// A matrix of floats is screened in codes of 8 bits; the constants of columns go along. Of 20 columns, two units of 16
// are computed alone.
// CHECK-LABEL: seq.program @floats
// CHECK: seq.step(%[[X:.*]]: tensor<?x4xf32>, {{.*}}
// CHECK-NEXT: seq.yield %[[X]] : tensor<?x4xf32>
// CHECK: seq.head(%[[H:.*]]: tensor<?x4xf32>) {
// CHECK: %[[L:.*]] = seq.linear %[[H]], %{{.*}} : tensor<?x4xf32>, tensor<1x4x32x1xf32> -> tensor<?x20xf32>
// CHECK: linalg.generic {{.*}} ins(%[[L]], %{{.*}} : tensor<?x20xf32>, tensor<20xf32>)
// CHECK: seq.yield %{{.*}} : tensor<?x20xf32>
// CHECK: seq.screen(%[[S:.*]]: tensor<?x4xf32>) {
// CHECK: %[[C:.*]], %[[SCALES:.*]] = seq.quantize %[[S]] {zero_point = 128 : i64} : tensor<?x4xf32> -> tensor<?x4xui8>, tensor<?xf32>
// CHECK: iterator_types = ["parallel", "reduction"]} ins(%[[S]] : tensor<?x4xf32>)
// CHECK: math.sqrt
// CHECK: %[[A:.*]] = seq.linear %[[C]], %{{.*}} scale({{.*}}) input_scale(%[[SCALES]] : tensor<?xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[A]], %{{.*}}, %{{.*}}, %[[SCALES]], %{{.*}}, %{{.*}} :
// CHECK: seq.rescore(%[[R:.*]]: tensor<?x4xf32>, %[[ROW:.*]]: index, %[[UNIT:.*]]: index) {
// CHECK: %[[PANEL:.*]] = arith.divui %[[UNIT]], %{{.*}}
// CHECK: arith.remui %[[UNIT]]
// CHECK: tensor.extract_slice %[[R]][%[[ROW]], 0] [1, 4] [1, 1]
// CHECK: tensor.extract_slice %{{.*}}[%[[PANEL]], 0, %{{.*}}, 0] [1, 4, 16, 1] [1, 1, 1, 1] : tensor<1x4x32x1xf32> to tensor<1x4x16x1xf32>
// CHECK: seq.linear {{.*}} -> tensor<1x16xf32>
// CHECK: tensor.extract_slice {{.*}} : tensor<32xf32> to tensor<16xf32>
// CHECK: seq.yield %{{.*}} : tensor<1x16xf32>
seq.program @floats attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.step(%x: tensor<?x4xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %w = arith.constant dense<0.5> : tensor<1x4x32x1xf32>
    %b = arith.constant dense<0.25> : tensor<1x20xf32>
    %c = tensor.collapse_shape %b [[0, 1]] : tensor<1x20xf32> into tensor<20xf32>
    %n = seq.length target : index
    %e = tensor.empty(%n) : tensor<?x20xf32>
    %l = seq.linear %x, %w : tensor<?x4xf32>, tensor<1x4x32x1xf32> -> tensor<?x20xf32>
    %y = linalg.generic {indexing_maps = [#column, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%c, %l : tensor<20xf32>, tensor<?x20xf32>) outs(%e : tensor<?x20xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %s = arith.addf %p, %q : f32
      linalg.yield %s : f32
    } -> tensor<?x20xf32>
    seq.yield %y : tensor<?x20xf32>
  }
}

// -----

// Codes of 8 bits are screened in codes of 4 bits, over the same rows.
// CHECK-LABEL: seq.program @codes
// CHECK: seq.yield %[[C:.*]], %[[S:.*]], %[[X:.*]] : tensor<?x32xui8>, tensor<?xf32>, tensor<?x32xf32>
// CHECK: seq.screen(%[[C:.*]]: tensor<?x32xui8>, %[[S:.*]]: tensor<?xf32>, %{{.*}}: tensor<?x32xf32>) {
// CHECK-NOT: seq.quantize
// CHECK: seq.linear %[[C]], %{{.*}} scale(%{{.*}} : tensor<1x1x32xbf16>) input_scale(%[[S]] : tensor<?xf32>) {{.*}} {group = 32 : i64, zero_point = 128 : i64}
seq.program @codes attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.step(%x: tensor<?x32xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %w = arith.constant dense<3> : tensor<1x8x32x4xi8>
    %scale = arith.constant dense<0.5> : tensor<20xf32>
    %sums = arith.constant dense<96> : tensor<20xi32>
    %codes, %scales = seq.quantize %x {zero_point = 128 : i64} : tensor<?x32xf32> -> tensor<?x32xui8>, tensor<?xf32>
    %l = seq.linear %codes, %w scale(%scale : tensor<20xf32>) input_scale(%scales : tensor<?xf32>)
        column_sums(%sums : tensor<20xi32>) {zero_point = 128 : i64}
        : tensor<?x32xui8>, tensor<1x8x32x4xi8> -> tensor<?x20xf32>
    seq.yield %l : tensor<?x20xf32>
  }
}

// -----

#all = affine_map<(i, o) -> (i, o)>
#column = affine_map<(i, o) -> (o)>

// What follows the head may not change the order of its logits: this does, for all that is known.
// CHECK-LABEL: seq.program @more
// CHECK-NOT: seq.head
seq.program @more attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.step(%x: tensor<?x4xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %w = arith.constant dense<0.5> : tensor<1x4x32x1xf32>
    %b = arith.constant dense<0.25> : tensor<20xf32>
    %n = seq.length target : index
    %e = tensor.empty(%n) : tensor<?x20xf32>
    %l = seq.linear %x, %w : tensor<?x4xf32>, tensor<1x4x32x1xf32> -> tensor<?x20xf32>
    %y = linalg.generic {indexing_maps = [#column, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %l : tensor<20xf32>, tensor<?x20xf32>) outs(%e : tensor<?x20xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %s = arith.mulf %p, %q : f32
      linalg.yield %s : f32
    } -> tensor<?x20xf32>
    seq.yield %y : tensor<?x20xf32>
  }
}

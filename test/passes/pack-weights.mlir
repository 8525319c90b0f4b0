// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-v4-vnni}))" --split-input-file | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-v4-vnni deterministic=true}))" --split-input-file | FileCheck %s --check-prefix=SAME
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-v3}))" --split-input-file | FileCheck %s --check-prefix=UNSIGNED
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-multi}))" --split-input-file | FileCheck %s --check-prefix=UNSIGNED

#row = affine_map<(i, o, k) -> (i, k)>
#straight = affine_map<(i, o, k) -> (k, o)>
#across = affine_map<(i, o, k) -> (o, k)>
#out = affine_map<(i, o, k) -> (i, o)>

// Both ways of storing a matrix give the same panels: columns side by side, term after term.
// CHECK-LABEL: seq.program @floats
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[\[\[\[}}1.000000e+00], [2.000000e+00], [3.000000e+00], [4.000000e+00], [5.000000e+00], [6.000000e+00], [7.000000e+00], [8.000000e+00], [0.000000e+00], {{.*}}[0.000000e+00]], {{\[\[}}1.100000e+01]
// CHECK: seq.linear %{{.*}}, %[[W1:.*]] : tensor<?x2xf32>, tensor<1x2x16x1xf32> -> tensor<?x8xf32>
// CHECK: seq.linear %{{.*}}, %[[W2:.*]] : tensor<?x2xf32>, tensor<1x2x16x1xf32> -> tensor<?x8xf32>
seq.program @floats attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<?x2xf32>) {
    %w = arith.constant dense<[[1., 2., 3., 4., 5., 6., 7., 8.], [11., 12., 13., 14., 15., 16., 17., 18.]]> : tensor<2x8xf32>
    %v = arith.constant dense<[[1., 11.], [2., 12.], [3., 13.], [4., 14.], [5., 15.], [6., 16.], [7., 17.], [8., 18.]]> : tensor<8x2xf32>
    %zero = arith.constant 0.0 : f32
    %n = seq.length source : index
    %e = tensor.empty(%n) : tensor<?x8xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
    %a = linalg.generic {indexing_maps = [#row, #straight, #out], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%x, %w : tensor<?x2xf32>, tensor<2x8xf32>) outs(%zeros : tensor<?x8xf32>) {
    ^bb0(%p: f32, %q: f32, %c: f32):
      %m = arith.mulf %p, %q : f32
      %s = arith.addf %c, %m : f32
      linalg.yield %s : f32
    } -> tensor<?x8xf32>
    %b = linalg.generic {indexing_maps = [#across, #row, #out], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%v, %x : tensor<8x2xf32>, tensor<?x2xf32>) outs(%zeros : tensor<?x8xf32>) {
    ^bb0(%p: f32, %q: f32, %c: f32):
      %m = arith.mulf %p, %q : f32
      %s = arith.addf %m, %c : f32
      linalg.yield %s : f32
    } -> tensor<?x8xf32>
    seq.store @a, %a : tensor<?x8xf32>
    seq.yield %b : tensor<?x8xf32>
  }
}

// -----

// Codes: the largest magnitude of a column is 127, unless it is less with which all are multiples of one step, as the
// third column's are of 37 / 120. Rows are converted for both layers alike.
// CHECK-LABEL: seq.program @codes
// CHECK-DAG: arith.constant dense<{{\[\[\[\[}}127, -64, 0, 0], [64, 127, 0, 0], [12, -120, 0, 0], {{.*}} : tensor<1x1x16x4xi8>
// CHECK-DAG: arith.constant dense<[1.000000e+00, 2.000000e+00, 0.308333337, {{.*}}]> : tensor<8xf32>
// CHECK-DAG: arith.constant dense<[63, 191, -108, {{.*}}]> : tensor<8xi32>
// CHECK-DAG: %[[C:.*]], %[[S:.*]] = seq.quantize %{{.*}} {zero_point = 128 : i64} : tensor<2x2xf32> -> tensor<2x4xui8>, tensor<2xf32>
// CHECK: seq.linear %[[C]], %{{.*}} scale(%{{.*}}) input_scale(%[[S]] : tensor<2xf32>) column_sums(%{{.*}} : tensor<8xi32>) {zero_point = 128 : i64}
seq.program @codes attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<2x2xf32>) {
    %w = arith.constant dense<[[127., 128., 3.7, 1., 1., 1., 1., 1.], [-63.7, 254., -37., 1., 1., 1., 1., 1.]]> : tensor<2x8xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<2x8xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
    %a = linalg.matmul {seq.precision = "int8"} ins(%x, %w : tensor<2x2xf32>, tensor<2x8xf32>)
        outs(%zeros : tensor<2x8xf32>) -> tensor<2x8xf32>
    seq.yield %a : tensor<2x8xf32>
  }
}

// -----

// Rounded to bf16, two terms side by side; a matrix of few columns stays as it is. What runs once per source may be
// added up as matrix tiles do it.
// CHECK-LABEL: seq.program @bfloats
// CHECK: %[[R:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<2x2xf32>) outs(%{{.*}} : tensor<2x2xbf16>)
// CHECK: arith.truncf %{{.*}} : f32 to bf16
// CHECK: seq.linear %[[R]], %{{.*}} {tiles} : tensor<2x2xbf16>, tensor<1x1x16x2xbf16> -> tensor<2x8xf32>
// CHECK: linalg.matmul
// CHECK: seq.step
// CHECK: seq.linear %{{.*}}, %{{.*}} : tensor<2x2xbf16>, tensor<1x1x16x2xbf16> -> tensor<2x8xf32>
seq.program @bfloats attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<2x2xf32>) {
    %w = arith.constant dense<0.5> : tensor<2x8xf32>
    %v = arith.constant dense<0.5> : tensor<8x4xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<2x8xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
    %a = linalg.matmul {seq.precision = "bf16"} ins(%x, %w : tensor<2x2xf32>, tensor<2x8xf32>)
        outs(%zeros : tensor<2x8xf32>) -> tensor<2x8xf32>
    %e2 = tensor.empty() : tensor<2x4xf32>
    %zeros2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<2x4xf32>) -> tensor<2x4xf32>
    %b = linalg.matmul ins(%a, %v : tensor<2x8xf32>, tensor<8x4xf32>) outs(%zeros2 : tensor<2x4xf32>) -> tensor<2x4xf32>
    seq.yield %b : tensor<2x4xf32>
  }
  seq.step(%x: tensor<2x2xf32>) {
    %w = arith.constant dense<0.5> : tensor<2x8xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<2x8xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
    %a = linalg.matmul {seq.precision = "bf16"} ins(%x, %w : tensor<2x2xf32>, tensor<2x8xf32>)
        outs(%zeros : tensor<2x8xf32>) -> tensor<2x8xf32>
    seq.yield %a : tensor<2x8xf32>
  }
}

// -----

// 4-bit codes: term k in the lower and term k + 4 in the upper half of a byte, 32 terms with one scale. Column 0 is
// -8, -7, ... 7 twice, times 2; the other columns are 0.
// CHECK-LABEL: seq.program @nibbles
// CHECK-DAG: arith.constant dense<[{{\[\[}}2.000000e+00, 1.000000e+00, {{.*}}]]]> : tensor<1x1x16xbf16>
// CHECK-DAG: arith.constant dense<"0xC8D9EAFB00000000{{.*}}"> : tensor<1x4x16x4xi8>
// CHECK-DAG: arith.constant dense<[-3.200000e+01, 0.000000e+00, {{.*}}]> : tensor<8xf32>
// CHECK-DAG: %[[C:.*]], %[[S:.*]] = seq.quantize %{{.*}} {zero_point = 128 : i64} : tensor<2x32xf32> -> tensor<2x32xui8>, tensor<2xf32>
// CHECK: seq.linear %[[C]], %{{.*}} {group = 32 : i64, zero_point = 128 : i64}
// Deterministic sums of groups have no zero point, on no target.
// SAME-LABEL: seq.program @nibbles
// SAME: seq.quantize %{{.*}} : tensor<2x32xf32> -> tensor<2x32xi8>, tensor<2xf32>
// SAME: seq.linear
// SAME-NOT: column_sums
// SAME-SAME: {group = 32 : i64}
// Where a level multiplies them as unsigned bytes, they are 8 more.
// UNSIGNED-LABEL: seq.program @nibbles
// UNSIGNED: arith.constant dense<"0x4051627388888888{{.*}}"> : tensor<1x4x16x4xui8>
// UNSIGNED: seq.linear {{.*}} {group = 32 : i64, zero_point = 128 : i64} {{.*}}tensor<1x4x16x4xui8>
seq.program @nibbles attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<2x32xf32>) {
    %w = arith.constant dense<[[-16., -14., -12., -10., -8., -6., -4., -2., 0., 2., 4., 6., 8., 10., 12., 14., -16., -14., -12., -10., -8., -6., -4., -2., 0., 2., 4., 6., 8., 10., 12., 14.], [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.], [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.], [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.], [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.], [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.], [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.], [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.]]> : tensor<8x32xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<2x8xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
    %a = linalg.generic {indexing_maps = [affine_map<(i, o, k) -> (i, k)>, affine_map<(i, o, k) -> (o, k)>,
        affine_map<(i, o, k) -> (i, o)>], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%x, %w : tensor<2x32xf32>, tensor<8x32xf32>) outs(%zeros : tensor<2x8xf32>)
        attrs = {seq.precision = "int4"} {
    ^bb0(%p: f32, %q: f32, %c: f32):
      %m = arith.mulf %p, %q : f32
      %s = arith.addf %c, %m : f32
      linalg.yield %s : f32
    } -> tensor<2x8xf32>
    seq.yield %a : tensor<2x8xf32>
  }
}

// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-v3}))" --split-input-file | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-multi}))" --split-input-file | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-v3 deterministic=true}))" --split-input-file | FileCheck %s --check-prefix=WIDE
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-v4-vnni}))" --split-input-file | FileCheck %s --check-prefix=WIDE

// Where bytes are multiplied two at a time, neighbours of one sign add up to 128 at most: 101 and 90.6 become 67 and 61,
// with a scale of 191.6 / 128, and two threes become 64.
// The fifth column has so few digits that the next scale but one is 4/3 of it.
// Others have the scale that they always have.
// CHECK-LABEL: seq.program @narrow
// CHECK-DAG: arith.constant dense<{{\[\[\[\[}}67, 61, 0, 0], [127, -114, 0, 0], [-67, -61, 0, 0], [64, 64, 0, 0], [75, 36, 0, 0], {{.*}} : tensor<1x1x16x4xi8>
// CHECK-DAG: arith.constant dense<[1.496875{{.*}}, 0.795275{{.*}}, 1.496875{{.*}}, 4.687500e-02, {{.*}}]> : tensor<8xf32>
// CHECK: seq.linear {{.*}} {narrow_pairs, zero_point = 128 : i64}
// WIDE-LABEL: seq.program @narrow
// WIDE-DAG: arith.constant dense<{{\[\[\[\[}}127, 114, 0, 0], [127, -114, 0, 0], [-127, -114, 0, 0], [127, 127, 0, 0], {{.*}} : tensor<1x1x16x4xi8>
// WIDE: seq.linear {{.*}} {zero_point = 128 : i64}
seq.program @narrow attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<2x2xf32>) {
    %w = arith.constant dense<[[101., 101., -101., 3., 4.2179e-43, 1., 1., 1.], [90.6, -90.6, -90.6, 3., 2.0459e-43, 0., 0., 0.]]> : tensor<2x8xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<2x8xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
    %a = linalg.matmul {seq.precision = "int8"} ins(%x, %w : tensor<2x2xf32>, tensor<2x8xf32>)
        outs(%zeros : tensor<2x8xf32>) -> tensor<2x8xf32>
    seq.yield %a : tensor<2x8xf32>
  }
}

// -----

// Values that were codes before stay the same, so that the layer has no narrow pairs.
// CHECK-LABEL: seq.program @codes
// CHECK-DAG: arith.constant dense<{{\[\[\[\[}}127, 126, 0, 0], {{.*}} : tensor<1x1x16x4xi8>
// CHECK: seq.linear {{.*}} {zero_point = 128 : i64}
// WIDE-LABEL: seq.program @codes
seq.program @codes attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<2x2xf32>) {
    %w = arith.constant dense<[[127., 101., 0., 1., 1., 1., 1., 1.], [126., 90.6, 0., 0., 0., 0., 0., 0.]]> : tensor<2x8xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<2x8xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
    %a = linalg.matmul {seq.precision = "int8"} ins(%x, %w : tensor<2x2xf32>, tensor<2x8xf32>)
        outs(%zeros : tensor<2x8xf32>) -> tensor<2x8xf32>
    seq.yield %a : tensor<2x8xf32>
  }
}

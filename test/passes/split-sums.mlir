// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(split-sums{target=cortex-m55+ethos-u55-128}))" | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(split-sums{target=cortex-m55}))" | FileCheck %s --check-prefix=NONE

// Only what stands as the NPU reads it is split: a matrix in panels and one of floats stay on the processor.
// NONE-NOT: tensor<?x40xi32>
// CHECK-LABEL: seq.program @model
// CHECK: seq.encode(%[[CODES:.*]]: tensor<?x24xi8>, %[[OFROWS:.*]]: tensor<?xf32>, %{{.*}}: tensor<?x32xi8>, %{{.*}}: tensor<?x24xf32>)
// CHECK: %[[SUMS:.*]] = seq.linear %[[CODES]], %{{.*}} : tensor<?x24xi8>, tensor<40x1x1x24xi8> -> tensor<?x40xi32>
// CHECK: linalg.generic
// CHECK-SAME: ins(%[[SUMS]], %[[OFROWS]], %{{.*}} : tensor<?x40xi32>, tensor<?xf32>, tensor<40xf32>)
// CHECK: arith.sitofp %{{.*}} : i32 to f32
// CHECK: seq.linear %{{.*}} scale(%{{.*}}) input_scale(%{{.*}}) : tensor<?x32xi8>, tensor<10x2x4x16xi8> -> tensor<?x40xf32>
// CHECK: seq.linear %{{.*}} : tensor<?x24xf32>, tensor<10x24x4x1xf32> -> tensor<?x40xf32>
seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%codes: tensor<?x24xi8>, %scales: tensor<?xf32>, %more: tensor<?x32xi8>, %rows: tensor<?x24xf32>) {
    %w = arith.constant dense<3> : tensor<40x1x1x24xi8>
    %v = arith.constant dense<3> : tensor<10x2x4x16xi8>
    %u = arith.constant dense<0.5> : tensor<10x24x4x1xf32>
    %s = arith.constant dense<0.5> : tensor<40xf32>
    %a = seq.linear %codes, %w scale(%s : tensor<40xf32>) input_scale(%scales : tensor<?xf32>)
        : tensor<?x24xi8>, tensor<40x1x1x24xi8> -> tensor<?x40xf32>
    %b = seq.linear %more, %v scale(%s : tensor<40xf32>) input_scale(%scales : tensor<?xf32>)
        : tensor<?x32xi8>, tensor<10x2x4x16xi8> -> tensor<?x40xf32>
    %c = seq.linear %rows, %u : tensor<?x24xf32>, tensor<10x24x4x1xf32> -> tensor<?x40xf32>
    seq.store @a, %a : tensor<?x40xf32>
    seq.store @b, %b : tensor<?x40xf32>
    seq.yield %c : tensor<?x40xf32>
  }
}

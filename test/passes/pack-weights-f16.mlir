// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=cuda-ptx}))" | FileCheck %s
// RUN: not halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-multi}))" 2>&1 | FileCheck %s --check-prefix=ERROR

// Weights and rows of f16, with rows padded to 16 terms. What is beyond the range of f16 becomes its largest number.
// CHECK: %[[ROUNDED:.*]] = linalg.generic
// CHECK: arith.maximumf
// CHECK: arith.minimumf
// CHECK: arith.truncf %{{.*}} : f32 to f16
// CHECK: %[[PADDED:.*]] = tensor.pad %[[ROUNDED]] low[0, 0] high[0, 12]
// CHECK: tensor<2x20xf16> to tensor<2x32xf16>
// CHECK: %[[PANELS:.*]] = arith.constant dense<"0xFF7BFF7B{{.*}}"> : tensor<1x2x16x16xf16>
// CHECK: seq.linear %[[PADDED]], %[[PANELS]] : tensor<2x32xf16>, tensor<1x2x16x16xf16> -> tensor<2x8xf32>

// ERROR-COUNT-1: error: target 'x86-64-multi' has no linear layers with weights of f16; it takes f32, bf16, int8, int4
// ERROR-NOT: error:
seq.program @halves attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<2x20xf32>) {
    %w = arith.constant dense<1.0e6> : tensor<20x8xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<2x8xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
    %a = linalg.matmul {seq.precision = "f16"} ins(%x, %w : tensor<2x20xf32>, tensor<20x8xf32>) outs(%zeros : tensor<2x8xf32>) -> tensor<2x8xf32>
    seq.yield %a : tensor<2x8xf32>
  }
}

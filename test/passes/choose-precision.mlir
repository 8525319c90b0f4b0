// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(choose-precision{weights=int8}))" | FileCheck %s --check-prefixes=CHECK,INT8
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(choose-precision{weights=bf16}))" | FileCheck %s --check-prefixes=CHECK,BF16
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(choose-precision))" | FileCheck %s --check-prefix=EXACT

// Layers get what is asked for, unless they are too small or, for bf16, of odd length; what multiplies two computed
// values is no layer.
// CHECK-LABEL: seq.program @layers
// INT8: linalg.matmul {seq.precision = "int8"} ins(%{{.*}}, %{{.*}} : tensor<2x33xf32>
// INT8: linalg.matmul {seq.precision = "f32"} ins(%{{.*}}, %{{.*}} : tensor<2x8xf32>
// BF16: linalg.matmul {seq.precision = "f32"} ins(%{{.*}}, %{{.*}} : tensor<2x33xf32>
// BF16: linalg.matmul {seq.precision = "f32"} ins(%{{.*}}, %{{.*}} : tensor<2x8xf32>
// CHECK: linalg.matmul ins(
seq.program @layers attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<2x33xf32>) {
    %w = arith.constant dense<0.5> : tensor<33x8xf32>
    %v = arith.constant dense<0.5> : tensor<8x8xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<2x8xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
    %a = linalg.matmul ins(%x, %w : tensor<2x33xf32>, tensor<33x8xf32>) outs(%zeros : tensor<2x8xf32>) -> tensor<2x8xf32>
    %b = linalg.matmul ins(%a, %v : tensor<2x8xf32>, tensor<8x8xf32>) outs(%zeros : tensor<2x8xf32>) -> tensor<2x8xf32>
    %t = tensor.empty() : tensor<8x2xf32>
    %bt = linalg.transpose ins(%b : tensor<2x8xf32>) outs(%t : tensor<8x2xf32>) permutation = [1, 0]
    %e2 = tensor.empty() : tensor<2x2xf32>
    %zeros2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<2x2xf32>) -> tensor<2x2xf32>
    %c = linalg.matmul ins(%b, %bt : tensor<2x8xf32>, tensor<8x2xf32>) outs(%zeros2 : tensor<2x2xf32>) -> tensor<2x2xf32>
    seq.yield %c : tensor<2x2xf32>
  }
}

// Attention may be rounded where weights are.
// CHECK-LABEL: seq.program @attends
// CHECK: seq.attention {{.*}}bfloat_products
// EXACT-LABEL: seq.program @attends
// EXACT: seq.attention
// EXACT-NOT: bfloat_products
seq.program @attends attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<2x32xf32>) {
    %a = seq.attention %x, %x, %x {heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64} : tensor<2x32xf32>, tensor<2x32xf32>, tensor<2x32xf32> -> tensor<2x32xf32>
    seq.yield %a : tensor<2x32xf32>
  }
}

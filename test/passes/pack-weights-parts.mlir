// Layers of f32 by parts of their rows, where the target multiplies those faster and there are always rows enough.
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-v4-amx},cse))" | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-multi},cse))" | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-v4-vnni},cse))" | FileCheck %s --check-prefix=WHOLE
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-weights{target=x86-64-v4-amx deterministic=true},cse))" | FileCheck %s --check-prefix=WHOLE

// Both layers of many rows read the same parts.
// CHECK: seq.encode
// CHECK: %[[P:.*]] = seq.split %[[X:.*]] : tensor<300x40xf32> -> tensor<300x288xbf16>
// CHECK: %[[A:.*]] = seq.linear %[[X]], %{{.*}} parts(%[[P]] : tensor<300x288xbf16>)
// CHECK: %[[B:.*]] = seq.linear %[[X]], %{{.*}} parts(%[[P]] : tensor<300x288xbf16>)
// A panel of 16 columns is too narrow.
// CHECK: %[[C:.*]] = seq.linear %[[X]], %{{.*}} : tensor<300x40xf32>, tensor<1x40x16x1xf32>
// CHECK: seq.yield %[[A]], %[[B]], %[[C]]
// Few rows, and rows of a step, are not split.
// CHECK: seq.bind
// CHECK-NOT: seq.split
// CHECK: seq.linear %{{.*}}, %{{.*}} : tensor<200x40xf32>
// CHECK: seq.linear %{{.*}}, %{{.*}} : tensor<?x40xf32>
// CHECK: seq.step
// CHECK-NOT: seq.split
// CHECK: seq.linear
// WHOLE: seq.linear
// WHOLE-NOT: seq.split
seq.program @floats attributes {max_source = 300 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%x: tensor<300x40xf32>) {
    %u = arith.constant dense<0.5> : tensor<40x64xf32>
    %v = arith.constant dense<0.25> : tensor<40x64xf32>
    %w = arith.constant dense<0.5> : tensor<40x16xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<300x64xf32>
    %f = tensor.empty() : tensor<300x16xf32>
    %wide = linalg.fill ins(%zero : f32) outs(%e : tensor<300x64xf32>) -> tensor<300x64xf32>
    %narrow = linalg.fill ins(%zero : f32) outs(%f : tensor<300x16xf32>) -> tensor<300x16xf32>
    %a = linalg.matmul ins(%x, %u : tensor<300x40xf32>, tensor<40x64xf32>) outs(%wide : tensor<300x64xf32>) -> tensor<300x64xf32>
    %b = linalg.matmul ins(%x, %v : tensor<300x40xf32>, tensor<40x64xf32>) outs(%wide : tensor<300x64xf32>) -> tensor<300x64xf32>
    %c = linalg.matmul ins(%x, %w : tensor<300x40xf32>, tensor<40x16xf32>) outs(%narrow : tensor<300x16xf32>) -> tensor<300x16xf32>
    seq.yield %a, %b, %c : tensor<300x64xf32>, tensor<300x64xf32>, tensor<300x16xf32>
  }
  seq.bind(%x: tensor<200x40xf32>, %y: tensor<?x40xf32>) {
    %u = arith.constant dense<0.5> : tensor<40x64xf32>
    %zero = arith.constant 0.0 : f32
    %first = arith.constant 0 : index
    %n = tensor.dim %y, %first : tensor<?x40xf32>
    %e = tensor.empty() : tensor<200x64xf32>
    %f = tensor.empty(%n) : tensor<?x64xf32>
    %few = linalg.fill ins(%zero : f32) outs(%e : tensor<200x64xf32>) -> tensor<200x64xf32>
    %any = linalg.fill ins(%zero : f32) outs(%f : tensor<?x64xf32>) -> tensor<?x64xf32>
    %a = linalg.matmul ins(%x, %u : tensor<200x40xf32>, tensor<40x64xf32>) outs(%few : tensor<200x64xf32>) -> tensor<200x64xf32>
    %b = linalg.matmul ins(%y, %u : tensor<?x40xf32>, tensor<40x64xf32>) outs(%any : tensor<?x64xf32>) -> tensor<?x64xf32>
    seq.yield %a, %b : tensor<200x64xf32>, tensor<?x64xf32>
  }
  seq.step(%x: tensor<300x40xf32>) {
    %u = arith.constant dense<0.5> : tensor<40x64xf32>
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<300x64xf32>
    %wide = linalg.fill ins(%zero : f32) outs(%e : tensor<300x64xf32>) -> tensor<300x64xf32>
    %a = linalg.matmul ins(%x, %u : tensor<300x40xf32>, tensor<40x64xf32>) outs(%wide : tensor<300x64xf32>) -> tensor<300x64xf32>
    seq.yield %a : tensor<300x64xf32>
  }
}

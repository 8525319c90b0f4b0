// RUN: halyard-opt %s --split-program="max-rows=6 slots=2" --split-input-file | FileCheck %s

// CHECK: seq.program @model attributes {max_rows = 6 : i64, max_source = 32 : i64, max_target = 16 : i64, memory_rows = #{{.*}}, slots = 2 : i64}
// CHECK:   seq.encode(%{{.*}}: tensor<1x?x8xf32>) {
// CHECK:     %[[M:.*]] = math.tanh
// CHECK:     seq.yield %[[M]] : tensor<1x?x8xf32>
// CHECK:   seq.bind(%{{.*}}: tensor<1x?x8xf32>) {
// CHECK-NEXT: seq.yield
// CHECK:   seq.step(%[[TOKENS:.*]]: tensor<1x?xf32>, %[[MEMORY:.*]]: tensor<1x?x8xf32>)
// CHECK:     seq.yield %[[TOKENS]]
// CHECK-NOT: func.func
module attributes {halyard.limits = {max_source = 32 : i64, max_target = 16 : i64}} {
  func.func @encoder(%x: tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
      attributes {halyard.memory_rows = affine_map<()[s, t] -> (s)>} {
    %y = math.tanh %x : tensor<1x?x8xf32>
    return %y : tensor<1x?x8xf32>
  }
  func.func @decoder(%tokens: tensor<1x?xf32>, %memory: tensor<1x?x8xf32>) -> tensor<1x?xf32> {
    return %tokens : tensor<1x?xf32>
  }
}

// -----

// A mask that is data goes to every stage.
// CHECK: seq.encode(%{{.*}}: tensor<1x?x8xf32>, %{{.*}}: tensor<1x?xi64>) {
// CHECK: seq.bind(%{{.*}}: tensor<1x?x8xf32>, %{{.*}}: tensor<1x?xi64>) {
// CHECK: seq.step(%{{.*}}: tensor<1x?xf32>, %{{.*}}: tensor<1x?x8xf32>, %{{.*}}: tensor<1x?xi64>)
module attributes {halyard.limits = {max_source = 32 : i64, max_target = 16 : i64}} {
  func.func @encoder(%x: tensor<1x?x8xf32>, %mask: tensor<1x?xi64>) -> tensor<1x?x8xf32> {
    return %x : tensor<1x?x8xf32>
  }
  func.func @decoder(%tokens: tensor<1x?xf32>, %memory: tensor<1x?x8xf32>, %mask: tensor<1x?xi64>) -> tensor<1x?xf32> {
    return %tokens : tensor<1x?xf32>
  }
}

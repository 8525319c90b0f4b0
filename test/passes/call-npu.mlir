// RUN: halyard-opt %s --pass-pipeline="builtin.module(rt.program(call-npu{target=cortex-m55+ethos-u65-256}))" | FileCheck %s
// RUN: halyard-opt %s --pass-pipeline="builtin.module(rt.program(call-npu{target=cortex-m55}))" | FileCheck %s --check-prefix=NONE

// Layers of one shape are a kernel; with weights of their own they are programs of their own. Equal weights are one. A
// run has as many rows as calls have at most, up to 16. A weight that something else reads stays.
// NONE: rt.constant @weight_0
// NONE: rt.kernel_call @kernel_0
// CHECK-NOT: rt.constant @weight_0
// CHECK: rt.constant @npu_0.weights
// CHECK: rt.constant @npu_1.weights
// CHECK: rt.constant @weight_1
// CHECK-NOT: func.func private @kernel_0
// CHECK: func.func private @npu_0(tensor<?x24xi8>, tensor<[[A:[0-9]+]]xi8>, tensor<[[M:[0-9]+]]xi8>) -> tensor<?x40xi32> attributes {rt.npu = {
// CHECK-SAME: features = 24 : i64
// CHECK-SAME: name = "ethos-u65-256"
// CHECK-SAME: outputs = 40 : i64, rows = 4 : i64
// CHECK: func.func private @npu_1(
// CHECK-SAME: rows = 16 : i64
// CHECK: func.func private @look(
// CHECK: func.func @step
// CHECK: rt.kernel_call @npu_0(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) : memref<?x24xi8>, memref<[[A]]xi8>, memref<[[M]]xi8>, memref<?x40xi32>
// CHECK: rt.kernel_call @npu_0(
// CHECK: func.func @encode
// CHECK: rt.kernel_call @npu_1(
// CHECK: rt.weight @weight_1
rt.program @model attributes {max_source = 99 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64,
    vocabulary = 4 : i64, memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids",
    source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
  rt.constant @weight_0 : dense<7> : tensor<40x1x1x24xi8>
  rt.constant @weight_1 : dense<-5> : tensor<40x1x1x24xi8>
  func.func private @kernel_0(%codes: tensor<?x24xi8>, %w: tensor<40x1x1x24xi8>) -> tensor<?x40xi32> {
    %sums = seq.linear %codes, %w : tensor<?x24xi8>, tensor<40x1x1x24xi8> -> tensor<?x40xi32>
    return %sums : tensor<?x40xi32>
  }
  func.func private @look(tensor<40x1x1x24xi8>) -> tensor<?x40xi32>
  func.func @step(%arena: !rt.pointer, %weights: !rt.pointer, %n: index {rt.maximum = 4 : i64}) {
    %codes = rt.alloc (%n) : memref<?x24xi8>
    %w = rt.weight @weight_0 in %weights : memref<40x1x1x24xi8>
    %a = rt.alloc (%n) : memref<?x40xi32>
    %b = rt.alloc (%n) : memref<?x40xi32>
    rt.kernel_call @kernel_0(%codes, %w, %a) : memref<?x24xi8>, memref<40x1x1x24xi8>, memref<?x40xi32>
    rt.kernel_call @kernel_0(%codes, %w, %b) : memref<?x24xi8>, memref<40x1x1x24xi8>, memref<?x40xi32>
    return
  }
  func.func @encode(%arena: !rt.pointer, %weights: !rt.pointer, %n: index {rt.maximum = 99 : i64}) {
    %codes = rt.alloc (%n) : memref<?x24xi8>
    %w = rt.weight @weight_1 in %weights : memref<40x1x1x24xi8>
    %a = rt.alloc (%n) : memref<?x40xi32>
    rt.kernel_call @kernel_0(%codes, %w, %a) : memref<?x24xi8>, memref<40x1x1x24xi8>, memref<?x40xi32>
    %v = rt.weight @weight_1 in %weights : memref<40x1x1x24xi8>
    rt.kernel_call @look(%v, %a) : memref<40x1x1x24xi8>, memref<?x40xi32>
    return
  }
}

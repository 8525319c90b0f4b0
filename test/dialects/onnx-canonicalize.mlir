// RUN: halyard-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func @nothing_done
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
func.func @nothing_done(%x: tensor<2x3xf32>) -> tensor<*xf32> {
  %none = onnx.None : () -> none
  %0 = onnx.Identity %x : (tensor<2x3xf32>) -> tensor<*xf32>
  %1 = onnx.Dropout %0, %none, %none : (tensor<*xf32>, none, none) -> tensor<*xf32>
  %2 = onnx.Cast %1 {to = f32} : (tensor<*xf32>) -> tensor<*xf32>
  %3 = onnx.Transpose %2 {perm = array<i64: 1, 0>} : (tensor<*xf32>) -> tensor<*xf32>
  %4 = onnx.Transpose %3 {perm = array<i64: 1, 0>} : (tensor<*xf32>) -> tensor<*xf32>
  %5 = onnx.Max %4 : (tensor<*xf32>) -> tensor<*xf32>
  // CHECK-NEXT: %[[Y:.*]] = onnx.Neg %[[X]]
  %6 = onnx.Neg %5 : (tensor<*xf32>) -> tensor<*xf32>
  // CHECK-NEXT: return %[[Y]]
  return %6 : tensor<*xf32>
}

// A cast is left out only if it loses nothing.
// CHECK-LABEL: func @casts
func.func @casts(%x: tensor<2xi32>) -> (tensor<2xf32>, tensor<2xf32>) {
  // CHECK: %[[A:.*]] = onnx.Cast %arg0 {to = f32}
  %0 = onnx.Cast %x {to = i64} : (tensor<2xi32>) -> tensor<2xi64>
  %a = onnx.Cast %0 {to = f32} : (tensor<2xi64>) -> tensor<2xf32>
  // CHECK: %[[N:.*]] = onnx.Cast %arg0 {to = i8}
  // CHECK: %[[B:.*]] = onnx.Cast %[[N]] {to = f32}
  %1 = onnx.Cast %x {to = i8} : (tensor<2xi32>) -> tensor<2xi8>
  %b = onnx.Cast %1 {to = f32} : (tensor<2xi8>) -> tensor<2xf32>
  return %a, %b : tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func @sum
func.func @sum(%x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK: onnx.Add
  %0 = onnx.Sum %x, %y : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

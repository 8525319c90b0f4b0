// RUN: halyard-opt %s --raise-prefix-sum | FileCheck %s

// CHECK-LABEL: func.func @counts
// CHECK: %[[ROWS:.*]] = onnx.Reshape %{{.*}} -> tensor<?x1xi64>
// CHECK: %[[SUM:.*]] = seq.prefix_sum %[[ROWS]] : tensor<?x1xi64> -> tensor<?x1xi64>
// CHECK: onnx.Reshape %[[SUM]]{{.*}} -> tensor<1x?xi64>
// CHECK-NOT: onnx.CumSum
func.func @counts(%x: tensor<1x?xi64> {halyard.shape = affine_map<()[s, t] -> (1, t)>}) -> tensor<1x?xi64> {
  %axis = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %y = onnx.CumSum %x, %axis : (tensor<1x?xi64>, tensor<i64>) -> tensor<1x?xi64>
  return %y : tensor<1x?xi64>
}

// A reverse sum reaches forward: it stays.
// CHECK-LABEL: func.func @reverse
// CHECK: onnx.CumSum
func.func @reverse(%x: tensor<1x?xi64> {halyard.shape = affine_map<()[s, t] -> (1, t)>}) -> tensor<1x?xi64> {
  %axis = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %y = onnx.CumSum %x, %axis {reverse = 1 : i64} : (tensor<1x?xi64>, tensor<i64>) -> tensor<1x?xi64>
  return %y : tensor<1x?xi64>
}

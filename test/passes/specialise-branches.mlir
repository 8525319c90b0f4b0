// RUN: halyard-opt %s --specialise-branches | FileCheck %s

// CHECK-LABEL: func @constant_condition
func.func @constant_condition(%a: tensor<?xf32>) -> tensor<*xf32> {
  %c = onnx.Constant {value = dense<false> : tensor<i1>} : () -> tensor<i1>
  // CHECK-NOT: onnx.If
  // CHECK: %[[N:.*]] = onnx.Neg
  // CHECK: return %[[N]]
  %r = onnx.If(%c) : (tensor<i1>) -> tensor<*xf32> {
    onnx.Yield %a : tensor<?xf32>
  } else {
    %n = onnx.Neg %a : (tensor<?xf32>) -> tensor<*xf32>
    onnx.Yield %n : tensor<*xf32>
  }
  return %r : tensor<*xf32>
}

// A branch on "is there a past" is decided for every length: there are at least as many keys as rows.
// CHECK-LABEL: func @decided_by_lengths
func.func @decided_by_lengths(%a: tensor<1x?xf32> {halyard.shape = affine_map<()[s, t] -> (1, t)>}) -> tensor<1x?xf32> {
  %one = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %shape = onnx.Shape %a : (tensor<1x?xf32>) -> tensor<2xi64>
  %rows = onnx.Gather %shape, %one : (tensor<2xi64>, tensor<i64>) -> tensor<i64>
  %next = onnx.Add %rows, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
  %c = onnx.Less %rows, %next : (tensor<i64>, tensor<i64>) -> tensor<i1>
  // CHECK-NOT: onnx.If
  // CHECK: return %{{.*}} : tensor<1x?xf32>
  %r = onnx.If(%c) : (tensor<i1>) -> tensor<1x?xf32> {
    onnx.Yield %a : tensor<1x?xf32>
  } else {
    %n = onnx.Neg %a : (tensor<1x?xf32>) -> tensor<1x?xf32>
    onnx.Yield %n : tensor<1x?xf32>
  }
  return %r : tensor<1x?xf32>
}

// CHECK-LABEL: func @undecided
func.func @undecided(%a: tensor<1x?xf32> {halyard.shape = affine_map<()[s, t] -> (1, t)>}) -> tensor<1x?xf32> {
  %one = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %two = onnx.Constant {value = dense<2> : tensor<i64>} : () -> tensor<i64>
  %shape = onnx.Shape %a : (tensor<1x?xf32>) -> tensor<2xi64>
  %rows = onnx.Gather %shape, %one : (tensor<2xi64>, tensor<i64>) -> tensor<i64>
  %c = onnx.Less %rows, %two : (tensor<i64>, tensor<i64>) -> tensor<i1>
  // CHECK: onnx.If
  %r = onnx.If(%c) : (tensor<i1>) -> tensor<1x?xf32> {
    onnx.Yield %a : tensor<1x?xf32>
  } else {
    %n = onnx.Neg %a : (tensor<1x?xf32>) -> tensor<1x?xf32>
    onnx.Yield %n : tensor<1x?xf32>
  }
  return %r : tensor<1x?xf32>
}

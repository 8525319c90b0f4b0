// Passes of the phase raise; see Passes.td.
#ifndef HALYARD_PASSES_TRANSFORMS_RAISE
#define HALYARD_PASSES_TRANSFORMS_RAISE

include "mlir/Pass/PassBase.td"

def DecomposeFused : Pass<"decompose-fused", "::mlir::func::FuncOp"> {
  let summary = "write operators that optimisers fuse as what they are made of";
  let description = [{
    What optimisers of other machines fuse, the raising passes recognise in its parts, as they do in files that were
    not optimised. The standard Attention is recognised whole.

    ```mlir
    func.func @f(%x: tensor<1x?x4xf32>, %skip: tensor<1x?x4xf32>, %gamma: tensor<4xf32>) -> tensor<1x?x4xf32> {
      %none = onnx.None : () -> none
      %y = onnx.ms.SkipSimplifiedLayerNormalization %x, %skip, %gamma, %none
        : (tensor<1x?x4xf32>, tensor<1x?x4xf32>, tensor<4xf32>, none) -> tensor<1x?x4xf32>
      return %y : tensor<1x?x4xf32>
    }
    // becomes
    %sum = onnx.Add %x, %skip : (tensor<1x?x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
    %y = onnx.RMSNormalization %sum, %gamma
    ```
  }];
  let dependentDialects = ["::halyard::onnx::ONNXDialect", "::halyard::seq::SeqDialect"];
}

def RaiseAttention : Pass<"raise-attention", "::mlir::func::FuncOp"> {
  let summary = "make one seq.attention of every softmax(Q K^T) V";
  let description = [{
    Walks outward from each Softmax and absorbs whatever order of scale, soft-cap, mask, bias, cast, clamp, NaN guard,
    transpose and reshape the exporter chose.

    ```mlir
    func.func @f(%x: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 32)>}) -> tensor<1x4x?x8xf32> {
      %split = onnx.Constant {value = dense<[1, -1, 4, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
      %scale = onnx.Constant {value = dense<0.25> : tensor<f32>} : () -> tensor<f32>
      %h = onnx.Reshape %x, %split : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
      %q = onnx.Transpose %h {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
      %kt = onnx.Transpose %h {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x8x?xf32>
      %s = onnx.MatMul %q, %kt : (tensor<1x4x?x8xf32>, tensor<1x4x8x?xf32>) -> tensor<1x4x?x?xf32>
      %scaled = onnx.Mul %s, %scale : (tensor<1x4x?x?xf32>, tensor<f32>) -> tensor<1x4x?x?xf32>
      %p = onnx.Softmax %scaled : (tensor<1x4x?x?xf32>) -> tensor<1x4x?x?xf32>
      %o = onnx.MatMul %p, %q : (tensor<1x4x?x?xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
      return %o : tensor<1x4x?x8xf32>
    }
    // becomes
    func.func @f(%x: tensor<1x?x32xf32> {halyard.shape = affine_map<()[s0, s1] -> (1, s1, 32)>}) -> tensor<1x4x?x8xf32> {
      %q = onnx.Reshape %x, %flat_q {allowzero = 1 : i64} : (tensor<1x?x32xf32>, tensor<2xi64>) -> tensor<?x32xf32>
      %k = onnx.Reshape %x, %flat_k {allowzero = 1 : i64} : (tensor<1x?x32xf32>, tensor<2xi64>) -> tensor<?x32xf32>
      %v = onnx.Reshape %x, %flat_v {allowzero = 1 : i64} : (tensor<1x?x32xf32>, tensor<2xi64>) -> tensor<?x32xf32>
      %o = seq.attention %q, %k, %v {heads = 4 : i64, kv_heads = 4 : i64, scale = 2.500000e-01 : f64}
          : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
    ```
  }];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::halyard::onnx::ONNXDialect"];
}

def RaiseActivation : Pass<"raise-activation", "::mlir::func::FuncOp"> {
  let summary = "make onnx.Gelu of GELU spelled out";
  let description = [{
    ```mlir
    func.func @f(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %sqrt2 = onnx.Constant {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
      %one = onnx.Constant {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
      %half = onnx.Constant {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
      %d = onnx.Div %x, %sqrt2 : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
      %e = onnx.Erf %d : (tensor<?x8xf32>) -> tensor<?x8xf32>
      %a = onnx.Add %e, %one : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
      %h = onnx.Mul %half, %a : (tensor<f32>, tensor<?x8xf32>) -> tensor<?x8xf32>
      %y = onnx.Mul %x, %h : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    // becomes
    func.func @f(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %y = onnx.Gelu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    ```
  }];
  let dependentDialects = ["::halyard::onnx::ONNXDialect"];
}

def RaiseNorm : Pass<"raise-norm", "::mlir::func::FuncOp"> {
  let summary = "make seq.norm of layer and root-mean-square normalisation";
  let description = [{
    ```mlir
    func.func @f(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 8)>}) -> tensor<1x?x8xf32> {
      %w = onnx.Constant {value = dense<2.0> : tensor<8xf32>} : () -> tensor<8xf32>
      %two = onnx.Constant {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
      %epsilon = onnx.Constant {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
      %last = onnx.Constant {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
      %square = onnx.Pow %x, %two : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
      %mean = onnx.ReduceMean %square, %last : (tensor<1x?x8xf32>, tensor<1xi64>) -> tensor<1x?x1xf32>
      %a = onnx.Add %mean, %epsilon : (tensor<1x?x1xf32>, tensor<f32>) -> tensor<1x?x1xf32>
      %s = onnx.Sqrt %a : (tensor<1x?x1xf32>) -> tensor<1x?x1xf32>
      %d = onnx.Div %x, %s : (tensor<1x?x8xf32>, tensor<1x?x1xf32>) -> tensor<1x?x8xf32>
      %y = onnx.Mul %d, %w : (tensor<1x?x8xf32>, tensor<8xf32>) -> tensor<1x?x8xf32>
      return %y : tensor<1x?x8xf32>
    }
    // becomes
    func.func @f(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s0, s1] -> (1, s1, 8)>}) -> tensor<1x?x8xf32> {
      %rows = onnx.Reshape %x, %flat {allowzero = 1 : i64} : (tensor<1x?x8xf32>, tensor<2xi64>) -> tensor<?x8xf32>
      %n = seq.norm rms %rows, %w {epsilon = 5.000000e-01 : f64} : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
      %y = onnx.Reshape %n, %shape {allowzero = 1 : i64} : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<1x?x8xf32>
      return %y : tensor<1x?x8xf32>
    ```
  }];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::halyard::onnx::ONNXDialect"];
}

def RaisePrefixSum : Pass<"raise-prefix-sum", "::mlir::func::FuncOp"> {
  let summary = "make seq.prefix_sum of cumulative sums along time";
  let description = [{
    ```mlir
    func.func @f(%x: tensor<1x?xi64> {halyard.shape = affine_map<()[s, t] -> (1, t)>}) -> tensor<1x?xi64> {
      %axis = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
      %y = onnx.CumSum %x, %axis : (tensor<1x?xi64>, tensor<i64>) -> tensor<1x?xi64>
      return %y : tensor<1x?xi64>
    }
    // becomes
    func.func @f(%x: tensor<1x?xi64> {halyard.shape = affine_map<()[s0, s1] -> (1, s1)>}) -> tensor<1x?xi64> {
      %rows = onnx.Reshape %x, %flat {allowzero = 1 : i64} : (tensor<1x?xi64>, tensor<2xi64>) -> tensor<?x1xi64>
      %sum = seq.prefix_sum %rows : tensor<?x1xi64> -> tensor<?x1xi64>
      %y = onnx.Reshape %sum, %shape {allowzero = 1 : i64} : (tensor<?x1xi64>, tensor<2xi64>) -> tensor<1x?xi64>
      return %y : tensor<1x?xi64>
    ```
  }];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::halyard::onnx::ONNXDialect"];
}

def RaiseRotary : Pass<"raise-rotary", "::mlir::func::FuncOp"> {
  let summary = "make seq.rotary of rotary position embedding spelled out";
  let description = [{
    Both styles (halves and interleaved), over all features of a head or the leading ones.

    ```mlir
    func.func @f(%x: tensor<1x?x4xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 4)>}) -> tensor<1x?x4xf32> {
      %none = onnx.None : () -> none
      %zero = onnx.Constant {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
      %half = onnx.Constant {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
      %all = onnx.Constant {value = dense<4> : tensor<1xi64>} : () -> tensor<1xi64>
      %angle = onnx.Constant {value = dense<0.5> : tensor<1x1x4xf32>} : () -> tensor<1x1x4xf32>
      %extents = seq.extents affine_map<()[s, t] -> (1, t, 4)> : tensor<3xi64>
      %angles = onnx.Expand %angle, %extents : (tensor<1x1x4xf32>, tensor<3xi64>) -> tensor<1x?x4xf32>
      %cos = onnx.Cos %angles : (tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
      %sin = onnx.Sin %angles : (tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
      %upper = onnx.Slice %x, %half, %all, %half, %none
          : (tensor<1x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<1x?x2xf32>
      %lower = onnx.Slice %x, %zero, %half, %half, %none
          : (tensor<1x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<1x?x2xf32>
      %minus = onnx.Neg %upper : (tensor<1x?x2xf32>) -> tensor<1x?x2xf32>
      %turned = onnx.Concat %minus, %lower {axis = -1 : i64} : (tensor<1x?x2xf32>, tensor<1x?x2xf32>) -> tensor<1x?x4xf32>
      %a = onnx.Mul %x, %cos : (tensor<1x?x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
      %b = onnx.Mul %turned, %sin : (tensor<1x?x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
      %y = onnx.Add %a, %b : (tensor<1x?x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
      return %y : tensor<1x?x4xf32>
    }
    // becomes
    func.func @f(%x: tensor<1x?x4xf32> {halyard.shape = affine_map<()[s0, s1] -> (1, s1, 4)>}) -> tensor<1x?x4xf32> {
      %rows = onnx.Reshape %x, %flat {allowzero = 1 : i64} : (tensor<1x?x4xf32>, tensor<2xi64>) -> tensor<?x4xf32>
      %cos_pairs = onnx.Slice %cos, %first, %half, %axis, %step
          : (tensor<?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2xf32>
      %sin_pairs = onnx.Slice %sin, %zero, %two, %one, %stride
          : (tensor<?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2xf32>
      %turned = seq.rotary %rows, %cos_pairs, %sin_pairs {heads = 1 : i64, rotary = 4 : i64}
          : tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x4xf32>
      %y = onnx.Reshape %turned, %shape {allowzero = 1 : i64} : (tensor<?x4xf32>, tensor<3xi64>) -> tensor<1x?x4xf32>
      return %y : tensor<1x?x4xf32>
    ```
  }];
  let dependentDialects = LoweredDialects;
}

def TabulatePositions : Pass<"tabulate-positions", "::mlir::func::FuncOp"> {
  let summary = "make tables of values that depend on a length only";
  let description = [{
    Evaluates every length-only value at every length up to the largest. If the shorter values are prefixes of the
    longest it becomes a table; if it is an attention bias that masks all later keys, the attention is causal. So is
    attention without a bias among the rows of a decoder that takes caches (`halyard.takes_caches`).

    ```mlir
    module attributes {halyard.limits = {max_source = 2 : i64, max_target = 2 : i64}} {
      func.func @f(%x: tensor<?xf32> {halyard.shape = affine_map<()[s, t] -> (t)>}) -> tensor<?xf32> {
        %zero = onnx.Constant {value = dense<0> : tensor<i64>} : () -> tensor<i64>
        %one = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
        %t = seq.extents affine_map<()[s, t] -> (t)> : tensor<i64>
        %p = onnx.Range %zero, %t, %one : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
        %e = onnx.Cast %p {to = f32} : (tensor<?xi64>) -> tensor<?xf32>
        %y = onnx.Add %x, %e : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
        return %y : tensor<?xf32>
      }
    }
    // becomes
    %table = arith.constant dense<[0.000000e+00, 1.000000e+00]> : tensor<2xf32>
    %t = seq.length target : index
    %e = tensor.extract_slice %table[0] [%t] [1] : tensor<2xf32> to tensor<?xf32>
    %y = onnx.Add %x, %e : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    ```
  }];
  let dependentDialects = LoweredDialects;
}

#endif

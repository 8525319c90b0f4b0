// The passes of this folder. Each has one source file of its name, one lit test of its name, and a before/after example,
// which test/passes/check_examples.py runs.
#ifndef HALYARD_PASSES_TRANSFORMS
#define HALYARD_PASSES_TRANSFORMS

include "mlir/Pass/PassBase.td"

// What a pass needs that evaluates: the dialects of lowered functions.
defvar LoweredDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                          "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                          "::mlir::tensor::TensorDialect", "::halyard::seq::SeqDialect",
                          "::halyard::onnx::ONNXDialect"];

//===-- simplify ---------------------------------------------------------------------------------------------------===//

def BindInterface : Pass<"bind-interface", "::mlir::ModuleOp"> {
  let summary = "leave one input of the encoder and two of the decoder, and make the batch 1";
  let description = [{
    Inputs are known by the names of Hugging Face's exporters. Masks become ones, caches empty tensors,
    `use_cache_branch` false, positions 0, 1, 2, ...; every output but the memory and the logits is dropped. What is left
    says how its extents follow from the lengths, and the encoder how many rows the memory has.

    The attention mask stays an input of both, the last, if padding would reach rows that are there through something
    else than masked attention.

    ```mlir
    func.func @encoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                       %mask: tensor<?x?xi64> {onnx.name = "attention_mask"})
        -> (tensor<*xf32> {onnx.name = "last_hidden_state"}) {
      %table = onnx.Constant {value = dense<0.5> : tensor<16x8xf32>} : () -> tensor<16x8xf32>
      %kept = onnx.Mul %ids, %mask : (tensor<?x?xi64>, tensor<?x?xi64>) -> tensor<*xi64>
      %memory = onnx.Gather %table, %kept : (tensor<16x8xf32>, tensor<*xi64>) -> tensor<*xf32>
      return %memory : tensor<*xf32>
    }
    func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"},
                       %memory: tensor<?x?x8xf32> {onnx.name = "encoder_hidden_states"})
        -> (tensor<*xf32> {onnx.name = "logits"}) {
      %logits = onnx.Cast %ids {to = f32} : (tensor<?x?xi64>) -> tensor<*xf32>
      return %logits : tensor<*xf32>
    }
    // becomes
    func.func @encoder(%ids: tensor<1x?xi64> {halyard.shape = affine_map<()[s0, s1] -> (1, s0)>, onnx.name = "input_ids"})
        -> (tensor<*xf32> {onnx.name = "last_hidden_state"}) attributes {halyard.memory_rows = affine_map<()[s0, s1] -> (s0)>} {
      %one = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
      %extents = seq.extents affine_map<()[s0, s1] -> (1, s0)> : tensor<2xi64>
      %mask = onnx.Expand %one, %extents : (tensor<i64>, tensor<2xi64>) -> tensor<1x?xi64>
      %kept = onnx.Mul %ids, %mask : (tensor<1x?xi64>, tensor<1x?xi64>) -> tensor<*xi64>
    func.func @decoder(%ids: tensor<1x?xi64> {halyard.shape = affine_map<()[s0, s1] -> (1, s1)>, onnx.name = "input_ids"},
                       %memory: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s0, s1] -> (1, s0, 8)>, onnx.name = "encoder_hidden_states"})
        -> (tensor<*xf32> {onnx.name = "logits"}) {
    ```
  }];
  let dependentDialects = ["::halyard::onnx::ONNXDialect", "::halyard::seq::SeqDialect"];
}

def SpecialiseBranches : Pass<"specialise-branches", "::mlir::func::FuncOp"> {
  let summary = "replace each onnx.If whose condition is known by the branch it takes";
  let description = [{
    A condition is known if it is constant, or a comparison of lengths that has one outcome for all of them.

    ```mlir
    func.func @f(%a: tensor<?xf32>) -> tensor<?xf32> {
      %c = onnx.Constant {value = dense<false> : tensor<i1>} : () -> tensor<i1>
      %r = onnx.If(%c) : (tensor<i1>) -> tensor<?xf32> {
        onnx.Yield %a : tensor<?xf32>
      } else {
        %n = onnx.Neg %a : (tensor<?xf32>) -> tensor<?xf32>
        onnx.Yield %n : tensor<?xf32>
      }
      return %r : tensor<?xf32>
    }
    // becomes
    func.func @f(%a: tensor<?xf32>) -> tensor<?xf32> {
      %n = onnx.Neg %a : (tensor<?xf32>) -> tensor<?xf32>
      return %n : tensor<?xf32>
    ```
  }];
  let dependentDialects = ["::halyard::onnx::ONNXDialect"];
}

def ResolveShapes : Pass<"resolve-shapes", "::mlir::func::FuncOp"> {
  let summary = "write known extents into types, and integers that follow from the lengths into seq.extents";
  let description = [{
    ```mlir
    func.func @f(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, s, 8)>}) -> tensor<*xf32> {
      %one = onnx.Constant {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
      %tail = onnx.Constant {value = dense<[-1, 4]> : tensor<2xi64>} : () -> tensor<2xi64>
      %shape = onnx.Shape %x : (tensor<1x?x8xf32>) -> tensor<*xi64>
      %rows = onnx.Gather %shape, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
      %heads = onnx.Concat %rows, %tail {axis = 0 : i64} : (tensor<*xi64>, tensor<2xi64>) -> tensor<*xi64>
      %y = onnx.Reshape %x, %heads : (tensor<1x?x8xf32>, tensor<*xi64>) -> tensor<*xf32>
      return %y : tensor<*xf32>
    }
    // becomes
    func.func @f(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s0, s1] -> (1, s0, 8)>}) -> tensor<?x2x4xf32> {
      %heads = seq.extents affine_map<()[s0, s1] -> (s0, 2, 4)> : tensor<3xi64>
      %y = onnx.Reshape %x, %heads : (tensor<1x?x8xf32>, tensor<3xi64>) -> tensor<?x2x4xf32>
    ```
  }];
  let options = [Option<"remarks", "remarks", "bool", /*default=*/"false",
                        "say at which operations extents become unknown">];
  let dependentDialects = ["::halyard::onnx::ONNXDialect", "::halyard::seq::SeqDialect"];
}

def FoldConstants : Pass<"fold-constants", "::mlir::ModuleOp"> {
  let summary = "compute what depends on no input, and follow splats";
  let description = [{
    Operations on constants are evaluated by the kernels they would run on. Operations on splats of any shape give splats;
    an operand that is neutral (x + 0, x * 1, Where of a constant condition) goes away. Movement that moves nothing goes
    too. Large constants are neither copied nor grown.

    ```mlir
    func.func @f(%x: tensor<1x?xf32> {halyard.shape = affine_map<()[s, t] -> (1, s)>}) -> tensor<1x?xf32> {
      %one = onnx.Constant {value = dense<1> : tensor<i64>} : () -> tensor<i64>
      %c1 = onnx.Constant {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
      %lowest = onnx.Constant {value = dense<-3.40282347E+38> : tensor<f32>} : () -> tensor<f32>
      %extents = seq.extents affine_map<()[s, t] -> (1, s)> : tensor<2xi64>
      %mask = onnx.Expand %one, %extents : (tensor<i64>, tensor<2xi64>) -> tensor<1x?xi64>
      %f = onnx.Cast %mask {to = f32} : (tensor<1x?xi64>) -> tensor<1x?xf32>
      %i = onnx.Sub %c1, %f : (tensor<f32>, tensor<1x?xf32>) -> tensor<1x?xf32>
      %b = onnx.Mul %i, %lowest : (tensor<1x?xf32>, tensor<f32>) -> tensor<1x?xf32>
      %y = onnx.Add %x, %b : (tensor<1x?xf32>, tensor<1x?xf32>) -> tensor<1x?xf32>
      return %y : tensor<1x?xf32>
    }
    // becomes
    func.func @f(%x: tensor<1x?xf32> {halyard.shape = affine_map<()[s0, s1] -> (1, s0)>}) -> tensor<1x?xf32> {
      return %x : tensor<1x?xf32>
    ```
  }];
  let dependentDialects = LoweredDialects;
}

def Simplify : Pass<"simplify", "::mlir::ModuleOp"> {
  let summary = "specialise-branches, resolve-shapes, fold-constants, canonicalize and cse until nothing changes";
  let description = [{
    ```mlir
    func.func @f(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, s, 8)>}) -> tensor<*xf32> {
      %two = onnx.Constant {value = dense<2> : tensor<i64>} : () -> tensor<i64>
      %shape = onnx.Shape %x : (tensor<1x?x8xf32>) -> tensor<*xi64>
      %count = onnx.Gather %shape, %two : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
      %f = onnx.Cast %count {to = f32} : (tensor<*xi64>) -> tensor<*xf32>
      %root = onnx.Sqrt %f : (tensor<*xf32>) -> tensor<*xf32>
      %y = onnx.Div %x, %root : (tensor<1x?x8xf32>, tensor<*xf32>) -> tensor<*xf32>
      return %y : tensor<*xf32>
    }
    // becomes
    func.func @f(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s0, s1] -> (1, s0, 8)>}) -> tensor<1x?x8xf32> {
      %root = onnx.Constant {value = dense<2.82842708> : tensor<f32>} : () -> tensor<f32>
      %y = onnx.Div %x, %root : (tensor<1x?x8xf32>, tensor<f32>) -> tensor<1x?x8xf32>
      return %y : tensor<1x?x8xf32>
    ```
  }];
  let dependentDialects = LoweredDialects;
}

//===-- raise ------------------------------------------------------------------------------------------------------===//

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
    longest it becomes a table; if it is an attention bias that masks all later keys, the attention is causal.

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

//===-- stage ------------------------------------------------------------------------------------------------------===//

def SplitProgram : Pass<"split-program", "::mlir::ModuleOp"> {
  let summary = "make a seq.program of the encoder and decoder functions";
  let description = [{
    The encoder's body becomes the encode stage and the decoder's the step, which still takes the memory.

    ```mlir
    module attributes {halyard.limits = {max_source = 32 : i64, max_target = 16 : i64}} {
      func.func @encoder(%source: tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
          attributes {halyard.memory_rows = affine_map<()[s, t] -> (s)>} {
        %memory = math.tanh %source : tensor<1x?x8xf32>
        return %memory : tensor<1x?x8xf32>
      }
      func.func @decoder(%tokens: tensor<1x?xf32>, %memory: tensor<1x?x8xf32>) -> tensor<1x?xf32> {
        return %tokens : tensor<1x?xf32>
      }
    }
    // becomes
    seq.program @model attributes {max_rows = 8 : i64, max_source = 32 : i64, max_target = 16 : i64,
        memory_rows = affine_map<()[s0, s1] -> (s0)>, slots = 4 : i64} {
      seq.encode(%source: tensor<1x?x8xf32>) {
        %memory = math.tanh %source : tensor<1x?x8xf32>
        seq.yield %memory : tensor<1x?x8xf32>
      }
      seq.bind(%memory: tensor<1x?x8xf32>) {
        seq.yield
      }
      seq.step(%tokens: tensor<1x?xf32>, %memory: tensor<1x?x8xf32>) attributes {mode = 0 : i32} {
        seq.yield %tokens : tensor<1x?xf32>
      }
    }
    ```
  }];
  let options = [Option<"maxRows", "max-rows", "int64_t", /*default=*/"8", "most rows of one step">,
                 Option<"slots", "slots", "int64_t", /*default=*/"4", "sequences decoded side by side">];
  let dependentDialects = ["::halyard::seq::SeqDialect"];
}

def HoistToSource : Pass<"hoist-to-source", "::halyard::seq::ProgramOp"> {
  let summary = "move everything bound to the source out of the step";
  let description = [{
    An operation of the step whose binding time is `source` moves into bind, and what the step reads of it becomes a
    `seq.cross`, kept per slot. Cross-attention keys and values are one instance.

    ```mlir
    seq.program @model attributes {max_source = 32 : i64, max_target = 16 : i64, max_rows = 4 : i64, slots = 2 : i64} {
      seq.bind(%memory: tensor<?x8xf32>) {
        seq.yield
      }
      seq.step(%x: tensor<?x8xf32>, %memory: tensor<?x8xf32>) {
        %k = math.exp %memory : tensor<?x8xf32>
        %o = seq.attention %x, %k, %memory {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
            : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
        seq.yield %o : tensor<?x8xf32>
      }
    }
    // becomes
    seq.cross @cross.0.v : tensor<?x8xf32>
    seq.cross @cross.0.k : tensor<?x8xf32>
    seq.bind(%memory: tensor<?x8xf32>) {
      %k = math.exp %memory : tensor<?x8xf32>
      seq.store @cross.0.v, %memory : tensor<?x8xf32>
      seq.store @cross.0.k, %k : tensor<?x8xf32>
    seq.step(%x: tensor<?x8xf32>) attributes {mode = 0 : i32} {
      %ks = seq.load @cross.0.k : tensor<?x8xf32>
      %vs = seq.load @cross.0.v : tensor<?x8xf32>
      %o = seq.attention %x, %ks, %vs {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.000000e+00 : f64}
          : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    ```
  }];
}

def DeriveCaches : Pass<"derive-caches", "::halyard::seq::ProgramOp"> {
  let summary = "make the step compute new rows only, keeping keys and values";
  let description = [{
    When every operation of the step treats rows along time independently but for causal self-attention and prefix sums,
    the keys and values of self-attention become state. Otherwise the step is marked `recompute`, and a remark names the
    operation that mixes rows.

    ```mlir
    seq.program @model attributes {max_source = 32 : i64, max_target = 16 : i64, max_rows = 4 : i64, slots = 2 : i64} {
      seq.step(%tokens: tensor<1x?xf32>) {
        %t = seq.length target : index
        %flat = tensor.collapse_shape %tokens [[0, 1]] : tensor<1x?xf32> into tensor<?xf32>
        %x = tensor.expand_shape %flat [[0, 1]] output_shape [%t, 1] : tensor<?xf32> into tensor<?x1xf32>
        %e = tensor.empty(%t) : tensor<?x1xf32>
        %k = linalg.exp ins(%x : tensor<?x1xf32>) outs(%e : tensor<?x1xf32>) -> tensor<?x1xf32>
        %o = seq.attention %x, %k, %x {causal, heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64}
            : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32> -> tensor<?x1xf32>
        seq.yield %o : tensor<?x1xf32>
      }
    }
    // becomes
    seq.state @self.0.k : tensor<?x1xf32>
    seq.state @self.0.v : tensor<?x1xf32>
    seq.step(%tokens: tensor<1x?xf32>) attributes {mode = 0 : i32} {
      %vs = seq.cache_append @self.0.v, %x : tensor<?x1xf32> -> tensor<?x1xf32>
      %k = linalg.exp ins(%x : tensor<?x1xf32>) outs(%e : tensor<?x1xf32>) -> tensor<?x1xf32>
      %ks = seq.cache_append @self.0.k, %k : tensor<?x1xf32> -> tensor<?x1xf32>
      %o = seq.attention %x, %ks, %vs {causal, heads = 1 : i64, kv_heads = 1 : i64, scale = 1.000000e+00 : f64}
          : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32> -> tensor<?x1xf32>
    ```
  }];
}

//===-- rows -------------------------------------------------------------------------------------------------------===//

def FlattenRows : Pass<"flatten-rows", "::halyard::seq::ProgramOp"> {
  let summary = "make batch and time of the step one axis of rows";
  let description = [{
    Each row of the step gets a slot and a position. Positional tables are gathered by position, attention reads the
    caches of the row's slot, and `seq.length target` is the number of rows.

    ```mlir
    seq.program @model attributes {max_source = 32 : i64, max_target = 16 : i64, max_rows = 4 : i64, slots = 2 : i64} {
      seq.state @self.0.k : tensor<?x1xf32>
      seq.step(%tokens: tensor<1x?xf32>) {
        %t = seq.length target : index
        %flat = tensor.collapse_shape %tokens [[0, 1]] : tensor<1x?xf32> into tensor<?xf32>
        %x = tensor.expand_shape %flat [[0, 1]] output_shape [%t, 1] : tensor<?xf32> into tensor<?x1xf32>
        %k = seq.cache_append @self.0.k, %x : tensor<?x1xf32> -> tensor<?x1xf32>
        %o = seq.attention %x, %k, %k {causal, heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64}
            : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32> -> tensor<?x1xf32>
        seq.yield %o : tensor<?x1xf32>
      }
    }
    // becomes
    seq.step(%tokens: tensor<?xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) attributes {mode = 0 : i32} {
      %k = seq.cache_append @self.0.k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
          : tensor<?x1xf32> -> !seq.cache<16, 1, f32>
      %o = seq.attention %x, %k, %k rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
          {causal, heads = 1 : i64, kv_heads = 1 : i64, scale = 1.000000e+00 : f64}
          : tensor<?x1xf32>, !seq.cache<16, 1, f32>, !seq.cache<16, 1, f32> -> tensor<?x1xf32>
    ```
  }];
}

//===-- compress -----------------------------------------------------------------------------------------------------===//

def DropUnitAxes : Pass<"drop-unit-axes", "::halyard::seq::ProgramOp"> {
  let summary = "remove loops and axes of extent one from linalg operations";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<1x8xf32>) {
        %e = tensor.empty() : tensor<1x8xf32>
        %a = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>],
            iterator_types = ["parallel", "parallel"]} ins(%x : tensor<1x8xf32>) outs(%e : tensor<1x8xf32>) {
        ^bb0(%in: f32, %out: f32):
          %p = math.exp %in : f32
          linalg.yield %p : f32
        } -> tensor<1x8xf32>
        seq.yield %a : tensor<1x8xf32>
      }
    }
    // becomes
    %a = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
        ins(%y : tensor<8xf32>) outs(%e : tensor<8xf32>)
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::affine::AffineDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def MergeLinears : Pass<"merge-linears", "::halyard::seq::ProgramOp"> {
  let summary = "make linear layers that read the same rows one layer";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<2x2xf32>) {
        %w = arith.constant dense<1.0> : tensor<2x3xf32>
        %v = arith.constant dense<1.0> : tensor<2x3xf32>
        %zero = arith.constant 0.0 : f32
        %e = tensor.empty() : tensor<2x3xf32>
        %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
        %a = linalg.matmul ins(%x, %w : tensor<2x2xf32>, tensor<2x3xf32>) outs(%zeros : tensor<2x3xf32>) -> tensor<2x3xf32>
        %b = linalg.matmul ins(%x, %v : tensor<2x2xf32>, tensor<2x3xf32>) outs(%zeros : tensor<2x3xf32>) -> tensor<2x3xf32>
        %y = linalg.add ins(%a, %b : tensor<2x3xf32>, tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
        seq.yield %y : tensor<2x3xf32>
      }
    }
    // becomes
    %h = linalg.matmul ins(%x, %w : tensor<2x2xf32>, tensor<2x6xf32>) outs(%zeros : tensor<2x6xf32>) -> tensor<2x6xf32>
    %a = tensor.extract_slice %h[0, 0] [2, 3] [1, 1] : tensor<2x6xf32> to tensor<2x3xf32>
    %b = tensor.extract_slice %h[0, 3] [2, 3] [1, 1] : tensor<2x6xf32> to tensor<2x3xf32>
    %y = linalg.add ins(%a, %b : tensor<2x3xf32>, tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ChoosePrecision : Pass<"choose-precision", "::halyard::seq::ProgramOp"> {
  let summary = "say what the weight of each linear layer is stored as";
  let description = [{
    Where weights are rounded, the products of attention may be of bf16 (`bfloat_products`) as well.

    `except` names groups of weights (see WeightGroups.h) or single ones, as in `head=bf16` or `bind.2=f32`. A table for
    which it says something is stored so whether or not a layer has the same elements.

    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<2x16xf32>) {
        %w = arith.constant dense<0.5> : tensor<16x8xf32>
        %zero = arith.constant 0.0 : f32
        %e = tensor.empty() : tensor<2x8xf32>
        %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
        %h = linalg.matmul ins(%x, %w : tensor<2x16xf32>, tensor<16x8xf32>) outs(%zeros : tensor<2x8xf32>) -> tensor<2x8xf32>
        seq.yield %h : tensor<2x8xf32>
      }
    }
    // becomes
    %h = linalg.matmul {seq.precision = "f32"} ins(%x, %w : tensor<2x16xf32>, tensor<16x8xf32>) outs(%zeros : tensor<2x8xf32>)
    ```
  }];
  let options = [Option<"weights", "weights", "std::string", "\"f32\"", "f32, bf16, int8 or int4">,
                 ListOption<"except", "except", "std::string", "other precisions: GROUP=PRECISION, GROUP.N=PRECISION">];
}

def PackWeights : Pass<"pack-weights", "::halyard::seq::ProgramOp"> {
  let summary = "turn linear layers into seq.linear over weights packed for the target";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<2x16xf32>) {
        %w = arith.constant dense<0.5> : tensor<16x40xf32>
        %zero = arith.constant 0.0 : f32
        %e = tensor.empty() : tensor<2x40xf32>
        %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x40xf32>) -> tensor<2x40xf32>
        %h = linalg.matmul ins(%x, %w : tensor<2x16xf32>, tensor<16x40xf32>) outs(%zeros : tensor<2x40xf32>) -> tensor<2x40xf32>
        seq.yield %h : tensor<2x40xf32>
      }
    }
    // becomes
    %h = seq.linear %x, %w : tensor<2x16xf32>, tensor<1x16x64x1xf32> -> tensor<2x40xf32>
    ```
  }];
  let options = [Option<"target", "target", "std::string", "\"x86-64\"", "whose layouts to use">,
                 Option<"deterministic", "deterministic", "bool", "false",
                        "have no layout that makes a target round differently">];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def PackTables : Pass<"pack-tables", "::halyard::seq::ProgramOp"> {
  let summary = "read embeddings from equal weights of a linear layer, or store them in the weights' precision";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%ids: tensor<8xindex>, %x: tensor<8x64xf32>) {
        %table = arith.constant dense<1.0> : tensor<64x64xf32>
        %w = arith.constant dense<1.0> : tensor<1x64x64x1xf32>
        %e = tensor.empty() : tensor<8x64xf32>
        %r = linalg.generic {indexing_maps = [affine_map<(i, k) -> (i)>, affine_map<(i, k) -> (i, k)>],
            iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<8xindex>) outs(%e : tensor<8x64xf32>) {
        ^bb0(%id: index, %out: f32):
          %k = linalg.index 1 : index
          %v = tensor.extract %table[%id, %k] : tensor<64x64xf32>
          linalg.yield %v : f32
        } -> tensor<8x64xf32>
        %y = seq.linear %r, %w : tensor<8x64xf32>, tensor<1x64x64x1xf32> -> tensor<8x64xf32>
        seq.yield %y : tensor<8x64xf32>
      }
    }
    // becomes
    %w = arith.constant dense<1.000000e+00> : tensor<1x64x64x1xf32>
    %v = tensor.extract %w[%panel, %block, %column, %term] : tensor<1x64x64x1xf32>
    ```
  }];
  let options = [Option<"weights", "weights", "std::string", "\"f32\"", "precision of weights">];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def CompressCaches : Pass<"compress-caches", "::halyard::seq::ProgramOp"> {
  let summary = "keep keys and values in fewer bits than they are computed in";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.state @k : tensor<?x4xf32>
      seq.step(%x: tensor<?x4xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
        %k = seq.cache_append @k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
            : tensor<?x4xf32> -> !seq.cache<8, 4, f32>
        %o = seq.attention %x, %k, %k rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
            {causal, heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64}
            : tensor<?x4xf32>, !seq.cache<8, 4, f32>, !seq.cache<8, 4, f32> -> tensor<?x4xf32>
        seq.yield %o : tensor<?x4xf32>
      }
    }
    // becomes
    seq.state @k : tensor<?x4xbf16>
    %k = seq.cache_append @k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xf32> -> !seq.cache<8, 4, bf16>
    ```
  }];
  let options = [Option<"kv", "kv", "std::string", "\"bf16\"", "f32, bf16 or int8">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ScreenHead : Pass<"screen-head", "::halyard::seq::ProgramOp"> {
  let summary = "make the head a stage of its own, beside a narrower one that bounds its logits";
  let description = [{
    A matrix of floats is screened in 8-bit codes, one of 8-bit codes in 4-bit codes. Heads are left alone that are small,
    narrower already, or followed by more than the addition of a constant for each column.

    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.step(%x: tensor<?x32xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
        %w = arith.constant dense<0.5> : tensor<600x32x64x1xf32>
        %logits = seq.linear %x, %w : tensor<?x32xf32>, tensor<600x32x64x1xf32> -> tensor<?x38400xf32>
        seq.yield %logits : tensor<?x38400xf32>
      }
    }
    // becomes
    seq.step(%x: tensor<?x32xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) attributes {mode = 0 : i32} {
      seq.yield %x : tensor<?x32xf32>
    }
    seq.head(%rows: tensor<?x32xf32>) {
      %logits = seq.linear %rows, %w : tensor<?x32xf32>, tensor<600x32x64x1xf32> -> tensor<?x38400xf32>
      seq.yield %logits : tensor<?x38400xf32>
    }
    seq.screen(%narrow: tensor<?x32xf32>) {
      %codes, %scales = seq.quantize %narrow : tensor<?x32xf32> -> tensor<?x32xi8>, tensor<?xf32>
      %about = seq.linear %codes, %c scale(%s : tensor<38400xf32>) input_scale(%scales : tensor<?xf32>)
      seq.yield %bounds : tensor<?x38400xf32>
    }
    seq.rescore(%all: tensor<?x32xf32>, %row: index, %unit: index) {
      %few = seq.linear %one, %columns : tensor<1x32xf32>, tensor<1x32x16x1xf32> -> tensor<1x16xf32>
      seq.yield %few : tensor<1x16xf32>
    }
    ```
  }];
  let options = [Option<"target", "target", "std::string", "\"x86-64\"", "whose layouts to use">,
                 Option<"when", "when", "std::string", "\"auto\"", "auto: large heads; always, never">];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def LayOutCaches : Pass<"lay-out-caches", "::halyard::seq::ProgramOp"> {
  let summary = "keep what a head attends to together";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.state @k : tensor<?x4xf32>
      seq.step(%x: tensor<?x4xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
        %k = seq.cache_append @k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
            : tensor<?x4xf32> -> !seq.cache<8, 4, f32>
        %o = seq.attention %x, %k, %k rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
            {causal, heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
            : tensor<?x4xf32>, !seq.cache<8, 4, f32>, !seq.cache<8, 4, f32> -> tensor<?x4xf32>
        seq.yield %o : tensor<?x4xf32>
      }
    }
    // becomes
    seq.state @k blocks of 16 : tensor<1x2x16x2xf32>
    %k = seq.cache_append @k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xf32> -> !seq.cache<8, 4, f32, <2 x 16, rows>>
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::affine::AffineDialect", "::mlir::tensor::TensorDialect"];
}

//===-- dispatch and plan --------------------------------------------------------------------------------------------===//

def FuseElementwise : Pass<"fuse-elementwise", "::halyard::seq::ProgramOp"> {
  let summary = "compute elementwise operations where their result is read";
  let description = [{
    A producer is fused into its consumer when the consumer reads every element once, or when an element costs no more
    to compute than to read.

    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<8xf32>) {
        %e = tensor.empty() : tensor<8xf32>
        %a = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
            ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
        ^bb0(%in: f32, %out: f32):
          %p = math.exp %in : f32
          linalg.yield %p : f32
        } -> tensor<8xf32>
        %b = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
            ins(%a : tensor<8xf32>) outs(%e : tensor<8xf32>) {
        ^bb0(%in: f32, %out: f32):
          %q = arith.negf %in : f32
          linalg.yield %q : f32
        } -> tensor<8xf32>
        seq.yield %b : tensor<8xf32>
      }
    }
    // becomes
    %b = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
        ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
    ^bb0(%in: f32, %out: f32):
      %p = math.exp %in : f32
      %q = arith.negf %p : f32
      linalg.yield %q : f32
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::affine::AffineDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def FormDispatches : Pass<"form-dispatches", "::halyard::seq::ProgramOp"> {
  let summary = "make every computation of a stage a call of a kernel function";
  let description = [{
    A contraction and the elementwise operation that consumes it form one kernel. Weights are arguments, so that equal
    computations of different layers share one. Views of whole rows stay outside.

    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<2x4xf32>) {
        %w = arith.constant dense<0.5> : tensor<4x4xf32>
        %zero = arith.constant 0.0 : f32
        %e = tensor.empty() : tensor<2x4xf32>
        %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
        %h = linalg.matmul ins(%x, %w : tensor<2x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<2x4xf32>) -> tensor<2x4xf32>
        %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>],
            iterator_types = ["parallel", "parallel"]} ins(%h : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) {
        ^bb0(%in: f32, %out: f32):
          %n = arith.negf %in : f32
          linalg.yield %n : f32
        } -> tensor<2x4xf32>
        seq.yield %y : tensor<2x4xf32>
      }
    }
    // becomes
    func.func private @kernel_0(%x: tensor<2x4xf32>, %w: tensor<4x4xf32>) -> tensor<2x4xf32>
        attributes {seq.max_rows = 2 : i64, seq.max_source = 8 : i64, seq.max_target = 8 : i64} {
      %h = linalg.matmul ins(%x, %w : tensor<2x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<2x4xf32>) -> tensor<2x4xf32>
      %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>],
          iterator_types = ["parallel", "parallel"]} ins(%h : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) {
      ^bb0(%in: f32, %out: f32):
        %n = arith.negf %in : f32
        linalg.yield %n : f32
      return %y : tensor<2x4xf32>
    seq.encode(%x: tensor<2x4xf32>) {
      %w = arith.constant dense<5.000000e-01> : tensor<4x4xf32>
      %y = rt.dispatch @kernel_0(%x, %w) : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
    ```
  }];
  let options = [Option<"deterministic", "deterministic", "bool", "false",
                        "mark kernels seq.deterministic: they give the same bits on every target">];
  let dependentDialects = ["::halyard::rt::RtDialect", "::mlir::func::FuncDialect", "::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def PlaceWeights : Pass<"place-weights", "::halyard::rt::ProgramOp"> {
  let summary = "give every constant its offset in the weights file, equal contents one offset";
  let description = [{
    ```mlir
    rt.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64,
        vocabulary = 4 : i64, memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids",
        source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
      rt.constant @weight_0 : dense_resource<a> : tensor<2xf32>
      rt.constant @weight_1 : dense_resource<b> : tensor<2xf32>
      func.func @step(%arena: !rt.pointer, %weights: !rt.pointer) {
        %w = rt.weight @weight_1 in %weights : memref<2xf32>
        return
      }
    }
    {-# dialect_resources: { builtin: { a: "0x080000000000803F00000040", b: "0x080000000000803F00000040" } } #-}
    // becomes
    rt.constant @weight_0 at 64 : dense_resource<a> : tensor<2xf32>
    func.func @step(%arena: !rt.pointer, %weights: !rt.pointer) {
      %w = rt.weight @weight_0 in %weights : memref<2xf32>
    ```
  }];
}

def PlanArena : Pass<"plan-arena", "::halyard::rt::ProgramOp"> {
  let summary = "give every buffer its offset in the one arena of a session";
  let description = [{
    Persistent regions come first, then scratch. Values that are never alive together share memory, and so do the
    scratch of encode and of step. Sizes are those at the program's limits; the arena's size is their sum and exact.

    ```mlir
    rt.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64,
        vocabulary = 4 : i64, memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids",
        source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
      rt.region @self.0.k : memref<2x8x4xf32> {state}
      func.func @step(%arena: !rt.pointer, %weights: !rt.pointer, %n: index {rt.maximum = 4 : i64}) {
        %a = rt.alloc (%n) : memref<?x8xf32>
        %b = rt.alloc (%n) : memref<?x8xf32>
        rt.copy %a to %b : memref<?x8xf32> to memref<?x8xf32>
        return
      }
    }
    // becomes
    rt.region @self.0.k at 128 : memref<2x8x4xf32> {state}
    func.func @step(%arena: !rt.pointer, %weights: !rt.pointer, %n: index {rt.maximum = 4 : i64}) {
      %a = rt.buffer %arena at 384(%n) : memref<?x8xf32>
      %b = rt.buffer %arena at 512(%n) : memref<?x8xf32>
    ```
  }];
}

#endif

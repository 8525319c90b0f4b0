// The passes of this folder; those of the larger phases are in files of their own, included here. Each has one source
// file of its name, one lit test of its name, and a before/after example, which test/passes/check_examples.py runs.
#ifndef HALYARD_PASSES_TRANSFORMS
#define HALYARD_PASSES_TRANSFORMS

include "mlir/Pass/PassBase.td"

// What a pass needs that evaluates: the dialects of lowered functions.
defvar LoweredDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                          "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                          "::mlir::tensor::TensorDialect", "::halyard::seq::SeqDialect",
                          "::halyard::onnx::ONNXDialect"];

include "passes/Transforms/CompressPasses.td"
include "passes/Transforms/RaisePasses.td"
include "passes/Transforms/StagePasses.td"

//===-- simplify ---------------------------------------------------------------------------------------------------===//

def WidenFloats : Pass<"widen-floats", "::mlir::ModuleOp"> {
  let summary = "make floats of 16 bits f32";
  let description = [{
    ```mlir
    func.func @f(%x: tensor<?x2xf16>) -> tensor<*xf16> {
      %w = onnx.Constant {value = dense<[1.5, 2.0]> : tensor<2xf16>} : () -> tensor<2xf16>
      %y = onnx.Mul %x, %w : (tensor<?x2xf16>, tensor<2xf16>) -> tensor<*xf16>
      %z = onnx.Cast %y {to = bf16} : (tensor<*xf16>) -> tensor<*xbf16>
      %r = onnx.Cast %z {to = f16} : (tensor<*xbf16>) -> tensor<*xf16>
      return %r : tensor<*xf16>
    }
    // becomes
    func.func @f(%x: tensor<?x2xf32>) -> tensor<*xf32> {
      %w = onnx.Constant {value = dense<[1.500000e+00, 2.000000e+00]> : tensor<2xf16>} : () -> tensor<2xf16>
      %wide = onnx.Cast %w {to = f32} : (tensor<2xf16>) -> tensor<2xf32>
      %y = onnx.Mul %x, %wide : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<*xf32>
      %z = onnx.Cast %y {to = f32} : (tensor<*xf32>) -> tensor<*xf32>
      %r = onnx.Cast %z {to = f32} : (tensor<*xf32>) -> tensor<*xf32>
    ```
  }];
}

def FloatActivations : Pass<"float-activations", "::mlir::ModuleOp"> {
  let summary = "take activations that a file quantises as the floats they were";
  let description = [{
    With weights of f32 only ranges known before are left out; ranges found on the fly stay, and a remark says what
    they cost.

    ```mlir
    func.func @f(%x: tensor<?x2xf32>, %w: tensor<2x3xi8>, %zero: tensor<i8>, %scale: tensor<3xf32>) -> tensor<*xf32> {
      %codes, %x_scale, %x_zero = onnx.DynamicQuantizeLinear %x
        : (tensor<?x2xf32>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
      %sum = onnx.MatMulInteger %codes, %w, %x_zero, %zero
        : (tensor<*xui8>, tensor<2x3xi8>, tensor<*xui8>, tensor<i8>) -> tensor<*xi32>
      %float = onnx.Cast %sum {to = f32} : (tensor<*xi32>) -> tensor<*xf32>
      %scales = onnx.Mul %x_scale, %scale : (tensor<*xf32>, tensor<3xf32>) -> tensor<*xf32>
      %y = onnx.Mul %float, %scales : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
      return %y : tensor<*xf32>
    }
    // becomes
    %numbers = onnx.Cast %w {to = f32} : (tensor<2x3xi8>) -> tensor<*xf32>
    %least = onnx.Cast %zero {to = f32} : (tensor<i8>) -> tensor<*xf32>
    %centred = onnx.Sub %numbers, %least : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
    %product = onnx.MatMul %x, %centred : (tensor<?x2xf32>, tensor<*xf32>) -> tensor<*xf32>
    %y = onnx.Mul %product, %scale : (tensor<*xf32>, tensor<3xf32>) -> tensor<*xf32>
    ```
  }];
  let options = [Option<"weights", "weights", "std::string", "\"int8\"", "precision chosen for weights">];
}

def FloatWeights : Pass<"float-weights", "::mlir::ModuleOp"> {
  let summary = "make weights that are packed for operators of their own floats";
  let description = [{
    ```mlir
    func.func @f(%a: tensor<?x4xf32>) -> tensor<*xf32> {
      %b = onnx.Constant {value = dense<[[[57, 249]], [[8, 40]]]> : tensor<2x1x2xui8>} : () -> tensor<2x1x2xui8>
      %scales = onnx.Constant {value = dense<[0.5, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
      %none = onnx.None : () -> none
      %y = onnx.ms.MatMulNBits %a, %b, %scales, %none, %none, %none {K = 4 : i64, N = 2 : i64, block_size = 4 : i64}
        : (tensor<?x4xf32>, tensor<2x1x2xui8>, tensor<2xf32>, none, none, none) -> tensor<*xf32>
      return %y : tensor<*xf32>
    }
    // becomes
    %matrix = onnx.Constant {value = dense<[[5.000000e-01, -2.500000e+00, 5.000000e-01, 3.500000e+00], [0.000000e+00, -1.600000e+01, 0.000000e+00, -1.200000e+01]]> : tensor<2x4xf32>} : () -> tensor<2x4xf32>
    %columns = onnx.Transpose %matrix {perm = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<*xf32>
    %y = onnx.MatMul %a, %columns : (tensor<?x4xf32>, tensor<*xf32>) -> tensor<*xf32>
    ```
  }];
}

def BindInterface : Pass<"bind-interface", "::mlir::ModuleOp"> {
  let summary = "leave one input of the encoder and two of the decoder, and make the batch 1";
  let description = [{
    Inputs are known by the names of Hugging Face's exporters. Masks become ones, caches empty tensors,
    `use_cache_branch` false, positions 0, 1, 2, ...; every output but the memory and the logits is dropped. What is left
    says how its extents follow from the lengths, and the encoder how many rows the memory has. Keys and values of
    cross-attention that are outputs of the encoder and inputs of the decoder (`present_key_cross_0`, `past_key_cross_0`)
    are computed by the decoder. One that takes caches, and has no branch without them, is marked
    (`halyard.takes_caches`): it sees no later rows.

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

def CallNpu : Pass<"call-npu", "::halyard::rt::ProgramOp"> {
  let summary = "have sums of codes computed by programs of the target's NPU";
  let description = [{
    Each layer is compiled by the vendor's tools. The function that computes it is declared and carries the program;
    weights in the NPU's form take the place of the layer's, and the memory that the NPU works in is a buffer.

    ```mlir
    rt.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64,
        vocabulary = 4 : i64, memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids",
        source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
      rt.constant @weight_0 : dense<1> : tensor<16x1x1x8xi8>
      func.func private @kernel_0(%codes: tensor<?x8xi8>, %w: tensor<16x1x1x8xi8>) -> tensor<?x16xi32> {
        %sums = seq.linear %codes, %w : tensor<?x8xi8>, tensor<16x1x1x8xi8> -> tensor<?x16xi32>
        return %sums : tensor<?x16xi32>
      }
      func.func @step(%arena: !rt.pointer, %weights: !rt.pointer, %n: index {rt.maximum = 4 : i64}) {
        %codes = rt.alloc (%n) : memref<?x8xi8>
        %w = rt.weight @weight_0 in %weights : memref<16x1x1x8xi8>
        %sums = rt.alloc (%n) : memref<?x16xi32>
        rt.kernel_call @kernel_0(%codes, %w, %sums) : memref<?x8xi8>, memref<16x1x1x8xi8>, memref<?x16xi32>
        return
      }
    }
    // becomes
    func.func private @npu_0(tensor<?x8xi8>, tensor<272xi8>, tensor<288xi8>) -> tensor<?x16xi32>
    func.func @step(%arena: !rt.pointer, %weights: !rt.pointer, %n: index {rt.maximum = 4 : i64}) {
      %codes = rt.alloc(%n) : memref<?x8xi8>
      %sums = rt.alloc(%n) : memref<?x16xi32>
      %p = rt.weight @npu_0.weights in %weights : memref<272xi8>
      %m = rt.alloc : memref<288xi8>
      rt.kernel_call @npu_0(%codes, %p, %m, %sums) : memref<?x8xi8>, memref<272xi8>, memref<288xi8>, memref<?x16xi32>
    ```
  }];
  let options = [Option<"target", "target", "std::string", "\"cortex-m55+ethos-u85-256\"", "whose NPU to use">];
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

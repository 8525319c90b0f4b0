// The passes of this folder. Each has one source file of its name, one lit test of its name, and a before/after example.
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

    ```mlir
    func.func @encoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"}, %mask: tensor<?x?xi64> {onnx.name = "attention_mask"})
    func.func @decoder(%ids: tensor<?x?xi64> {onnx.name = "input_ids"}, %memory: tensor<?x?x8xf32> {onnx.name = "encoder_hidden_states"})
    // becomes
    func.func @encoder(%ids: tensor<1x?xi64> {halyard.shape = affine_map<()[s, t] -> (1, s)>})
        attributes {halyard.memory_rows = affine_map<()[s, t] -> (s)>} {
      %mask = onnx.Expand %one, %extents : (tensor<i64>, tensor<2xi64>) -> tensor<1x?xi64>
    func.func @decoder(%ids: tensor<1x?xi64> {halyard.shape = affine_map<()[s, t] -> (1, t)>},
                       %memory: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, s, 8)>})
    ```
  }];
  let dependentDialects = ["::halyard::onnx::ONNXDialect", "::halyard::seq::SeqDialect"];
}

def SpecialiseBranches : Pass<"specialise-branches", "::mlir::func::FuncOp"> {
  let summary = "replace each onnx.If whose condition is known by the branch it takes";
  let description = [{
    A condition is known if it is constant, or a comparison of lengths that has one outcome for all of them.

    ```mlir
    %c = onnx.Constant {value = dense<false> : tensor<i1>}
    %r = onnx.If(%c) : (tensor<i1>) -> tensor<?xf32> { onnx.Yield %a } else { %n = onnx.Neg %a  onnx.Yield %n }
    // becomes
    %r = onnx.Neg %a
    ```
  }];
  let dependentDialects = ["::halyard::onnx::ONNXDialect"];
}

def ResolveShapes : Pass<"resolve-shapes", "::mlir::func::FuncOp"> {
  let summary = "write known extents into types, and integers that follow from the lengths into seq.extents";
  let description = [{
    ```mlir
    func.func @f(%x: tensor<1x?x8xf32> {halyard.shape = affine_map<()[s, t] -> (1, s, 8)>}) {
      %shape = onnx.Shape %x : (tensor<1x?x8xf32>) -> tensor<*xi64>
      %rows = onnx.Gather %shape, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
      %heads = onnx.Concat %rows, %minus, %four {axis = 0 : i64} : (tensor<*xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xi64>
      %y = onnx.Reshape %x, %heads : (tensor<1x?x8xf32>, tensor<*xi64>) -> tensor<*xf32>
    // becomes
      %heads = seq.extents affine_map<()[s, t] -> (s, -1, 4)> : tensor<3xi64>
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
    %mask = onnx.Expand %one, %extents : (tensor<i64>, tensor<2xi64>) -> tensor<1x?xi64>
    %f = onnx.Cast %mask {to = f32} : (tensor<1x?xi64>) -> tensor<1x?xf32>
    %i = onnx.Sub %c1, %f : (tensor<f32>, tensor<1x?xf32>) -> tensor<1x?xf32>
    %b = onnx.Mul %i, %lowest : (tensor<1x?xf32>, tensor<f32>) -> tensor<1x?xf32>
    %y = onnx.Add %x, %b : (tensor<1x?xf32>, tensor<1x?xf32>) -> tensor<1x?xf32>
    // becomes
    %y = %x
    ```
  }];
  let dependentDialects = LoweredDialects;
}

def Simplify : Pass<"simplify", "::mlir::ModuleOp"> {
  let summary = "specialise-branches, resolve-shapes, fold-constants, canonicalize and cse until nothing changes";
  let description = [{
    ```mlir
    %shape = onnx.Shape %x : (tensor<1x?x8xf32>) -> tensor<*xi64>
    %count = onnx.Gather %shape, %two : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
    %f = onnx.Cast %count {to = f32} : (tensor<*xi64>) -> tensor<*xf32>
    %root = onnx.Sqrt %f : (tensor<*xf32>) -> tensor<*xf32>
    // becomes
    %root = onnx.Constant {value = dense<2.82842708> : tensor<f32>}
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
    %s = onnx.MatMul %q, %kt
    %m = onnx.Add %s, %mask
    %p = onnx.Softmax %m {axis = -1 : i64}
    %o = onnx.MatMul %p, %v
    // becomes
    %o = seq.attention %q_rows, %k_rows, %v_rows bias(%mask_table) {heads = 4 : i64, kv_heads = 4 : i64, scale = 1.0 : f64}
    ```
  }];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::halyard::onnx::ONNXDialect"];
}

def RaiseActivation : Pass<"raise-activation", "::mlir::func::FuncOp"> {
  let summary = "make onnx.Gelu of GELU spelled out";
  let description = [{
    ```mlir
    %d = onnx.Div %x, %sqrt2
    %e = onnx.Erf %d
    %a = onnx.Add %e, %one
    %h = onnx.Mul %half, %a
    %y = onnx.Mul %x, %h
    // becomes
    %y = onnx.Gelu %x {approximate = "none"}
    ```
  }];
  let dependentDialects = ["::halyard::onnx::ONNXDialect"];
}

def RaiseNorm : Pass<"raise-norm", "::mlir::func::FuncOp"> {
  let summary = "make seq.norm of layer and root-mean-square normalisation";
  let description = [{
    ```mlir
    %2 = onnx.Pow %x, %two
    %m = onnx.ReduceMean %2, %last
    %a = onnx.Add %m, %epsilon
    %s = onnx.Sqrt %a
    %d = onnx.Div %x, %s
    %y = onnx.Mul %d, %weight
    // becomes
    %r = onnx.Reshape %x, ...
    %n = seq.norm rms %r, %weight {epsilon = 1.0e-6 : f64} : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
    %y = onnx.Reshape %n, ...
    ```
  }];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::halyard::onnx::ONNXDialect"];
}

def RaisePrefixSum : Pass<"raise-prefix-sum", "::mlir::func::FuncOp"> {
  let summary = "make seq.prefix_sum of cumulative sums along time";
  let description = [{
    ```mlir
    %s = onnx.CumSum %x, %axis : (tensor<1x?xi64>, tensor<i64>) -> tensor<1x?xi64>
    // becomes
    %r = onnx.Reshape %x, ...
    %p = seq.prefix_sum %r : tensor<?x1xi64> -> tensor<?x1xi64>
    %s = onnx.Reshape %p, ...
    ```
  }];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::halyard::onnx::ONNXDialect"];
}

def RaiseRotary : Pass<"raise-rotary", "::mlir::func::FuncOp"> {
  let summary = "make seq.rotary of rotary position embedding spelled out";
  let description = [{
    Both styles (halves and interleaved), over all features of a head or the leading ones.

    ```mlir
    %upper = onnx.Slice %x[.., 4:8]
    %lower = onnx.Slice %x[.., 0:4]
    %minus = onnx.Neg %upper
    %turned = onnx.Concat %minus, %lower {axis = -1 : i64}
    %a = onnx.Mul %x, %cos
    %b = onnx.Mul %turned, %sin
    %y = onnx.Add %a, %b
    // becomes
    %y_rows = seq.rotary %x_rows, %cos_pairs, %sin_pairs {heads = 4 : i64, rotary = 8 : i64}
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
    %p = onnx.Range %zero, %t, %one
    %e = onnx.Gather %weight, %p
    %y = onnx.Add %x, %e
    // becomes
    %t = seq.length target : index
    %e = tensor.extract_slice %table[0, 0] [%t, 8] [1, 1]
    %y = onnx.Add %x, %e
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
    func.func @encoder(%source: tensor<1x?xi64>) -> tensor<1x?x8xf32> { ... }
    func.func @decoder(%tokens: tensor<1x?xi64>, %memory: tensor<1x?x8xf32>) -> tensor<1x?x16xf32> { ... }
    // becomes
    seq.program @model attributes {...} {
      seq.encode(%source: tensor<1x?xi64>) { ... }
      seq.bind(%memory: tensor<1x?x8xf32>) { seq.yield }
      seq.step(%tokens: tensor<1x?xi64>, %memory: tensor<1x?x8xf32>) { ... }
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
    seq.step(%tokens: tensor<1x?xi64>, %memory: tensor<?x8xf32>) {
      %k = linalg.matmul ins(%memory, %wk) ...
      %o = seq.attention %q, %k, %v ...
    // becomes
    seq.cross @cross.0.k : tensor<?x8xf32>
    seq.bind(%memory: tensor<?x8xf32>) {
      %k = linalg.matmul ins(%memory, %wk) ...
      seq.store @cross.0.k, %k
    seq.step(%tokens: tensor<1x?xi64>) {
      %k = seq.load @cross.0.k
      %o = seq.attention %q, %k, %v ...
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
    %o = seq.attention %q, %k, %v {causal, ...}
    // becomes
    seq.state @self.0.k : tensor<?x8xf32>
    seq.state @self.0.v : tensor<?x8xf32>
    %ks = seq.cache_append @self.0.k, %k
    %vs = seq.cache_append @self.0.v, %v
    %o = seq.attention %q, %ks, %vs {causal, ...}
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
    seq.step(%tokens: tensor<1x?xi64>) {
      %p = tensor.extract_slice %table[0, 0] [%t, 8] [1, 1]
      %ks = seq.cache_append @self.0.k, %k : tensor<?x8xf32> -> tensor<?x8xf32>
      %o = seq.attention %q, %ks, %vs {causal, ...}
    // becomes
    seq.step(%tokens: tensor<?xi64>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
      %p = linalg.generic ins(%position) { table[position[row], feature] }
      %ks = seq.cache_append @self.0.k, %k rows(%slot, %position) : tensor<?x8xf32> -> !seq.cache<256, 8, f32>
      %o = seq.attention %q, %ks, %vs rows(%slot, %position) {causal, ...}
    ```
  }];
}

//===-- dispatch and plan --------------------------------------------------------------------------------------------===//

def FuseElementwise : Pass<"fuse-elementwise", "::halyard::seq::ProgramOp"> {
  let summary = "compute elementwise operations where their result is read";
  let description = [{
    A producer is fused into its consumer when the consumer reads every element once, or when an element costs no more
    to compute than to read.

    ```mlir
    #id = affine_map<(i, j) -> (i, j)>
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64} {
      seq.encode(%x: tensor<8x4xf32>) {
        %empty = tensor.empty() : tensor<8x4xf32>
        %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
            ins(%x : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
        ^bb0(%p: f32, %o: f32):
          %q = math.exp %p : f32
          linalg.yield %q : f32
        } -> tensor<8x4xf32>
        %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
            ins(%a : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>) {
        ^bb0(%p: f32, %o: f32):
          %q = arith.negf %p : f32
          linalg.yield %q : f32
        } -> tensor<8x4xf32>
        seq.yield %b : tensor<8x4xf32>
      }
    }
    // becomes
    seq.encode(%x: tensor<8x4xf32>)
      %b = linalg.generic
      %e = math.exp %p : f32
      %q = arith.negf %e : f32
      seq.yield %b : tensor<8x4xf32>
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
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64} {
      seq.step(%x: tensor<?x8xf32>) {
        %scale = arith.constant dense<[1., 2., 3., 4., 5., 6., 7., 8.]> : tensor<8xf32>
        %y = seq.norm rms %x, %scale {epsilon = 1.0e-5 : f64} : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
        %z = seq.norm rms %y, %scale {epsilon = 1.0e-5 : f64} : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
        seq.yield %z : tensor<?x8xf32>
      }
    }
    // becomes
    func.func private @kernel_0(%a: tensor<?x8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32>
      seq.norm rms %a, %b
    seq.step(%x: tensor<?x8xf32>)
      %n = seq.length target : index
      %scale = arith.constant dense
      %y = rt.dispatch @kernel_0(%x, %scale) extents(%n) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
      %z = rt.dispatch @kernel_0(%y, %scale) extents(%n) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
      seq.yield %z : tensor<?x8xf32>
    ```
  }];
  let dependentDialects = ["::halyard::rt::RtDialect", "::mlir::func::FuncDialect", "::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def PlaceWeights : Pass<"place-weights", "::halyard::rt::ProgramOp"> {
  let summary = "give every constant its offset in the weights file, equal contents one offset";
  let description = [{
    ```mlir
    rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64,
        vocabulary = 16 : i64, memory_features = 8 : i64, source_type = tensor<1x?xi64>, source_name = "ids",
        source_vocabulary = 16 : i64, header_bytes = 128 : i64} {
      rt.constant @weight_0 : dense<1.0> : tensor<4xf32>
      rt.constant @weight_1 : dense<1.0> : tensor<4xf32>
      func.func @step(%arena: !rt.pointer, %weights: !rt.pointer) {
        %w = rt.weight @weight_1 in %weights : memref<4xf32>
        return
      }
    }
    // becomes
    rt.constant @weight_0 at 64 : dense<1.000000e+00> : tensor<4xf32>
    func.func @step(%arena: !rt.pointer, %weights: !rt.pointer)
      rt.weight @weight_0 in %weights : memref<4xf32>
    ```
  }];
}

def PlanArena : Pass<"plan-arena", "::halyard::rt::ProgramOp"> {
  let summary = "give every buffer its offset in the one arena of a session";
  let description = [{
    Persistent regions come first, then scratch. Values that are never alive together share memory, and so do the
    scratch of encode and of step. Sizes are those at the program's limits; the arena's size is their sum and exact.

    ```mlir
    rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64,
        vocabulary = 16 : i64, memory_features = 8 : i64, source_type = tensor<1x?xi64>, source_name = "ids",
        source_vocabulary = 16 : i64, header_bytes = 128 : i64} {
      rt.region @self.0.k : memref<2x8x8xf32>
      func.func private @kernel_0(tensor<?x8xf32>) -> tensor<?x8xf32>
      func.func @step(%arena: !rt.pointer, %weights: !rt.pointer, %n: index {rt.maximum = 4 : i64}) {
        %a = rt.alloc(%n) : memref<?x8xf32>
        %b = rt.alloc(%n) : memref<?x8xf32>
        rt.kernel_call @kernel_0(%a, %b) : memref<?x8xf32>, memref<?x8xf32>
        %c = rt.alloc(%n) : memref<?x8xf32>
        rt.kernel_call @kernel_0(%b, %c) : memref<?x8xf32>, memref<?x8xf32>
        return
      }
    }
    // becomes
    rt.region @self.0.k at 128 : memref<2x8x8xf32>
    func.func @step(%arena: !rt.pointer, %weights: !rt.pointer, %n: index
      %a = rt.buffer %arena at 640(%n) : memref<?x8xf32>
      %b = rt.buffer %arena at 768(%n) : memref<?x8xf32>
      %c = rt.buffer %arena at 640(%n) : memref<?x8xf32>
    ```
  }];
}

#endif

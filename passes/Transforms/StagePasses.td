// Passes of the phases stage and rows; see Passes.td.
#ifndef HALYARD_PASSES_TRANSFORMS_STAGE
#define HALYARD_PASSES_TRANSFORMS_STAGE

include "mlir/Pass/PassBase.td"

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

#endif

// The passes of this folder. Each has one source file of its name, one lit test of its name, and a before/after example.
#ifndef HALYARD_PASSES_TRANSFORMS
#define HALYARD_PASSES_TRANSFORMS

include "mlir/Pass/PassBase.td"

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

#endif

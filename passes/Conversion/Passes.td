// The passes of this folder. Each has one source file of its name, one lit test of its name, and a before/after example,
// which test/passes/check_examples.py runs.
#ifndef HALYARD_PASSES_CONVERSION
#define HALYARD_PASSES_CONVERSION

include "mlir/Pass/PassBase.td"

//===-- lowering -----------------------------------------------------------------------------------------------------===//

def OnnxToLinalg : Pass<"onnx-to-linalg", "::mlir::ModuleOp"> {
  let summary = "lower onnx operations to linalg, tensor, arith and math";
  let description = [{
    The lowering that compile-time evaluation and compiled programs share. Broadcasting and transposed operands are
    indexing maps; extents that follow from the lengths are computed from `seq.length`.

    ```mlir
    func.func @f(%x: tensor<1x?x4xf32> {halyard.shape = affine_map<()[s, t] -> (1, t, 4)>}, %w: tensor<8x4xf32>)
        -> tensor<1x?x8xf32> {
      %wt = onnx.Transpose %w {perm = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
      %y = onnx.MatMul %x, %wt : (tensor<1x?x4xf32>, tensor<4x8xf32>) -> tensor<1x?x8xf32>
      return %y : tensor<1x?x8xf32>
    }
    // becomes
    func.func @f(%x: tensor<1x?x4xf32> {halyard.shape = affine_map<()[s0, s1] -> (1, s1, 4)>}, %w: tensor<8x4xf32>)
        -> tensor<1x?x8xf32> {
      %t = seq.length target : index
      %empty = tensor.empty(%t) : tensor<1x?x8xf32>
      // one contraction, which reads %w in place
      %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>,
          affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>],
          iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %w : tensor<1x?x4xf32>, tensor<8x4xf32>)
          outs(%zeros : tensor<1x?x8xf32>) {
    ```

    Operations without a loop-nest form (NonZero, TopK, ScatterND, ...) stay: only the evaluator runs them.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect", "::halyard::seq::SeqDialect"];
}

//===-- plan and emit ------------------------------------------------------------------------------------------------===//

def SeqToRt : Pass<"seq-to-rt", "::mlir::ModuleOp"> {
  let summary = "turn the stages of a program into functions over buffers";
  let description = [{
    encode and bind become one function. Kernels of it that treat rows by themselves are called once for all sources that
    it is given, if `one-by-one` does not forbid that and a program has several slots; others, and what stands between
    them, in a loop over the sources. Results that are bound to a slot or returned are computed where they are
    wanted; every other kernel result gets a buffer, to be placed by plan-arena.

    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 4 : i64, max_rows = 2 : i64, slots = 3 : i64} {
      seq.cross @cross.0.k : tensor<?x8xf32>
      func.func private @kernel_0(%x: tensor<1x?x8xf32>) -> tensor<?x8xf32>
      func.func private @kernel_1(%tokens: tensor<?xi64>) -> tensor<?x16xf32>
      seq.encode(%source: tensor<1x?x8xf32>) {
        seq.yield %source : tensor<1x?x8xf32>
      }
      seq.bind(%memory: tensor<1x?x8xf32>) {
        %s = seq.length source : index
        %k = rt.dispatch @kernel_0(%memory) extents(%s) : (tensor<1x?x8xf32>) -> tensor<?x8xf32>
        seq.store @cross.0.k, %k : tensor<?x8xf32>
        seq.yield
      }
      seq.step(%tokens: tensor<?xi64>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
        %n = seq.length target : index
        %logits = rt.dispatch @kernel_1(%tokens) extents(%n) : (tensor<?xi64>) -> tensor<?x16xf32>
        seq.yield %logits : tensor<?x16xf32>
      }
    }
    // becomes
    rt.region @cross.0.k : memref<3x8x8xf32> {cross}
    func.func @encode(%arena: !rt.pointer, %weights: !rt.pointer {rt.readonly}, %count: index,
        %sources: !rt.pointer {rt.readonly}) {
      %zero = arith.constant 0 : index
      %slot = rt.source_slot %sources[%zero]
      %s = rt.source_length %sources[%zero] {rt.maximum = 8 : i64}
      %source = rt.source_data %sources[%zero]
      %memory = rt.host %source(%s) : memref<1x?x8xf32>
      %cache = rt.arena @cross.0.k in %arena : memref<3x8x8xf32>
      %k = rt.slot %cache[%slot] (%s) : memref<3x8x8xf32> -> memref<?x8xf32>
      rt.kernel_call @kernel_0(%memory, %k) : memref<1x?x8xf32>, memref<?x8xf32>
    func.func @step(%arena: !rt.pointer, %weights: !rt.pointer {rt.readonly}, %n: index {rt.maximum = 2 : i64},
        %token: !rt.pointer {rt.readonly}, %slot: !rt.pointer {rt.readonly}, %position: !rt.pointer {rt.readonly}, %result: !rt.pointer) {
      %tokens = rt.alloc(%n) : memref<?xi64>
      %logits = rt.host %result(%n) : memref<?x16xf32>
      rt.kernel_call @kernel_1(%tokens, %logits) : memref<?xi64>, memref<?x16xf32>
    ```
  }];
  let options = [Option<"oneByOne", "one-by-one", "bool", "false", "encode one source at a time">];
  let dependentDialects = ["::halyard::rt::RtDialect", "::mlir::func::FuncDialect", "::mlir::scf::SCFDialect",
                           "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect"];
}

def RtToEmitC : Pass<"rt-to-emitc", "::mlir::ModuleOp"> {
  let summary = "spell a program of the rt dialect as C++";
  let description = [{
    Each operation becomes one call of `runtime/include/halyard/generated.h`; kernels become declarations.

    ```mlir
    rt.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64,
        vocabulary = 4 : i64, memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids",
        source_vocabulary = 4 : i64, header_bytes = 128 : i64, arena_bytes = 640 : i64, weights_bytes = 128 : i64} {
      func.func private @kernel_0(%a: tensor<?x8xf32>) -> tensor<?x8xf32>
      func.func @step(%arena: !rt.pointer, %weights: !rt.pointer, %n: index) {
        %a = rt.buffer %arena at 384 (%n) : memref<?x8xf32>
        %b = rt.buffer %arena at 512 (%n) : memref<?x8xf32>
        rt.kernel_call @kernel_0(%a, %b) : memref<?x8xf32>, memref<?x8xf32>
        return
      }
    }
    // becomes
    emitc.func private @kernel_0(!emitc.opaque<"halyard_buffer &">, !emitc.opaque<"halyard_buffer &">)
        -> i32 attributes {specifiers = ["extern \22C\22"]}
    emitc.func @step(%arena: !emitc.ptr<!emitc.opaque<"void">>, %weights: !emitc.ptr<!emitc.opaque<"void">>, %n: i32)
        -> i32 attributes {specifiers = ["static"]} {
      %a = call_opaque "halyard::rt::buffer"(%arena, %n)
          {args = [0 : index, 384, 1 : index, 8], template_args = [#emitc.opaque<"float">]}
          : (!emitc.ptr<!emitc.opaque<"void">>, i32) -> !emitc.opaque<"halyard::rt::Tensor<2>">
      %b = call_opaque "halyard::rt::buffer"(%arena, %n)
          {args = [0 : index, 512, 1 : index, 8], template_args = [#emitc.opaque<"float">]}
          : (!emitc.ptr<!emitc.opaque<"void">>, i32) -> !emitc.opaque<"halyard::rt::Tensor<2>">
      verbatim "if (int32_t status = HALYARD_KERNEL(kernel_0)({}, {})) return status;" args %a, %b
          : !emitc.opaque<"halyard::rt::Tensor<2>">, !emitc.opaque<"halyard::rt::Tensor<2>">
    ```
  }];
  let dependentDialects = ["::mlir::emitc::EmitCDialect"];
}

#endif

// The passes of this folder. Each has one source file of its name, one lit test of its name, and a before/after example.
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
    %t = onnx.Transpose %w {perm = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
    %y = onnx.MatMul %x, %t : (tensor<1x?x4xf32>, tensor<4x8xf32>) -> tensor<1x?x8xf32>
    // becomes one contraction that reads %w in place
    %y = linalg.generic {indexing_maps = [(b, m, n, k) -> (0, m, k), (b, m, n, k) -> (n, k), (b, m, n, k) -> (b, m, n)],
                         iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %w) outs(%zeros)
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
    encode and bind become one function. Results that are bound to a slot or returned are computed where they are
    wanted; every other kernel result gets a buffer, to be placed by plan-arena.

    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64} {
      seq.cross @cross.0.k : tensor<?x4xf32>
      func.func private @kernel_0(%x: tensor<1x?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32>
      func.func private @kernel_1(%tokens: tensor<?xi64>) -> tensor<?x16xf32>
      seq.encode(%source: tensor<1x?x8xf32>) {
        seq.yield %source : tensor<1x?x8xf32>
      }
      seq.bind(%memory: tensor<1x?x8xf32>) {
        %s = seq.length source : index
        %w = arith.constant dense<1.0> : tensor<8x4xf32>
        %k = rt.dispatch @kernel_0(%memory, %w) extents(%s) : (tensor<1x?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
        seq.store @cross.0.k, %k : tensor<?x4xf32>
        seq.yield
      }
      seq.step(%tokens: tensor<?xi64>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
        %t = seq.length target : index
        %logits = rt.dispatch @kernel_1(%tokens) extents(%t) : (tensor<?xi64>) -> tensor<?x16xf32>
        seq.yield %logits : tensor<?x16xf32>
      }
    }
    // becomes
    rt.region @cross.0.k : memref<2x8x4xf32> {cross}
    func.func @encode(%arena: !rt.pointer, %weights: !rt.pointer {rt.readonly}, %slot: index, %source: !rt.pointer {rt.readonly}, %s: index
      %memory = rt.host %source(%s) : memref<1x?x8xf32>
      %w = rt.weight @weight_0 in %weights : memref<8x4xf32>
      %cache = rt.arena @cross.0.k in %arena : memref<2x8x4xf32>
      %k = rt.slot %cache[%slot] (%s) : memref<2x8x4xf32> -> memref<?x4xf32>
      rt.kernel_call @kernel_0(%memory, %w, %k)
    func.func @step(%arena: !rt.pointer, %weights: !rt.pointer {rt.readonly}, %n: index
      %tokens = rt.alloc(%n) : memref<?xi64>
      %logits = rt.host %out(%n) : memref<?x16xf32>
      rt.kernel_call @kernel_1(%tokens, %logits)
    ```
  }];
  let dependentDialects = ["::halyard::rt::RtDialect", "::mlir::func::FuncDialect", "::mlir::scf::SCFDialect",
                           "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect"];
}

def RtToEmitC : Pass<"rt-to-emitc", "::mlir::ModuleOp"> {
  let summary = "spell a program of the rt dialect as C++";
  let description = [{
    Each operation becomes one call of `runtime/include/halyard/generated.h`; kernels become declarations.

    ```mlir
    rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64,
        vocabulary = 16 : i64, memory_features = 8 : i64, source_type = tensor<1x?xi64>, source_name = "ids",
        source_vocabulary = 16 : i64, header_bytes = 128 : i64,
        arena_bytes = 384 : i64, weights_bytes = 64 : i64} {
      func.func private @kernel_0(tensor<?x8xf32>, index) -> tensor<?x8xf32>
      func.func @step(%arena: !rt.pointer, %weights: !rt.pointer {rt.readonly}, %n: index) {
        %a = rt.buffer %arena at 128 (%n) : memref<?x8xf32>
        %b = rt.buffer %arena at 256 (%n) : memref<?x8xf32>
        rt.kernel_call @kernel_0(%a, %n, %b) : memref<?x8xf32>, index, memref<?x8xf32>
        return
      }
    }
    // becomes
    emitc.include "halyard/generated.h"
    emitc.func private @kernel_0(!emitc.opaque<"halyard_buffer &">, i32, !emitc.opaque<"halyard_buffer &">) -> i32
    emitc.func @step(%arena: !emitc.ptr<!emitc.opaque<"void">>, %weights: !emitc.ptr<!emitc.opaque<"const void">>, %n: i32) -> i32
      %a = call_opaque "halyard::rt::buffer"(%arena, %n) {args = [0 : index, 128, 1 : index, 8], template_args = [#emitc.opaque<"float">]}
      %b = call_opaque "halyard::rt::buffer"(%arena, %n) {args = [0 : index, 256, 1 : index, 8], template_args = [#emitc.opaque<"float">]}
      verbatim "if (int32_t status = kernel_0({}, {}, {})) return status;" args %a, %n, %b
    ```
  }];
  let dependentDialects = ["::mlir::emitc::EmitCDialect"];
}

#endif

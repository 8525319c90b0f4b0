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
    seq.cross @cross.0.k : tensor<?x4xf32>
    seq.bind(%memory: tensor<1x?x8xf32>) {
      %k = rt.dispatch @kernel_1(%memory, %w) extents(%s) : (...) -> tensor<?x4xf32>
      seq.store @cross.0.k, %k : tensor<?x4xf32>
    // becomes, inside `encode`,
    %cache = rt.arena @cross.0.k in %arena : memref<4x512x4xf32>
    %k = rt.slot %cache[%slot] (%s) : memref<4x512x4xf32> -> memref<?x4xf32>
    rt.kernel_call @kernel_1(%memory, %w, %k)
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
    %a = rt.buffer %arena at 8192 (%n) : memref<?x512xf32>
    rt.kernel_call @kernel_0(%x, %a) : memref<?x512xf32>, memref<?x512xf32>
    // becomes
    %a = emitc.call_opaque "halyard::rt::buffer"(%arena, %n) {args = [0 : index, 8192, 1 : index, 512], ...}
    emitc.verbatim "if (int32_t status = kernel_0({}, {})) return status;" args %x, %a
    ```
  }];
  let dependentDialects = ["::mlir::emitc::EmitCDialect"];
}

#endif

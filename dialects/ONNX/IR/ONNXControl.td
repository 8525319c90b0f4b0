// ONNX control flow: branches whose regions see the values around them.
#ifndef HALYARD_ONNX_CONTROL
#define HALYARD_ONNX_CONTROL

include "dialects/ONNX/IR/ONNXBase.td"

def ONNX_YieldOp : Op<ONNX_Dialect, "Yield", [Pure, Terminator, ReturnLike]> {
  let summary = "results of a branch";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
}

def ONNX_IfOp : Op<ONNX_Dialect, "If", [RecursiveMemoryEffects, SingleBlock, NoRegionArguments,
                                        ONNX_ElementTypeInterface]> {
  let summary = "results of one of two branches";
  let description = [{
    ```mlir
    %r = onnx.If(%condition) : (tensor<i1>) -> tensor<*xf32> { onnx.Yield %a : tensor<*xf32> }
                                                       else { onnx.Yield %b : tensor<*xf32> }
    ```
  }];
  let arguments = (ins ONNX_Tensor:$condition);
  let results = (outs Variadic<ONNX_Optional>:$outputs);
  let regions = (region SizedRegion<1>:$then_branch, SizedRegion<1>:$else_branch);
  let assemblyFormat = [{
    `(` $condition `)` attr-dict `:` functional-type(operands, results) $then_branch `else` $else_branch
  }];
  let extraClassDeclaration = [{
    static int64_t getOperandLimit() { return 1; }
    static int64_t getResultLimit() { return -1; }
    /// Of what the then branch yields; null while the branch is empty.
    ::mlir::Type inferElementType(unsigned result);
  }];
  let hasVerifier = 1;
}

#endif

// ONNX operators that are sums of products: matrix products and convolutions.
#ifndef HALYARD_ONNX_CONTRACTION
#define HALYARD_ONNX_CONTRACTION

include "dialects/ONNX/IR/ONNXBase.td"

def ONNX_MatMulOp : ONNX_Op<"MatMul", "matrix product, batched with broadcasting as numpy.matmul",
    (ins ONNX_Tensor:$a, ONNX_Tensor:$b)> { let hasVerifier = 1; }

def ONNX_GemmOp : ONNX_Op<"Gemm", "alpha * A' * B' + beta * C",
    (ins ONNX_Tensor:$a, ONNX_Tensor:$b, ONNX_Optional:$c),
    (ins ONNX_Float<"1.0">:$alpha, ONNX_Float<"1.0">:$beta, ONNX_Int<0>:$transA, ONNX_Int<0>:$transB)> {
  let hasVerifier = 1;
}

def ONNX_EinsumOp : ONNX_Op<"Einsum", "sum of products over the indices that the right-hand side leaves out",
    (ins Variadic<ONNX_Tensor>:$inputs), (ins StrAttr:$equation)> {
  let operandLimit = -1;
  let hasVerifier = 1;
}

def ONNX_MatMulIntegerOp : ONNX_Op<"MatMulInteger", "matrix product of int8, zero points subtracted",
    (ins ONNX_Tensor:$a, ONNX_Tensor:$b, ONNX_Optional:$a_zero_point, ONNX_Optional:$b_zero_point)> {
  let elementType = "int32Type(getContext())";
}

def ONNX_QLinearMatMulOp : ONNX_Op<"QLinearMatMul", "matrix product of quantised tensors, quantised",
    (ins ONNX_Tensor:$a, ONNX_Tensor:$a_scale, ONNX_Tensor:$a_zero_point, ONNX_Tensor:$b, ONNX_Tensor:$b_scale,
         ONNX_Tensor:$b_zero_point, ONNX_Tensor:$y_scale, ONNX_Tensor:$y_zero_point)> {
  let elementType = "elementTypeOf(getYZeroPoint())";
}

def ONNX_ConvOp : ONNX_Op<"Conv", "convolution", (ins ONNX_Tensor:$x, ONNX_Tensor:$w, ONNX_Optional:$b),
    !con((ins ONNX_Int<1>:$group), ONNX_window)> { let hasVerifier = 1; }

def ONNX_ConvTransposeOp : ONNX_Op<"ConvTranspose", "transposed convolution",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$w, ONNX_Optional:$b),
    !con((ins ONNX_Int<1>:$group, ONNX_OptionalInts:$output_padding, ONNX_OptionalInts:$output_shape), ONNX_window)>;

def ONNX_ConvIntegerOp : ONNX_Op<"ConvInteger", "convolution of int8, zero points subtracted",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$w, ONNX_Optional:$x_zero_point, ONNX_Optional:$w_zero_point),
    !con((ins ONNX_Int<1>:$group), ONNX_window)> { let elementType = "int32Type(getContext())"; }

#endif

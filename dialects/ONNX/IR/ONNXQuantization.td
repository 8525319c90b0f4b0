// ONNX operators that quantise and dequantise.
#ifndef HALYARD_ONNX_QUANTIZATION
#define HALYARD_ONNX_QUANTIZATION

include "dialects/ONNX/IR/ONNXBase.td"

def ONNX_QuantizeLinearOp : ONNX_Op<"QuantizeLinear", "saturate(round(x / scale) + zero point), per tensor, axis or block",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$y_scale, ONNX_Optional:$y_zero_point),
    (ins ONNX_Int<1>:$axis, ONNX_Int<0>:$block_size, ONNX_OptionalType:$output_dtype, ONNX_OptionalType:$precision,
         ONNX_Int<1>:$saturate)> {
  let elementType = "isAbsent(getYZeroPoint()) ? getOutputDtype().value_or(uint8Type(getContext())) "
                    ": elementTypeOf(getYZeroPoint())";
}

def ONNX_DequantizeLinearOp : ONNX_Op<"DequantizeLinear", "(x - zero point) * scale, per tensor, axis or block",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$x_scale, ONNX_Optional:$x_zero_point),
    (ins ONNX_Int<1>:$axis, ONNX_Int<0>:$block_size, ONNX_OptionalType:$output_dtype)> {
  let elementType = "getOutputDtype().value_or(elementTypeOf(getXScale()))";
  let hasCanonicalizeMethod = 1;
}

def ONNX_DynamicQuantizeLinearOp : ONNX_Op<"DynamicQuantizeLinear",
    "uint8 with scale and zero point from the range of the values", (ins ONNX_Tensor:$x), (ins),
    (outs ONNX_Tensor:$y, ONNX_Tensor:$y_scale, ONNX_Tensor:$y_zero_point)> {
  let elementType = "result == 1 ? floatType(getContext()) : uint8Type(getContext())";
}

#endif

// ONNX operators of neural networks that are more than one loop nest: pooling, normalisation, softmax, attention.
#ifndef HALYARD_ONNX_NN
#define HALYARD_ONNX_NN

include "dialects/ONNX/IR/ONNXBase.td"

//===-- pooling ----------------------------------------------------------------------------------------------------===//

def ONNX_AveragePoolOp : ONNX_Op<"AveragePool", "mean over windows", (ins ONNX_Tensor:$x),
    !con((ins ONNX_Int<0>:$ceil_mode, ONNX_Int<0>:$count_include_pad), ONNX_window)>;
def ONNX_MaxPoolOp : ONNX_OpWithMoreResults<"MaxPool", "maximum over windows, and where it is", 2, (ins ONNX_Tensor:$x),
    !con((ins ONNX_Int<0>:$ceil_mode, ONNX_Int<0>:$storage_order), ONNX_window)> {
  let elementType = "result == 0 ? elementTypeOf(getX()) : int64Type(getContext())";
  let hasVerifier = 1;
}
def ONNX_GlobalAveragePoolOp : ONNX_Op<"GlobalAveragePool", "mean over all spatial axes", (ins ONNX_Tensor:$x)>;
def ONNX_GlobalMaxPoolOp : ONNX_Op<"GlobalMaxPool", "maximum over all spatial axes", (ins ONNX_Tensor:$x)>;

//===-- softmax ----------------------------------------------------------------------------------------------------===//

class ONNX_AlongAxis<string mnemonic, string text> : ONNX_Op<mnemonic, text, (ins ONNX_Tensor:$input),
    (ins ONNX_Int<-1>:$axis), (outs ONNX_Tensor:$result), [ONNX_AxisInRange]>;

def ONNX_SoftmaxOp : ONNX_AlongAxis<"Softmax", "exp(x) over its sum along an axis">;
def ONNX_LogSoftmaxOp : ONNX_AlongAxis<"LogSoftmax", "logarithm of Softmax">;
def ONNX_HardmaxOp : ONNX_AlongAxis<"Hardmax", "1 at the first maximum along an axis, else 0">;

//===-- normalisation ----------------------------------------------------------------------------------------------===//

def ONNX_BatchNormalizationOp : ONNX_OpWithMoreResults<"BatchNormalization",
    "(x - mean) / sqrt(variance + epsilon) * scale + bias per channel, with given mean and variance", 3,
    (ins ONNX_Tensor:$x, ONNX_Tensor:$scale, ONNX_Tensor:$b, ONNX_Tensor:$input_mean, ONNX_Tensor:$input_var),
    (ins ONNX_Float<"1e-05">:$epsilon, ONNX_Float<"0.9">:$momentum, ONNX_Int<0>:$training_mode)> {
  let hasVerifier = 1;
}

def ONNX_GroupNormalizationOp : ONNX_Op<"GroupNormalization", "normalised over groups of channels, scaled per channel",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$scale, ONNX_Tensor:$bias),
    (ins ONNX_Float<"1e-05">:$epsilon, I64Attr:$num_groups, ONNX_Int<1>:$stash_type)>;

def ONNX_InstanceNormalizationOp : ONNX_Op<"InstanceNormalization", "normalised over the spatial axes of each channel",
    (ins ONNX_Tensor:$input, ONNX_Tensor:$scale, ONNX_Tensor:$b), (ins ONNX_Float<"1e-05">:$epsilon)>;

def ONNX_LayerNormalizationOp : ONNX_OpWithMoreResults<"LayerNormalization",
    "normalised over axes from `axis` on; then mean and inverse standard deviation", 3,
    (ins ONNX_Tensor:$x, ONNX_Tensor:$scale, ONNX_Optional:$b),
    (ins ONNX_Int<-1>:$axis, ONNX_Float<"1e-05">:$epsilon, ONNX_Int<1>:$stash_type), [ONNX_AxisInRange]> {
  let elementType = "result == 0 ? elementTypeOf(getX()) : floatType(getContext())";
  let hasVerifier = 1;
}

def ONNX_LpNormalizationOp : ONNX_Op<"LpNormalization", "over the p-norm along an axis", (ins ONNX_Tensor:$input),
    (ins ONNX_Int<-1>:$axis, ONNX_Int<2>:$p), (outs ONNX_Tensor:$result), [ONNX_AxisInRange]>;

def ONNX_MeanVarianceNormalizationOp : ONNX_Op<"MeanVarianceNormalization", "(x - mean) / standard deviation over axes",
    (ins ONNX_Tensor:$x), (ins DefaultValuedAttr<DenseI64ArrayAttr, "{0, 2, 3}">:$axes)>;

def ONNX_RMSNormalizationOp : ONNX_Op<"RMSNormalization", "x / sqrt(mean(x^2) + epsilon) * scale over axes from `axis` on",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$scale),
    (ins ONNX_Int<-1>:$axis, ONNX_Float<"1e-05">:$epsilon, ONNX_Int<1>:$stash_type), (outs ONNX_Tensor:$result),
    [ONNX_AxisInRange]> {
  let elementType = "elementTypeOf(getScale())";
}

//===-- attention --------------------------------------------------------------------------------------------------===//

def ONNX_AttentionOp : ONNX_OpWithMoreResults<"Attention", "scaled dot-product attention with optional mask and past", 4,
    (ins ONNX_Tensor:$q, ONNX_Tensor:$k, ONNX_Tensor:$v, ONNX_Optional:$attn_mask, ONNX_Optional:$past_key,
         ONNX_Optional:$past_value, ONNX_Optional:$nonpad_kv_seqlen),
    (ins ONNX_Int<0>:$is_causal, ONNX_OptionalInt:$kv_num_heads, ONNX_OptionalInt:$q_num_heads,
         ONNX_Int<0>:$qk_matmul_output_mode, ONNX_OptionalFloat:$scale, ONNX_Float<"0.0">:$softcap,
         ONNX_OptionalType:$softmax_precision)> {
  let description = [{ Results: output, present_key, present_value, qk_matmul_output. }];
  let elementType = "elementTypeOf(result == 2 ? getV() : getQ())";
  let hasVerifier = 1;
}

def ONNX_RotaryEmbeddingOp : ONNX_Op<"RotaryEmbedding", "rotary position embedding",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$cos_cache, ONNX_Tensor:$sin_cache, ONNX_Optional:$position_ids),
    (ins ONNX_Int<0>:$interleaved, ONNX_OptionalInt:$num_heads, ONNX_Int<0>:$rotary_embedding_dim)>;

#endif

// Operators of the com.microsoft domain, as ONNX Runtime's optimiser and quantiser write them: onnx.ms.NAME.
// SimplifiedLayerNormalization is among them, although ONNX Runtime registers it in the standard domain.
#ifndef HALYARD_ONNX_MICROSOFT
#define HALYARD_ONNX_MICROSOFT

include "dialects/ONNX/IR/ONNXBase.td"

class ONNX_MS<string mnemonic, string text, dag operandList, dag attributeList = (ins)>
    : ONNX_Op<"ms." # mnemonic, text, operandList, attributeList>;

class ONNX_MSMore<string mnemonic, string text, int limit, dag operandList, dag attributeList = (ins)>
    : ONNX_OpWithMoreResults<"ms." # mnemonic, text, limit, operandList, attributeList> { let hasVerifier = 1; }

//===-- activations ------------------------------------------------------------------------------------------------===//

def ONNX_MSBiasAddOp : ONNX_MS<"BiasAdd", "x + bias + skip",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$bias, ONNX_Tensor:$skip)>;
def ONNX_MSBiasGeluOp : ONNX_MS<"BiasGelu", "Gelu(a + b)", (ins ONNX_Tensor:$a, ONNX_Tensor:$b)>;
def ONNX_MSFastGeluOp : ONNX_MS<"FastGelu", "Gelu(x + bias) by tanh", (ins ONNX_Tensor:$x, ONNX_Optional:$bias)>;
def ONNX_MSGeluOp : ONNX_MS<"Gelu", "x * Phi(x)", (ins ONNX_Tensor:$x)>;
def ONNX_MSQuickGeluOp : ONNX_MS<"QuickGelu", "x * Sigmoid(alpha * x)", (ins ONNX_Tensor:$x),
    (ins ONNX_Float<"1.702">:$alpha)>;

//===-- normalisation ----------------------------------------------------------------------------------------------===//

def ONNX_MSSimplifiedLayerNormalizationOp : ONNX_MSMore<"SimplifiedLayerNormalization",
    "RMSNormalization; then the inverse root", 2, (ins ONNX_Tensor:$x, ONNX_Tensor:$scale),
    (ins ONNX_Int<-1>:$axis, ONNX_Float<"1e-05">:$epsilon, ONNX_Int<1>:$stash_type)>;

def ONNX_MSSkipLayerNormalizationOp : ONNX_MSMore<"SkipLayerNormalization",
    "LayerNormalization of input + skip + bias; results: output, mean, inverse deviation, the sum", 4,
    (ins ONNX_Tensor:$input, ONNX_Tensor:$skip, ONNX_Tensor:$gamma, ONNX_Optional:$beta, ONNX_Optional:$bias),
    (ins ONNX_Float<"1e-12">:$epsilon)>;

def ONNX_MSSkipSimplifiedLayerNormalizationOp : ONNX_MSMore<"SkipSimplifiedLayerNormalization",
    "RMSNormalization of input + skip + bias; results: output, mean, inverse deviation, the sum", 4,
    (ins ONNX_Tensor:$input, ONNX_Tensor:$skip, ONNX_Tensor:$gamma, ONNX_Optional:$bias),
    (ins ONNX_Float<"1e-12">:$epsilon)>;

def ONNX_MSEmbedLayerNormalizationOp : ONNX_MSMore<"EmbedLayerNormalization",
    "LayerNormalization of the sum of looked-up embeddings; results: output, lengths by the mask, the sum", 3,
    (ins ONNX_Tensor:$input_ids, ONNX_Optional:$segment_ids, ONNX_Tensor:$word_embedding,
         ONNX_Tensor:$position_embedding, ONNX_Optional:$segment_embedding, ONNX_Tensor:$gamma, ONNX_Tensor:$beta,
         ONNX_Optional:$mask, ONNX_Optional:$position_ids),
    (ins ONNX_Float<"1e-12">:$epsilon, ONNX_Int<0>:$mask_index_type)> {
  let elementType = "result == 1 ? int32Type(getContext()) : elementTypeOf(getWordEmbedding())";
}

//===-- contraction ------------------------------------------------------------------------------------------------===//

def ONNX_MSFusedMatMulOp : ONNX_MS<"FusedMatMul", "alpha * A' * B'", (ins ONNX_Tensor:$a, ONNX_Tensor:$b),
    (ins ONNX_Float<"1.0">:$alpha, ONNX_Int<0>:$transA, ONNX_Int<0>:$transB, ONNX_Int<0>:$transBatchA,
         ONNX_Int<0>:$transBatchB)>;

def ONNX_MSMatMulNBitsOp : ONNX_MS<"MatMulNBits", "A times a matrix quantised by blocks along K",
    (ins ONNX_Tensor:$a, ONNX_Tensor:$b, ONNX_Tensor:$scales, ONNX_Optional:$zero_points, ONNX_Optional:$g_idx,
         ONNX_Optional:$bias),
    (ins I64Attr:$K, I64Attr:$N, ONNX_Int<0>:$accuracy_level, ONNX_Int<4>:$bits, I64Attr:$block_size,
         ONNX_Int<0>:$weight_prepacked)> {
  let description = [{
    `b` is [N, ceil(K / block_size), block_size * bits / 8] bytes, the low bits first; the zero point is 2^(bits - 1)
    unless given (packed likewise, or in the type of `a`).
  }];
}

def ONNX_MSMatMulBnb4Op : ONNX_MS<"MatMulBnb4", "A times a matrix of 4-bit table indices scaled by blocks",
    (ins ONNX_Tensor:$a, ONNX_Tensor:$b, ONNX_Tensor:$absmax),
    (ins I64Attr:$K, I64Attr:$N, I64Attr:$block_size, I64Attr:$quant_type, ONNX_Int<0>:$training_mode,
         ONNX_Int<1>:$transB)>;

def ONNX_MSMatMulIntegerToFloatOp : ONNX_MS<"MatMulIntegerToFloat", "MatMulInteger, scaled, plus bias",
    (ins ONNX_Tensor:$a, ONNX_Tensor:$b, ONNX_Tensor:$a_scale, ONNX_Tensor:$b_scale, ONNX_Optional:$a_zero_point,
         ONNX_Optional:$b_zero_point, ONNX_Optional:$bias)> {
  let elementType = "elementTypeOf(getAScale())";
}

def ONNX_MSDynamicQuantizeMatMulOp : ONNX_MS<"DynamicQuantizeMatMul", "A quantised dynamically, times B, scaled, plus bias",
    (ins ONNX_Tensor:$a, ONNX_Tensor:$b, ONNX_Tensor:$b_scale, ONNX_Optional:$b_zero_point, ONNX_Optional:$bias)>;

def ONNX_MSGatherBlockQuantizedOp : ONNX_MS<"GatherBlockQuantized", "Gather of a tensor quantised by blocks",
    (ins ONNX_Tensor:$data, ONNX_Tensor:$indices, ONNX_Tensor:$scales, ONNX_Optional:$zero_points),
    (ins ONNX_Int<4>:$bits, ONNX_Int<128>:$block_size, ONNX_Int<0>:$gather_axis, ONNX_Int<1>:$quantize_axis)> {
  let elementType = "elementTypeOf(getScales())";
}

def ONNX_MSDequantizeLinearOp : ONNX_MS<"DequantizeLinear", "(x - zero point) * scale",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$x_scale, ONNX_Optional:$x_zero_point), (ins ONNX_Int<1>:$axis)> {
  let elementType = "elementTypeOf(getXScale())";
}

def ONNX_MSQuantizeLinearOp : ONNX_MS<"QuantizeLinear", "saturate(round(x / scale) + zero point)",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$y_scale, ONNX_Optional:$y_zero_point), (ins ONNX_Int<1>:$axis)> {
  let elementType = "isAbsent(getYZeroPoint()) ? uint8Type(getContext()) : elementTypeOf(getYZeroPoint())";
}

//===-- attention --------------------------------------------------------------------------------------------------===//

def ONNX_MSAttentionOp : ONNX_MSMore<"Attention", "self-attention from its input on, projections merged", 2,
    (ins ONNX_Tensor:$input, ONNX_Tensor:$weights, ONNX_Optional:$bias, ONNX_Optional:$mask_index, ONNX_Optional:$past,
         ONNX_Optional:$attention_bias, ONNX_Optional:$past_sequence_length),
    (ins ONNX_Int<0>:$do_rotary, ONNX_Float<"-10000.0">:$mask_filter_value, I64Attr:$num_heads,
         ONNX_Int<0>:$past_present_share_buffer, ONNX_OptionalInts:$qkv_hidden_sizes,
         ONNX_OptionalInt:$rotary_embedding_dim, ONNX_OptionalFloat:$scale, ONNX_Int<0>:$unidirectional)>;

def ONNX_MSQAttentionOp : ONNX_MSMore<"QAttention", "Attention of codes", 2,
    (ins ONNX_Tensor:$input, ONNX_Tensor:$weight, ONNX_Tensor:$bias, ONNX_Tensor:$input_scale, ONNX_Tensor:$weight_scale,
         ONNX_Optional:$mask_index, ONNX_Optional:$input_zero_point, ONNX_Optional:$weight_zero_point,
         ONNX_Optional:$past),
    (ins ONNX_Int<0>:$do_rotary, ONNX_Float<"-10000.0">:$mask_filter_value, I64Attr:$num_heads,
         ONNX_Int<0>:$past_present_share_buffer, ONNX_OptionalFloat:$scale, ONNX_Int<0>:$unidirectional)> {
  let elementType = "elementTypeOf(getBias())";
}

def ONNX_MSMultiHeadAttentionOp : ONNX_MSMore<"MultiHeadAttention",
    "attention of projected queries, keys and values; 4-D keys and values are caches", 4,
    (ins ONNX_Tensor:$query, ONNX_Optional:$key, ONNX_Optional:$value, ONNX_Optional:$bias,
         ONNX_Optional:$key_padding_mask, ONNX_Optional:$attention_bias, ONNX_Optional:$past_key,
         ONNX_Optional:$past_value, ONNX_Optional:$past_sequence_length, ONNX_Optional:$cache_indirection),
    (ins ONNX_Float<"-10000.0">:$mask_filter_value, I64Attr:$num_heads, ONNX_OptionalFloat:$scale,
         ONNX_Int<0>:$unidirectional)>;

def ONNX_MSDecoderMaskedMultiHeadAttentionOp : ONNX_MSMore<"DecoderMaskedMultiHeadAttention",
    "MultiHeadAttention of one row with a cache of fixed length", 4,
    (ins ONNX_Tensor:$query, ONNX_Optional:$key, ONNX_Optional:$value, ONNX_Optional:$mask_index,
         ONNX_Optional:$attention_bias, ONNX_Optional:$past_key, ONNX_Optional:$past_value,
         ONNX_Optional:$past_sequence_length, ONNX_Optional:$beam_width, ONNX_Optional:$cache_indirection,
         ONNX_Optional:$bias),
    (ins ONNX_Float<"-10000.0">:$mask_filter_value, I64Attr:$num_heads, ONNX_Int<0>:$output_qk,
         ONNX_Int<0>:$past_present_share_buffer, ONNX_OptionalFloat:$scale)>;

def ONNX_MSGroupQueryAttentionOp : ONNX_MSMore<"GroupQueryAttention",
    "causal attention with grouped heads, cache and rotary embedding", 4,
    (ins ONNX_Tensor:$query, ONNX_Optional:$key, ONNX_Optional:$value, ONNX_Optional:$past_key,
         ONNX_Optional:$past_value, ONNX_Tensor:$seqlens_k, ONNX_Tensor:$total_sequence_length,
         ONNX_Optional:$cos_cache, ONNX_Optional:$sin_cache, ONNX_Optional:$position_ids, ONNX_Optional:$attention_bias,
         ONNX_Optional:$head_sink),
    (ins ONNX_Int<0>:$do_rotary, I64Attr:$kv_num_heads, ONNX_Int<-1>:$local_window_size, I64Attr:$num_heads,
         ONNX_Int<0>:$rotary_interleaved, ONNX_OptionalFloat:$scale, ONNX_Float<"0.0">:$softcap,
         ONNX_Int<0>:$smooth_softmax)>;

def ONNX_MSRotaryEmbeddingOp : ONNX_MS<"RotaryEmbedding", "rotary position embedding",
    (ins ONNX_Tensor:$input, ONNX_Tensor:$position_ids, ONNX_Tensor:$cos_cache, ONNX_Tensor:$sin_cache),
    (ins ONNX_Int<0>:$interleaved, ONNX_Int<0>:$is_packed_batching, ONNX_Int<0>:$num_heads,
         ONNX_Int<0>:$rotary_embedding_dim, ONNX_Float<"1.0">:$scale)>;

def ONNX_MSRelativePositionBiasOp : ONNX_MS<"RelativePositionBias", "T5's bias by bucketed distance",
    (ins ONNX_Tensor:$bias_table, ONNX_Tensor:$query_length, ONNX_Tensor:$key_length),
    (ins ONNX_Int<0>:$is_bidirectional, I64Attr:$max_distance)>;

#endif

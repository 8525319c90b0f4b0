// ONNX operators that read or write elements at computed positions.
#ifndef HALYARD_ONNX_INDEXING
#define HALYARD_ONNX_INDEXING

include "dialects/ONNX/IR/ONNXBase.td"

def ONNX_GatherOp : ONNX_Op<"Gather", "slices of an axis at indices; negative ones count from the end",
    (ins ONNX_Tensor:$data, ONNX_Tensor:$indices), (ins ONNX_Int<0>:$axis), (outs ONNX_Tensor:$result),
    [ONNX_AxisInRange]>;

def ONNX_GatherElementsOp : ONNX_Op<"GatherElements", "one element per index, along an axis",
    (ins ONNX_Tensor:$data, ONNX_Tensor:$indices), (ins ONNX_Int<0>:$axis), (outs ONNX_Tensor:$result),
    [ONNX_AxisInRange]>;

def ONNX_GatherNDOp : ONNX_Op<"GatherND", "slices at index tuples", (ins ONNX_Tensor:$data, ONNX_Tensor:$indices),
    (ins ONNX_Int<0>:$batch_dims)>;

def ONNX_ScatterElementsOp : ONNX_Op<"ScatterElements", "data with one element per index replaced or combined",
    (ins ONNX_Tensor:$data, ONNX_Tensor:$indices, ONNX_Tensor:$updates),
    (ins ONNX_Int<0>:$axis, ONNX_String<"none">:$reduction), (outs ONNX_Tensor:$result), [ONNX_AxisInRange]>;

def ONNX_ScatterNDOp : ONNX_Op<"ScatterND", "data with slices at index tuples replaced or combined",
    (ins ONNX_Tensor:$data, ONNX_Tensor:$indices, ONNX_Tensor:$updates), (ins ONNX_String<"none">:$reduction)>;

def ONNX_TensorScatterOp : ONNX_Op<"TensorScatter", "cache with rows written from a position per batch on",
    (ins ONNX_Tensor:$past_cache, ONNX_Tensor:$update, ONNX_Optional:$write_indices),
    (ins ONNX_Int<-2>:$axis, ONNX_String<"linear">:$mode), (outs ONNX_Tensor:$result), [ONNX_AxisInRange]>;

def ONNX_NonZeroOp : ONNX_Op<"NonZero", "positions of all elements that are not 0, one column each",
    (ins ONNX_Tensor:$input)> { let elementType = "int64Type(getContext())"; }

def ONNX_CompressOp : ONNX_Op<"Compress", "slices of an axis (or elements) where a condition holds",
    (ins ONNX_Tensor:$input, ONNX_Tensor:$condition), (ins ONNX_OptionalInt:$axis)>;

def ONNX_OneHotOp : ONNX_Op<"OneHot", "one value at each index of a new axis, another elsewhere",
    (ins ONNX_Tensor:$indices, ONNX_Tensor:$depth, ONNX_Tensor:$values), (ins ONNX_Int<-1>:$axis)> {
  let elementType = "elementTypeOf(getValues())";
}

def ONNX_TopKOp : ONNX_Op<"TopK", "the k largest or smallest elements along an axis, and where they are",
    (ins ONNX_Tensor:$x, ONNX_Tensor:$k), (ins ONNX_Int<-1>:$axis, ONNX_Int<1>:$largest, ONNX_Int<1>:$sorted),
    (outs ONNX_Tensor:$values, ONNX_Tensor:$indices), [ONNX_AxisInRange]> {
  let elementType = "result == 0 ? elementTypeOf(getX()) : int64Type(getContext())";
}

def ONNX_UniqueOp : ONNX_OpWithMoreResults<"Unique", "different elements (or slices), where each occurs and how often", 4,
    (ins ONNX_Tensor:$x), (ins ONNX_OptionalInt:$axis, ONNX_Int<1>:$sorted)> {
  let elementType = "result == 0 ? elementTypeOf(getX()) : int64Type(getContext())";
  let hasVerifier = 1;
}

def ONNX_ReverseSequenceOp : ONNX_Op<"ReverseSequence", "the first sequence_lens[b] elements of each batch reversed",
    (ins ONNX_Tensor:$input, ONNX_Tensor:$sequence_lens), (ins ONNX_Int<1>:$batch_axis, ONNX_Int<0>:$time_axis)>;

#endif

// ONNX operators that reduce along axes or accumulate along one.
#ifndef HALYARD_ONNX_REDUCTION
#define HALYARD_ONNX_REDUCTION

include "dialects/ONNX/IR/ONNXBase.td"

// Reduces over `axes` (none given: over all, or over none with noop_with_empty_axes).
class ONNX_Reduce<string mnemonic, string text>
    : ONNX_Op<mnemonic, text, (ins ONNX_Tensor:$data, ONNX_Optional:$axes),
              (ins ONNX_Int<1>:$keepdims, ONNX_Int<0>:$noop_with_empty_axes)>;

def ONNX_ReduceL1Op : ONNX_Reduce<"ReduceL1", "sum of absolute values">;
def ONNX_ReduceL2Op : ONNX_Reduce<"ReduceL2", "square root of the sum of squares">;
def ONNX_ReduceLogSumOp : ONNX_Reduce<"ReduceLogSum", "logarithm of the sum">;
def ONNX_ReduceLogSumExpOp : ONNX_Reduce<"ReduceLogSumExp", "logarithm of the sum of exponentials">;
def ONNX_ReduceMaxOp : ONNX_Reduce<"ReduceMax", "maximum">;
def ONNX_ReduceMeanOp : ONNX_Reduce<"ReduceMean", "mean">;
def ONNX_ReduceMinOp : ONNX_Reduce<"ReduceMin", "minimum">;
def ONNX_ReduceProdOp : ONNX_Reduce<"ReduceProd", "product">;
def ONNX_ReduceSumOp : ONNX_Reduce<"ReduceSum", "sum">;
def ONNX_ReduceSumSquareOp : ONNX_Reduce<"ReduceSumSquare", "sum of squares">;

class ONNX_ArgReduce<string mnemonic, string text>
    : ONNX_Op<mnemonic, text, (ins ONNX_Tensor:$data),
              (ins ONNX_Int<0>:$axis, ONNX_Int<1>:$keepdims, ONNX_Int<0>:$select_last_index),
              (outs ONNX_Tensor:$result), [ONNX_AxisInRange]> { let elementType = "int64Type(getContext())"; }

def ONNX_ArgMaxOp : ONNX_ArgReduce<"ArgMax", "index of the maximum along an axis">;
def ONNX_ArgMinOp : ONNX_ArgReduce<"ArgMin", "index of the minimum along an axis">;

class ONNX_Cumulative<string mnemonic, string text>
    : ONNX_Op<mnemonic, text, (ins ONNX_Tensor:$x, ONNX_Tensor:$axis),
              (ins ONNX_Int<0>:$exclusive, ONNX_Int<0>:$reverse)>;

def ONNX_CumSumOp : ONNX_Cumulative<"CumSum", "sum of all elements along an axis up to each">;
def ONNX_CumProdOp : ONNX_Cumulative<"CumProd", "product of all elements along an axis up to each">;

#endif

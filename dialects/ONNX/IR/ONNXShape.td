// ONNX operators that make tensors or move elements without computing on them.
#ifndef HALYARD_ONNX_SHAPE
#define HALYARD_ONNX_SHAPE

include "dialects/ONNX/IR/ONNXBase.td"

//===-- values out of nothing --------------------------------------------------------------------------------------===//

def ONNX_NoneOp : Op<ONNX_Dialect, "None", [Pure]> {
  let summary = "an operand that the file left out";
  let results = (outs NoneType:$result);
  let assemblyFormat = "attr-dict `:` functional-type(operands, results)";
}

def ONNX_ConstantOp : ONNX_Op<"Constant", "a tensor known at compile time", (ins), (ins ElementsAttr:$value),
                              (outs ONNX_Tensor:$result), [ConstantLike]> {
  let description = [{ Large values are dense resources that point into the mapped file. }];
  let elementType = "getValue().getElementType()";
  let builders = [OpBuilder<(ins "::mlir::ElementsAttr":$value), [{
    build($_builder, $_state, value.getType(), value);
  }]>];
  let hasFolder = 1;
  let hasVerifier = 1;
}

def ONNX_ConstantOfShapeOp : ONNX_Op<"ConstantOfShape", "a tensor of a given shape and one value, by default float 0",
    (ins ONNX_Tensor:$input), (ins OptionalAttr<ElementsAttr>:$value)> {
  let elementType = "getValue() ? getValue()->getElementType() : floatType(getContext())";
}

def ONNX_EyeLikeOp : ONNX_Op<"EyeLike", "ones on the k-th diagonal, zeros elsewhere",
    (ins ONNX_Tensor:$input), (ins ONNX_OptionalType:$dtype, ONNX_Int<0>:$k)> {
  let elementType = "getDtype().value_or(elementTypeOf(getInput()))";
}

def ONNX_RangeOp : ONNX_Op<"Range", "start, start + delta, ... before limit",
    (ins ONNX_Tensor:$start, ONNX_Tensor:$limit, ONNX_Tensor:$delta), (ins ONNX_Int<1>:$stash_type)>;

//===-- shapes -----------------------------------------------------------------------------------------------------===//

def ONNX_ShapeOp : ONNX_Op<"Shape", "extents of axes start to end", (ins ONNX_Tensor:$data),
    (ins ONNX_Int<0>:$start, ONNX_OptionalInt:$end)> { let elementType = "int64Type(getContext())"; }

def ONNX_SizeOp : ONNX_Op<"Size", "number of elements", (ins ONNX_Tensor:$data)> {
  let elementType = "int64Type(getContext())";
}

def ONNX_FlattenOp : ONNX_Op<"Flatten", "two axes: those before `axis` and the rest", (ins ONNX_Tensor:$input),
    (ins ONNX_Int<1>:$axis)>;

def ONNX_ReshapeOp : ONNX_Op<"Reshape", "same elements in another shape; 0 keeps an extent, -1 is computed",
    (ins ONNX_Tensor:$data, ONNX_Tensor:$shape), (ins ONNX_Int<0>:$allowzero)> { let hasCanonicalizeMethod = 1; }

def ONNX_SqueezeOp : ONNX_Op<"Squeeze", "without the given axes of extent 1, or without all such",
    (ins ONNX_Tensor:$data, ONNX_Optional:$axes)>;

def ONNX_UnsqueezeOp : ONNX_Op<"Unsqueeze", "with axes of extent 1 inserted", (ins ONNX_Tensor:$data, ONNX_Tensor:$axes)>;

//===-- movement ---------------------------------------------------------------------------------------------------===//

def ONNX_ConcatOp : ONNX_Op<"Concat", "operands one after the other along an axis",
    (ins Variadic<ONNX_Tensor>:$inputs), (ins I64Attr:$axis), (outs ONNX_Tensor:$result), [ONNX_AxisInRange]> {
  let operandLimit = -1;
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def ONNX_SplitOp : ONNX_Op<"Split", "parts along an axis, of given or equal extents",
    (ins ONNX_Tensor:$input, ONNX_Optional:$split), (ins ONNX_Int<0>:$axis, ONNX_OptionalInt:$num_outputs),
    (outs Variadic<ONNX_Tensor>:$outputs), [ONNX_AxisInRange]> {
  let resultLimit = -1;
}

def ONNX_SliceOp : ONNX_Op<"Slice", "elements start, start + step, ... before end of the given axes",
    (ins ONNX_Tensor:$data, ONNX_Tensor:$starts, ONNX_Tensor:$ends, ONNX_Optional:$axes, ONNX_Optional:$steps)>;

def ONNX_TransposeOp : ONNX_Op<"Transpose", "axes permuted (by default reversed)",
    (ins ONNX_Tensor:$data), (ins ONNX_OptionalInts:$perm)> {
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def ONNX_ExpandOp : ONNX_Op<"Expand", "broadcast with a shape", (ins ONNX_Tensor:$input, ONNX_Tensor:$shape)>;
def ONNX_TileOp : ONNX_Op<"Tile", "repeated along every axis", (ins ONNX_Tensor:$input, ONNX_Tensor:$repeats)>;

def ONNX_PadOp : ONNX_Op<"Pad", "enlarged on both sides of the given axes",
    (ins ONNX_Tensor:$data, ONNX_Tensor:$pads, ONNX_Optional:$constant_value, ONNX_Optional:$axes),
    (ins ONNX_String<"constant">:$mode)> { let hasVerifier = 1; }

def ONNX_ResizeOp : ONNX_Op<"Resize", "interpolated along axes, to a number of elements or by a factor",
    (ins ONNX_Tensor:$x, ONNX_Optional:$roi, ONNX_Optional:$scales, ONNX_Optional:$sizes),
    (ins ONNX_Int<0>:$antialias, ONNX_OptionalInts:$axes, ONNX_String<"half_pixel">:$coordinate_transformation_mode,
         ONNX_Float<"-0.75">:$cubic_coeff_a, ONNX_Int<0>:$exclude_outside, ONNX_Float<"0.0">:$extrapolation_value,
         ONNX_String<"stretch">:$keep_aspect_ratio_policy, ONNX_String<"nearest">:$mode,
         ONNX_String<"round_prefer_floor">:$nearest_mode)>;

def ONNX_TriluOp : ONNX_Op<"Trilu", "zeros on one side of the k-th diagonal",
    (ins ONNX_Tensor:$input, ONNX_Optional:$k), (ins ONNX_Int<1>:$upper)>;

def ONNX_DepthToSpaceOp : ONNX_Op<"DepthToSpace", "blocks of channels to positions", (ins ONNX_Tensor:$input),
    (ins I64Attr:$blocksize, ONNX_String<"DCR">:$mode)>;

def ONNX_SpaceToDepthOp : ONNX_Op<"SpaceToDepth", "blocks of positions to channels", (ins ONNX_Tensor:$input),
    (ins I64Attr:$blocksize)>;

#endif

// ONNX operators computed element by element, with broadcasting where there are several operands.
#ifndef HALYARD_ONNX_ELEMENTWISE
#define HALYARD_ONNX_ELEMENTWISE

include "dialects/ONNX/IR/ONNXBase.td"

class ONNX_Unary<string mnemonic, string text, dag attributeList = (ins)>
    : ONNX_Op<mnemonic, text, (ins ONNX_Tensor:$input), attributeList>;

class ONNX_UnaryTest<string mnemonic, string text, dag attributeList = (ins)>
    : ONNX_Unary<mnemonic, text, attributeList> { let elementType = "booleanType(getContext())"; }

class ONNX_Binary<string mnemonic, string text, dag attributeList = (ins)>
    : ONNX_Op<mnemonic, text, (ins ONNX_Tensor:$a, ONNX_Tensor:$b), attributeList>;

class ONNX_Comparison<string mnemonic, string text> : ONNX_Binary<mnemonic, text> {
  let elementType = "booleanType(getContext())";
}

// One operand at least, all broadcast to one shape.
class ONNX_Variadic<string mnemonic, string text>
    : ONNX_Op<mnemonic, text, (ins Variadic<ONNX_Tensor>:$inputs)> {
  let operandLimit = -1;
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

//===-- arithmetic of one operand --------------------------------------------------------------------------------===//

def ONNX_AbsOp : ONNX_Unary<"Abs", "absolute value">;
def ONNX_AcosOp : ONNX_Unary<"Acos", "arccosine">;
def ONNX_AcoshOp : ONNX_Unary<"Acosh", "inverse hyperbolic cosine">;
def ONNX_AsinOp : ONNX_Unary<"Asin", "arcsine">;
def ONNX_AsinhOp : ONNX_Unary<"Asinh", "inverse hyperbolic sine">;
def ONNX_AtanOp : ONNX_Unary<"Atan", "arctangent">;
def ONNX_AtanhOp : ONNX_Unary<"Atanh", "inverse hyperbolic tangent">;
def ONNX_CeilOp : ONNX_Unary<"Ceil", "smallest integer not below">;
def ONNX_CosOp : ONNX_Unary<"Cos", "cosine">;
def ONNX_CoshOp : ONNX_Unary<"Cosh", "hyperbolic cosine">;
def ONNX_ErfOp : ONNX_Unary<"Erf", "error function">;
def ONNX_ExpOp : ONNX_Unary<"Exp", "exponential">;
def ONNX_FloorOp : ONNX_Unary<"Floor", "largest integer not above">;
def ONNX_LogOp : ONNX_Unary<"Log", "natural logarithm">;
def ONNX_NegOp : ONNX_Unary<"Neg", "negation">;
def ONNX_ReciprocalOp : ONNX_Unary<"Reciprocal", "1 / x">;
def ONNX_RoundOp : ONNX_Unary<"Round", "nearest integer, halves to even">;
def ONNX_SignOp : ONNX_Unary<"Sign", "-1, 0 or 1">;
def ONNX_SinOp : ONNX_Unary<"Sin", "sine">;
def ONNX_SinhOp : ONNX_Unary<"Sinh", "hyperbolic sine">;
def ONNX_SqrtOp : ONNX_Unary<"Sqrt", "square root">;
def ONNX_TanOp : ONNX_Unary<"Tan", "tangent">;
def ONNX_TanhOp : ONNX_Unary<"Tanh", "hyperbolic tangent">;

//===-- activations ------------------------------------------------------------------------------------------------===//

def ONNX_CeluOp : ONNX_Unary<"Celu", "max(0,x) + min(0, alpha * (exp(x/alpha) - 1))", (ins ONNX_Float<"1.0">:$alpha)>;
def ONNX_EluOp : ONNX_Unary<"Elu", "x, or alpha * (exp(x) - 1) below 0", (ins ONNX_Float<"1.0">:$alpha)>;
def ONNX_GeluOp : ONNX_Unary<"Gelu", "x * Phi(x), by erf or its tanh approximation",
                             (ins ONNX_String<"none">:$approximate)> { let hasVerifier = 1; }
def ONNX_HardSigmoidOp : ONNX_Unary<"HardSigmoid", "max(0, min(1, alpha * x + beta))",
                                    (ins ONNX_Float<"0.2">:$alpha, ONNX_Float<"0.5">:$beta)>;
def ONNX_HardSwishOp : ONNX_Unary<"HardSwish", "x * HardSigmoid(x) with alpha 1/6 and beta 1/2">;
def ONNX_LeakyReluOp : ONNX_Unary<"LeakyRelu", "x, or alpha * x below 0", (ins ONNX_Float<"0.01">:$alpha)>;
def ONNX_MishOp : ONNX_Unary<"Mish", "x * tanh(softplus(x))">;
def ONNX_PReluOp : ONNX_Binary<"PRelu", "x, or slope * x below 0">;
def ONNX_ReluOp : ONNX_Unary<"Relu", "max(0, x)">;
def ONNX_SeluOp : ONNX_Unary<"Selu", "gamma * x, or gamma * (alpha * exp(x) - alpha) below 0",
                             (ins ONNX_Float<"1.67326319217681884765625">:$alpha,
                                  ONNX_Float<"1.05070102214813232421875">:$gamma)>;
def ONNX_ShrinkOp : ONNX_Unary<"Shrink", "x moved towards 0 by bias outside [-lambd, lambd], and 0 within",
                               (ins ONNX_Float<"0.0">:$bias, ONNX_Float<"0.5">:$lambd)>;
def ONNX_SigmoidOp : ONNX_Unary<"Sigmoid", "1 / (1 + exp(-x))">;
def ONNX_SoftplusOp : ONNX_Unary<"Softplus", "log(exp(x) + 1)">;
def ONNX_SoftsignOp : ONNX_Unary<"Softsign", "x / (1 + |x|)">;
def ONNX_SwishOp : ONNX_Unary<"Swish", "x * Sigmoid(alpha * x)", (ins ONNX_Float<"1.0">:$alpha)>;
def ONNX_ThresholdedReluOp : ONNX_Unary<"ThresholdedRelu", "x above alpha, else 0", (ins ONNX_Float<"1.0">:$alpha)>;

//===-- arithmetic of two operands ---------------------------------------------------------------------------------===//

def ONNX_AddOp : ONNX_Binary<"Add", "a + b">;
def ONNX_DivOp : ONNX_Binary<"Div", "a / b; integers are truncated">;
def ONNX_ModOp : ONNX_Binary<"Mod", "remainder with the sign of b, or with fmod that of a", (ins ONNX_Int<0>:$fmod)>;
def ONNX_MulOp : ONNX_Binary<"Mul", "a * b">;
def ONNX_PowOp : ONNX_Binary<"Pow", "a to the power of b, in the type of a">;
def ONNX_SubOp : ONNX_Binary<"Sub", "a - b">;
def ONNX_BitShiftOp : ONNX_Binary<"BitShift", "a shifted by b bits", (ins StrAttr:$direction)> { let hasVerifier = 1; }
def ONNX_BitwiseAndOp : ONNX_Binary<"BitwiseAnd", "a and b, bit by bit">;
def ONNX_BitwiseNotOp : ONNX_Unary<"BitwiseNot", "all bits inverted">;
def ONNX_BitwiseOrOp : ONNX_Binary<"BitwiseOr", "a or b, bit by bit">;
def ONNX_BitwiseXorOp : ONNX_Binary<"BitwiseXor", "a xor b, bit by bit">;

//===-- tests and logic --------------------------------------------------------------------------------------------===//

def ONNX_AndOp : ONNX_Comparison<"And", "a and b">;
def ONNX_EqualOp : ONNX_Comparison<"Equal", "a == b">;
def ONNX_GreaterOp : ONNX_Comparison<"Greater", "a > b">;
def ONNX_GreaterOrEqualOp : ONNX_Comparison<"GreaterOrEqual", "a >= b">;
def ONNX_LessOp : ONNX_Comparison<"Less", "a < b">;
def ONNX_LessOrEqualOp : ONNX_Comparison<"LessOrEqual", "a <= b">;
def ONNX_OrOp : ONNX_Comparison<"Or", "a or b">;
def ONNX_XorOp : ONNX_Comparison<"Xor", "a xor b">;
def ONNX_NotOp : ONNX_UnaryTest<"Not", "not x">;
def ONNX_IsNaNOp : ONNX_UnaryTest<"IsNaN", "whether x is not a number">;
def ONNX_IsInfOp : ONNX_UnaryTest<"IsInf", "whether x is an infinity of a sign asked for",
                                  (ins ONNX_Int<1>:$detect_negative, ONNX_Int<1>:$detect_positive)>;

//===-- any number of operands, selection, types -------------------------------------------------------------------===//

def ONNX_MaxOp : ONNX_Variadic<"Max", "largest operand">;
def ONNX_MeanOp : ONNX_Variadic<"Mean", "mean of the operands">;
def ONNX_MinOp : ONNX_Variadic<"Min", "smallest operand">;
def ONNX_SumOp : ONNX_Variadic<"Sum", "sum of the operands">;

def ONNX_ClipOp : ONNX_Op<"Clip", "x limited to [min, max]",
    (ins ONNX_Tensor:$input, ONNX_Optional:$min, ONNX_Optional:$max)>;

def ONNX_WhereOp : ONNX_Op<"Where", "x where the condition holds, else y",
    (ins ONNX_Tensor:$condition, ONNX_Tensor:$x, ONNX_Tensor:$y)> {
  let elementType = "elementTypeOf(getX())";
}

def ONNX_CastOp : ONNX_Unary<"Cast", "conversion to another element type; floats are truncated to integers",
    (ins TypeAttr:$to, ONNX_Int<1>:$saturate, ONNX_String<"up">:$round_mode)> {
  let elementType = "getTo()";
  let hasCanonicalizeMethod = 1;
}

def ONNX_CastLikeOp : ONNX_Op<"CastLike", "conversion to the element type of another operand",
    (ins ONNX_Tensor:$input, ONNX_Tensor:$target_type),
    (ins ONNX_Int<1>:$saturate, ONNX_String<"up">:$round_mode)> {
  let elementType = "elementTypeOf(getTargetType())";
  let hasCanonicalizeMethod = 1;
}

def ONNX_IdentityOp : ONNX_Unary<"Identity", "x"> { let hasCanonicalizeMethod = 1; }

def ONNX_DropoutOp : ONNX_OpWithMoreResults<"Dropout", "x: nothing is dropped at inference", 2,
    (ins ONNX_Tensor:$data, ONNX_Optional:$ratio, ONNX_Optional:$training_mode), (ins ONNX_OptionalInt:$seed)> {
  let elementType = "result == 0 ? elementTypeOf(getData()) : booleanType(getContext())";
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

#endif

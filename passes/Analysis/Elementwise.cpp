// The elementwise operators, listed; see Elementwise.h.
#include "passes/Analysis/Elementwise.h"

#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;

bool halyard::isElementwise(Operation *op) {
  using namespace onnx;
  return isa<AbsOp, AcosOp, AcoshOp, AsinOp, AsinhOp, AtanOp, AtanhOp, CeilOp, CosOp, CoshOp, ErfOp, ExpOp,
             FloorOp, LogOp, NegOp, ReciprocalOp, RoundOp, SignOp, SinOp, SinhOp, SqrtOp, TanOp, TanhOp,
             CeluOp, EluOp, GeluOp, HardSigmoidOp, HardSwishOp, LeakyReluOp, MishOp, ReluOp, SeluOp, ShrinkOp,
             SigmoidOp, SoftplusOp, SoftsignOp, SwishOp, ThresholdedReluOp, AddOp, DivOp, ModOp, MulOp, PowOp,
             SubOp, BitShiftOp, BitwiseAndOp, BitwiseNotOp, BitwiseOrOp, BitwiseXorOp, AndOp, EqualOp,
             GreaterOp, GreaterOrEqualOp, LessOp, LessOrEqualOp, OrOp, XorOp, NotOp, IsNaNOp, IsInfOp, MaxOp,
             MeanOp, MinOp, SumOp, ClipOp, WhereOp, CastOp, IdentityOp>(op);
}

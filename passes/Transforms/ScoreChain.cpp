// The walk from a softmax back to the product of queries and keys: scale, soft-cap, masks, biases, casts,
// clamps and reshapes are absorbed in any order.
#include "passes/Transforms/ScoreChain.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Analysis/LayoutView.h"

using namespace mlir;

namespace halyard {
namespace {

class ScoreWalk {
public:
  /// `isBias` tells what scores are combined with from what they are made of.
  explicit ScoreWalk(const LengthOnly &isBias) : isBias(isBias) {}

  /// Follows `scores` back to a MatMul.
  std::optional<ScoreChain> run(Value scores) {
    ScoreChain chain;
    for (Value current = scores;;) {
      Operation *op = current.getDefiningOp();
      if (!op)
        return std::nullopt;
      if (isa<onnx::MatMulOp>(op)) {
        chain.product = current;
        break;
      }
      auto carried = carrier(op);
      if (!carried)
        return std::nullopt;
      chain.ops.push_back({op, *carried});
      current = op->getOperand(*carried);
    }
    std::reverse(chain.ops.begin(), chain.ops.end());
    for (auto [op, carried] : chain.ops)
      if (!absorb(chain, op, carried))
        return std::nullopt;
    return chain;
  }

private:
  /// The one operand through which the scores come, if the operation is of a kind that can be absorbed.
  std::optional<unsigned> carrier(Operation *op) {
    if (isa<onnx::CastOp, onnx::ReshapeOp, onnx::UnsqueezeOp, onnx::SqueezeOp, onnx::IdentityOp, onnx::TanhOp,
            onnx::DropoutOp, onnx::ClipOp>(op))
      return 0;
    if (!isa<onnx::AddOp, onnx::SubOp, onnx::MulOp, onnx::DivOp, onnx::WhereOp, onnx::MaxOp>(op))
      return std::nullopt;
    std::optional<unsigned> found;
    for (OpOperand &operand : op->getOpOperands()) {
      if (isBias(operand.get()))
        continue;
      if (found)
        return std::nullopt;
      found = operand.getOperandNumber();
    }
    return found;
  }

  bool absorb(ScoreChain &chain, Operation *op, unsigned carried) {
    if (isa<onnx::MulOp, onnx::DivOp>(op))
      return absorbScale(chain, op, carried);
    if (isa<onnx::AddOp, onnx::WhereOp>(op) || (isa<onnx::SubOp>(op) && carried == 0))
      return chain.biased = true;
    if (isa<onnx::TanhOp>(op)) {
      // softcap(scale x) = c tanh(scale x / c): what is multiplied on afterwards is c, and joins the scale.
      if (chain.biased || chain.softcap)
        return false;
      chain.softcap = 1.0;
      return true;
    }
    if (isa<onnx::MaxOp, onnx::ClipOp>(op)) {
      // A clamp at the lowest finite number keeps scores as they are.
      auto bound = op->getNumOperands() > 1
                       ? constantScalar(op->getOperand(isa<onnx::ClipOp>(op) ? 1 : 1 - carried))
                       : std::optional<double>();
      bool above = isa<onnx::ClipOp>(op) && op->getNumOperands() > 2 && !onnx::isAbsent(op->getOperand(2));
      return bound && *bound < -1e30 && !above;
    }
    chain.reshaped |= isa<onnx::ReshapeOp, onnx::UnsqueezeOp, onnx::SqueezeOp>(op);
    return isa<FloatType>(onnx::elementTypeOf(op->getResult(0)));
  }

  bool absorbScale(ScoreChain &chain, Operation *op, unsigned carried) {
    auto scalar = constantScalar(op->getOperand(1 - carried));
    if (!scalar || (isa<onnx::DivOp>(op) && carried != 0))
      return false;
    double by = isa<onnx::DivOp>(op) ? 1.0 / *scalar : *scalar;
    if (chain.softcap) {
      if (chain.biased)
        return false;
      *chain.softcap *= by;
    }
    chain.scale *= by;
    return true;
  }

  const LengthOnly &isBias;
};

} // namespace

std::optional<ScoreChain> ScoreChain::endingIn(Value scores, const LengthOnly &isBias) {
  return ScoreWalk(isBias).run(scores);
}

} // namespace halyard

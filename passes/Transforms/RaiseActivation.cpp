// raise-activation: GELU spelled out becomes one onnx.Gelu.
//
// Both forms are x * 0.5 * (1 + g(x)), with g(x) = erf(x / sqrt 2) or tanh(sqrt(2 / pi) (x + 0.044715 x^3)).
// Exporters multiply the three factors in every order, so they are collected, not matched: from 1 + g on,
// through every product.
#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Analysis/LayoutView.h"
#include "passes/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"

#include <cmath>

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_RAISEACTIVATION
#include "passes/Transforms/Passes.h.inc"

namespace {

bool isNear(std::optional<double> value, double expected) {
  return value && std::fabs(*value - expected) < 1e-4 * std::fabs(expected);
}

/// The other operand of a product of `value` and a constant near `factor` (or a quotient by one near its
/// inverse).
Value scaledBy(Value value, double factor) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<onnx::DivOp>(op) && isNear(constantScalar(op->getOperand(1)), 1.0 / factor))
    return op->getOperand(0);
  for (unsigned index : {0u, 1u})
    if (isa_and_nonnull<onnx::MulOp>(op) && isNear(constantScalar(op->getOperand(index)), factor))
      return op->getOperand(1 - index);
  return {};
}

/// x, if `value` is x^3.
Value cubeOf(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<onnx::PowOp>(op))
    return constantScalar(op->getOperand(1)) == 3.0 ? op->getOperand(0) : Value();
  if (!isa_and_nonnull<onnx::MulOp>(op))
    return {};
  for (unsigned index : {0u, 1u}) {
    auto square = op->getOperand(index).getDefiningOp<onnx::MulOp>();
    Value x = op->getOperand(1 - index);
    if (square && square->getOperand(0) == x && square->getOperand(1) == x)
      return x;
  }
  return {};
}

/// x, if `value` is g(x) of the tanh form.
Value argumentOfTanhForm(onnx::TanhOp tanh) {
  Value inner = scaledBy(tanh->getOperand(0), std::sqrt(2.0 / M_PI));
  auto sum = inner ? inner.getDefiningOp<onnx::AddOp>() : onnx::AddOp();
  for (unsigned index = 0; sum && index < 2; ++index) {
    Value x = sum->getOperand(index), cube = scaledBy(sum->getOperand(1 - index), 0.044715);
    if (cube && cubeOf(cube) == x)
      return x;
  }
  return {};
}

/// Splits a product into its factors, two levels deep: x * 0.5 may have been multiplied beforehand.
void appendFactors(Value value, SmallVectorImpl<Value> &factors) {
  auto mul = value.getDefiningOp<onnx::MulOp>();
  if (!mul || (!constantScalar(mul->getOperand(0)) && !constantScalar(mul->getOperand(1)))) {
    factors.push_back(value);
    return;
  }
  llvm::append_range(factors, mul->getOperands());
}

/// Follows the products that 1 + g(x) goes into until x and 0.5 have been met; null if something else is met.
Value productWith(Value onePlus, Value x) {
  SmallVector<Value> factors;
  for (Value current = onePlus; current.hasOneUse();) {
    auto mul = dyn_cast<onnx::MulOp>(*current.getUsers().begin());
    if (!mul)
      return {};
    appendFactors(mul->getOperand(mul->getOperand(0) == current ? 1 : 0), factors);
    current = mul.getResult();
    bool hasX = llvm::is_contained(factors, x);
    bool hasHalf = llvm::any_of(factors, [](Value factor) { return constantScalar(factor) == 0.5; });
    if (factors.size() == 2)
      return hasX && hasHalf ? current : Value();
  }
  return {};
}

struct RaiseActivation : impl::RaiseActivationBase<RaiseActivation> {
  void runOnOperation() override {
    SmallVector<Operation *> roots;
    getOperation().walk([&](Operation *op) {
      if (isa<onnx::ErfOp, onnx::TanhOp>(op))
        roots.push_back(op);
    });
    for (Operation *root : roots)
      raise(root);
  }

  static void raise(Operation *root) {
    bool exact = isa<onnx::ErfOp>(root);
    Value x =
        exact ? scaledBy(root->getOperand(0), std::sqrt(0.5)) : argumentOfTanhForm(cast<onnx::TanhOp>(root));
    if (!x || !root->hasOneUse())
      return;
    auto sum = dyn_cast<onnx::AddOp>(*root->getUsers().begin());
    if (!sum || constantScalar(sum->getOperand(sum->getOperand(0) == root->getResult(0) ? 1 : 0)) != 1.0)
      return;
    Value product = productWith(sum.getResult(), x);
    if (!product || product.getType() != x.getType())
      return;
    OpBuilder builder(product.getDefiningOp());
    Value gelu = onnx::GeluOp::create(builder, product.getLoc(), product.getType(), x,
                                      builder.getStringAttr(exact ? "none" : "tanh"));
    product.replaceAllUsesWith(gelu);
  }
};

} // namespace
} // namespace halyard

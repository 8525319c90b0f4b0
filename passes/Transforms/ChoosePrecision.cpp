// choose-precision: what the weight of each linear layer is stored as, and how attention may be rounded.
//
// Codes of 8 or 4 bits lose little where many terms are summed up, and gain little in small matrices; both
// speak for keeping small layers as they are. 4 bits save bytes, which a step of few rows is bound by; what
// runs once per source is bound by arithmetic, where they save nothing and lose accuracy.
#include "passes/Transforms/LinearLayer.h"
#include "passes/Transforms/Passes.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_CHOOSEPRECISION
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Terms of a sum from which its rounding errors average out.
constexpr int64_t kFewestTerms = 16;

struct ChoosePrecision : impl::ChoosePrecisionBase<ChoosePrecision> {
  using Base::Base;

  void runOnOperation() override {
    getOperation().walk([&](linalg::LinalgOp op) {
      if (std::optional<LinearLayer> layer = LinearLayer::match(op))
        op->setAttr(kPrecisionAttribute, StringAttr::get(&getContext(), choose(*layer)));
    });
    // What is rounded less than the weights are makes no difference beside them.
    if (weights != "f32")
      getOperation().walk([](seq::AttentionOp op) { op.setBfloatProducts(true); });
  }

  StringRef choose(const LinearLayer &layer) {
    // Two terms of bf16 are multiplied at once, so rows of odd length have no such form.
    if (layer.features < kFewestTerms || (weights == "bf16" && layer.features % 2))
      return "f32";
    if (weights == "int4" && !layer.op->getParentOfType<seq::StepOp>())
      return "int8";
    return weights.getValue();
  }
};

} // namespace
} // namespace halyard

// choose-precision: what the weight of each linear layer is stored as.
//
// Codes of 8 or 4 bits lose little where many terms are summed up, and gain little in small matrices; both
// speak for keeping small layers as they are.
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
      std::optional<LinearLayer> layer = LinearLayer::match(op);
      if (!layer)
        return;
      // Two terms of bf16 are multiplied at once, so rows of odd length have no such form.
      bool isWide = layer->features < kFewestTerms || (weights == "bf16" && layer->features % 2);
      op->setAttr(kPrecisionAttribute, StringAttr::get(&getContext(), isWide ? std::string("f32") : weights.getValue()));
    });
  }
};

} // namespace
} // namespace halyard

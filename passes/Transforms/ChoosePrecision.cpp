// choose-precision: what the weight of each linear layer is stored as, and how attention may be rounded.
//
// Codes of 8 or 4 bits lose little where many terms are summed up, and gain little in small matrices; both
// speak for keeping small layers as they are. 4 bits save bytes, which a step of few rows is bound by; what
// runs once per source is bound by arithmetic, where they save nothing and lose accuracy.
#include "passes/Transforms/LinearLayer.h"
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/WeightGroups.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_CHOOSEPRECISION
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Terms of a sum from which its rounding errors average out.
constexpr int64_t kFewestTerms = 16;

constexpr llvm::StringLiteral kPrecisions[] = {"f32", "bf16", "f16", "int8", "int4"};

struct ChoosePrecision : impl::ChoosePrecisionBase<ChoosePrecision> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<GroupedWeight> all = groupedWeights(getOperation());
    if (failed(readExceptions(all)))
      return signalPassFailure();
    for (const GroupedWeight &weight : all) {
      std::optional<StringRef> exception = exceptionOf(weight);
      StringRef precision = exception ? *exception : StringRef(weights);
      if (!weight.isTable)
        set(weight.op, chooseForLayer(*LinearLayer::match(cast<linalg::LinalgOp>(weight.op)), precision));
      else if (exception)
        set(weight.op, precision == "int4" ? "int8" : precision); // nothing is summed up in a table
    }
    // What is rounded less than the weights are makes no difference beside them.
    if (weights != "f32")
      getOperation().walk([](seq::AttentionOp op) { op.setBfloatProducts(true); });
  }

private:
  void set(Operation *op, StringRef precision) {
    op->setAttr(kPrecisionAttribute, StringAttr::get(&getContext(), precision));
  }

  static StringRef chooseForLayer(const LinearLayer &layer, StringRef precision) {
    // Two terms of bf16 are multiplied at once, so rows of odd length have no such form.
    if (layer.features < kFewestTerms || (precision == "bf16" && layer.features % 2))
      return "f32";
    if (precision == "int4" && !layer.op->getParentOfType<seq::StepOp>())
      return "int8";
    return precision;
  }

  LogicalResult readExceptions(ArrayRef<GroupedWeight> all) {
    byName.clear();
    for (StringRef exception : except) {
      auto [name, precision] = exception.split('=');
      if (!llvm::is_contained(kPrecisions, precision))
        return getOperation().emitError()
               << "'" << exception << "': expected NAME=f32, bf16, f16, int8 or int4";
      bool isGroup = llvm::is_contained(weightGroups(), name);
      if (!isGroup && llvm::none_of(all, [&](const GroupedWeight &weight) { return weight.name() == name; }))
        return getOperation().emitError()
               << "there is no weight '" << name << "'; groups are " << llvm::join(weightGroups(), ", ")
               << ", and GROUP.0 is the first weight of one";
      byName[name] = precision;
    }
    return success();
  }

  /// A single weight goes before its group.
  std::optional<StringRef> exceptionOf(const GroupedWeight &weight) const {
    auto found = byName.find(weight.name());
    if (found == byName.end())
      found = byName.find(weight.group);
    return found == byName.end() ? std::nullopt : std::optional(found->second);
  }

  llvm::StringMap<StringRef> byName;
};

} // namespace
} // namespace halyard

// Variants of one model; see the header.
#include "compiler/pipelines/Variants.h"

#include "passes/Transforms/LinearLayer.h"
#include "passes/Transforms/WeightGroups.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace halyard {

/// What pack-tables does without a choice for the table itself.
static StringRef tablePrecision(StringRef weights) { return weights == "int4" ? "int8" : weights; }

FailureOr<std::vector<WeightChoice>> chosenWeights(ModuleOp module, const PipelineOptions &options) {
  ConstantsOfVariant constants(module.getContext());
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager manager(module.getContext());
  buildChoice(manager, options);
  if (failed(manager.run(*copy)))
    return failure();
  std::vector<WeightChoice> choices;
  for (seq::ProgramOp program : copy->getOps<seq::ProgramOp>())
    for (const GroupedWeight &weight : groupedWeights(program)) {
      auto chosen = weight.op->getAttrOfType<StringAttr>(kPrecisionAttribute);
      StringRef precision = chosen ? chosen.getValue() : tablePrecision(options.weights);
      choices.push_back(
          {weight.group.str(), weight.name(), precision.str(), weight.elements, weight.op->getLoc()});
    }
  return choices;
}

static DialectResourceBlobManager &constantsOf(MLIRContext *context) {
  return DenseResourceElementsHandle::getManagerInterface(context).getBlobManager();
}

ConstantsOfVariant::ConstantsOfVariant(MLIRContext *context) : context(context) {
  constantsOf(context).getBlobMap([&](const auto &blobs) {
    for (StringRef name : blobs.keys())
      before.try_emplace(name);
  });
}

ConstantsOfVariant::~ConstantsOfVariant() {
  SmallVector<StringRef> made;
  constantsOf(context).getBlobMap([&](const auto &blobs) {
    for (StringRef name : blobs.keys())
      if (!before.contains(name))
        made.push_back(name);
  });
  for (StringRef name : made)
    constantsOf(context).update(name, AsmResourceBlob());
}

} // namespace halyard

// place-weights: every constant gets its offset in the weights file; constants of equal contents share one.
//
// Small constants are uniqued by MLIR already. Large ones are resources whose contents are compared here: by
// a hash first, then byte by byte.
#include "dialects/Runtime/IR/Runtime.h"
#include "passes/Transforms/Passes.h"
#include "runtime/include/halyard/weights.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_PLACEWEIGHTS
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Raw bytes of a large constant; nothing for constants that MLIR uniques.
std::optional<ArrayRef<char>> blobOf(ElementsAttr value) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(value);
  if (!resource)
    return std::nullopt;
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  return blob ? std::optional(blob->getData()) : std::nullopt;
}

struct PlaceWeights : impl::PlaceWeightsBase<PlaceWeights> {
  void runOnOperation() override {
    int64_t offset = sizeof(halyard_weights_header);
    for (rt::ConstantOp constant :
         llvm::make_early_inc_range(getOperation().getBody().getOps<rt::ConstantOp>())) {
      if (rt::ConstantOp equal = findEqual(constant)) {
        replacement[constant.getSymNameAttr()] = equal.getSymNameAttr();
        constant.erase();
        continue;
      }
      constant.setOffset(offset);
      int64_t bytes =
          constant.getValue().getNumElements() * rt::bytesOfElement(constant.getValue().getElementType());
      offset += llvm::alignTo(std::max<int64_t>(bytes, 1), rt::kAlignment);
    }
    getOperation().setWeightsBytes(offset);
    getOperation().walk([&](rt::WeightOp weight) {
      if (StringAttr other = replacement.lookup(weight.getConstantAttr().getAttr()))
        weight.setConstantAttr(FlatSymbolRefAttr::get(other));
    });
  }

  /// A constant before this one with the same type and contents; remembers this one if there is none.
  rt::ConstantOp findEqual(rt::ConstantOp constant) {
    ElementsAttr value = constant.getValue();
    std::optional<ArrayRef<char>> bytes = blobOf(value);
    if (!bytes) {
      rt::ConstantOp &known = uniqued[value];
      if (known)
        return known;
      known = constant;
      return {};
    }
    SmallVector<rt::ConstantOp> &candidates = hashed[llvm::xxh3_64bits(
        ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(bytes->data()), bytes->size()))];
    for (rt::ConstantOp candidate : candidates)
      if (candidate.getValue().getElementType() == value.getElementType() &&
          *blobOf(candidate.getValue()) == *bytes)
        return candidate;
    candidates.push_back(constant);
    return {};
  }

  DenseMap<Attribute, rt::ConstantOp> uniqued;
  DenseMap<uint64_t, SmallVector<rt::ConstantOp>> hashed;
  DenseMap<StringAttr, StringAttr> replacement;
};

} // namespace
} // namespace halyard

// How many ids a token source may name; see the header.
//
// Values that carry ids are followed forward from the source: through reshapes and casts, into
// the bodies of operations, to the index of a tensor.extract.
#include "passes/Analysis/SourceVocabulary.h"

using namespace mlir;

namespace halyard {

namespace {
class IdFlow {
public:
  int64_t smallest = 0;

  void follow(Value value) {
    if (!seen.insert(value).second)
      return;
    for (OpOperand &use : value.getUses())
      follow(use);
  }

private:
  void follow(OpOperand &use) {
    Operation *op = use.getOwner();
    if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
      if (use.getOperandNumber() == 1) // the first index
        note(extract.getTensor().getType().getDimSize(0));
    } else if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
      follow(generic.getBody()->getArgument(use.getOperandNumber()));
    } else if (op->getNumResults() == 1 && op->getNumRegions() == 0 && isOfIds(op->getResult(0).getType())) {
      follow(op->getResult(0));
    }
  }

  /// Numbers computed from ids still name entries (a negative id counts from the end); comparisons of ids do
  /// not.
  static bool isOfIds(Type type) {
    Type element = getElementTypeOrSelf(type);
    return element.isIndex() || (element.isInteger() && !element.isInteger(1));
  }

  void note(int64_t height) {
    if (!ShapedType::isDynamic(height))
      smallest = smallest ? std::min(smallest, height) : height;
  }

  DenseSet<Value> seen;
};
} // namespace

int64_t sourceVocabulary(seq::EncodeOp encode) {
  BlockArgument source = encode.getBlock().getArgument(0);
  if (!cast<RankedTensorType>(source.getType()).getElementType().isInteger())
    return 0;
  IdFlow flow;
  flow.follow(source);
  return flow.smallest;
}

} // namespace halyard

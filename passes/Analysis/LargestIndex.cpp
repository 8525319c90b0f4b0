// Largest values of numbers in functions; see the header.
#include "passes/Analysis/LargestIndex.h"

#include "dialects/Runtime/IR/Runtime.h"
#include "passes/Analysis/StageExtents.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halyard {

int64_t largestIndex(Value value) {
  if (Operation *op = value.getDefiningOp())
    if (auto maximum = op->getAttrOfType<IntegerAttr>("rt.maximum"))
      return maximum.getInt();
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    auto maximum =
        function ? function.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), "rt.maximum") : nullptr;
    return maximum ? maximum.getInt() : 0;
  }
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.getSExtValue();
  auto apply = value.getDefiningOp<affine::AffineApplyOp>();
  if (!apply)
    return 0;
  AffineMap map = apply.getAffineMap();
  SmallVector<AffineExpr> symbols;
  SmallVector<int64_t> maxima{1, 1};
  for (auto [at, operand] : llvm::enumerate(apply.getMapOperands())) {
    symbols.push_back(getAffineSymbolExpr(at, value.getContext()));
    maxima[std::min<size_t>(at, 1)] = largestIndex(operand);
  }
  unsigned dims = map.getNumDims();
  ArrayRef<AffineExpr> all(symbols);
  AffineExpr result = map.getResult(0).replaceDimsAndSymbols(all.take_front(dims), all.drop_front(dims));
  return largestValue(result, maxima[0], maxima[1]);
}

} // namespace halyard

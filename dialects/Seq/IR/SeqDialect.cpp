// Registration of the seq dialect, its types and operations.
#include "dialects/Seq/IR/Seq.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace halyard::seq;

#include "dialects/Seq/IR/SeqDialect.cpp.inc"
#include "dialects/Seq/IR/SeqEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Seq/IR/SeqAttributes.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Seq/IR/SeqTypes.cpp.inc"

void SeqDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Seq/IR/SeqAttributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Seq/IR/SeqTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Seq/IR/SeqOps.cpp.inc"
      >();
}

LogicalResult BlocksAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t heads, int64_t rows,
                                 BlockForm) {
  if (heads < 1 || rows < 1 || rows % kTileRows)
    return emitError() << "blocks hold a multiple of " << kTileRows << " rows, got " << rows << " of "
                       << heads << " heads";
  return success();
}

LogicalResult CacheType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t, int64_t features, Type,
                                BlocksAttr blocks) {
  if (!blocks)
    return success();
  if (features % blocks.getHeads())
    return emitError() << "a cache has " << features << " features for " << blocks.getHeads() << " heads";
  if (blocks.getForm() == BlockForm::feature_pairs && features / blocks.getHeads() % 2)
    return emitError() << "features are paired in a cache of " << features / blocks.getHeads()
                       << " features a head";
  return success();
}

SmallVector<int64_t> CacheType::slotShape() const {
  BlocksAttr blocks = getBlocks();
  if (!blocks)
    return {getLength(), getFeatures()};
  int64_t rows = blocks.getRows(), width = getFeatures() / blocks.getHeads();
  SmallVector<int64_t> shape{(getLength() + rows - 1) / rows, blocks.getHeads()};
  switch (blocks.getForm()) {
  case BlockForm::rows:
    shape.append({rows, width});
    break;
  case BlockForm::row_pairs:
    shape.append({rows / 2, width, 2});
    break;
  case BlockForm::feature_pairs:
    shape.append({rows / BlocksAttr::kTileRows, width / 2, BlocksAttr::kTileRows, 2});
    break;
  }
  return shape;
}

Operation *SeqDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

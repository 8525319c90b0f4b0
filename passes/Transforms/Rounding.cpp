// Rounding of whole tensors; see the header.
#include "passes/Transforms/Rounding.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halyard {

Value roundElements(OpBuilder &builder, Location location, Value tensor, Type narrow) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Value empty =
      tensor::EmptyOp::create(builder, location, tensor::getMixedSizes(builder, location, tensor), narrow);
  SmallVector<AffineMap> maps(2, builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> loops(type.getRank(), utils::IteratorType::parallel);
  auto body = [&](OpBuilder &inner, Location location, ValueRange arguments) {
    Value element = arguments[0];
    if (narrow.isF16()) {
      APFloat largest = APFloat::getLargest(APFloat::IEEEhalf());
      for (bool isLower : {true, false}) {
        auto limit = inner.getF32FloatAttr(isLower ? -largest.convertToFloat() : largest.convertToFloat());
        Value bound = arith::ConstantOp::create(inner, location, limit);
        element = isLower ? arith::MaximumFOp::create(inner, location, element, bound).getResult()
                          : arith::MinimumFOp::create(inner, location, element, bound).getResult();
      }
    }
    element = arith::TruncFOp::create(inner, location, narrow, element);
    linalg::YieldOp::create(inner, location, element);
  };
  return linalg::GenericOp::create(builder, location, type.clone(narrow), tensor, empty, maps, loops, body)
      .getResult(0);
}

} // namespace halyard

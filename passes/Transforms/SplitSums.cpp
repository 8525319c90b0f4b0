// split-sums: layers that the target's NPU computes become the sums, and what is done with them.
//
// An NPU has integers only. The sum of products of codes is exact wherever it is computed; scales, and all
// that follows, stay on the processor, in the order in which a kernel of the whole layer multiplies them.
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/TargetOption.h"
#include "targets/Common/Npu.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_SPLITSUMS
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Whether a layer's matrix is constant and stands as the NPU reads it: column by column, of signed codes.
bool isTaken(seq::LinearOp layer, const Npu &npu) {
  auto weight = cast<RankedTensorType>(layer.getWeight().getType());
  return weight.getElementType().isInteger(8) && !layer.getGroup() && layer.getZeroPoint() == 0 &&
         weight.getDimSize(1) == 1 && weight.getDimSize(2) == 1 &&
         matchPattern(layer.getWeight(), m_Constant()) &&
         npu.takes(weight.getDimSize(3), weight.getDimSize(0));
}

/// sums * input_scale * scale.
void split(seq::LinearOp layer) {
  OpBuilder builder(layer);
  Location location = layer.getLoc();
  auto type = cast<RankedTensorType>(layer.getResult().getType());
  Value sums = seq::LinearOp::create(builder, location, type.clone(builder.getI32Type()), layer.getInput(),
                                     layer.getWeight(), Value(), Value(), Value(), Value(),
                                     /*zero_point=*/0, IntegerAttr(), /*tiles=*/false,
                                     /*narrow_pairs=*/false);
  Value empty = tensor::EmptyOp::create(builder, location, tensor::getMixedSizes(builder, location, sums),
                                        builder.getF32Type());
  AffineExpr row = builder.getAffineDimExpr(0), column = builder.getAffineDimExpr(1);
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(2, 0, results, builder.getContext());
  };
  SmallVector<AffineMap> maps{map({row, column}), map({row}), map({column}), map({row, column})};
  SmallVector<utils::IteratorType> loops(2, utils::IteratorType::parallel);
  auto body = [&](OpBuilder &inner, Location location, ValueRange arguments) {
    Value sum = arith::SIToFPOp::create(inner, location, inner.getF32Type(), arguments[0]);
    Value ofRow = arith::MulFOp::create(inner, location, sum, arguments[1]);
    Value scaled = arith::MulFOp::create(inner, location, ofRow, arguments[2]);
    linalg::YieldOp::create(inner, location, scaled);
  };
  auto scaled = linalg::GenericOp::create(builder, location, type,
                                          ValueRange{sums, layer.getInputScale(), layer.getScale()}, empty,
                                          maps, loops, body);
  layer.replaceAllUsesWith(scaled.getResult(0));
  layer.erase();
}

struct SplitSums : impl::SplitSumsBase<SplitSums> {
  using Base::Base;

  void runOnOperation() override {
    const Target *machine = targetOrError(target, getOperation());
    if (!machine)
      return signalPassFailure();
    const Npu *npu = machine->npu();
    if (!npu)
      return;
    SmallVector<seq::LinearOp> layers;
    getOperation().walk([&](seq::LinearOp layer) {
      if (isTaken(layer, *npu))
        layers.push_back(layer);
    });
    if (layers.empty()) {
      getOperation().emitError() << "has no linear layers of int8 weights, and " << npu->name()
                                 << " computes no others: compile with --weights int8, or for a target "
                                    "without it";
      return signalPassFailure();
    }
    for (seq::LinearOp layer : layers)
      split(layer);
  }
};

} // namespace
} // namespace halyard

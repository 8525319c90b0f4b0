// pack-weights: linear layers become seq.linear, their matrices stored in the order in which kernels of the
// target read them.
//
// Rows that several layers read as codes, as parts, as bf16 or as f16 are converted once: equal conversions
// are one after CSE.
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/Rounding.h"
#include "passes/Transforms/TargetOption.h"
#include "passes/Transforms/WeightPacking.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Columns below which most of a panel would be empty.
constexpr int64_t kFewestOutputs = 8;

constexpr std::pair<llvm::StringLiteral, WeightPrecision> kPrecisions[] = {{"f32", WeightPrecision::f32},
                                                                           {"bf16", WeightPrecision::bf16},
                                                                           {"f16", WeightPrecision::f16},
                                                                           {"int8", WeightPrecision::i8},
                                                                           {"int4", WeightPrecision::i4}};

StringRef precisionName(Operation *op) {
  auto chosen = op->getAttrOfType<StringAttr>(kPrecisionAttribute);
  return chosen ? chosen.getValue() : "f32";
}

WeightPrecision precisionOf(Operation *op) {
  for (const auto &[name, precision] : kPrecisions)
    if (precisionName(op) == name)
      return precision;
  return WeightPrecision::f32;
}

class LinearBuilder {
public:
  LinearBuilder(const LinearLayer &layer, const Target &target, bool isDeterministic)
      : layer(layer), precision(precisionOf(layer.op)),
        layout(target.linearLayout(layer.features, layer.outputs, precision)), builder(layer.op),
        location(layer.op->getLoc()) {
    // Sums of groups are floats, which a zero point on top of the codes would round differently.
    if (isDeterministic && precision == WeightPrecision::i4)
      layout.zeroPoint = 0;
    // Scales are the same for all targets then.
    layout.narrowPairs &= !isDeterministic;
    if (precision == WeightPrecision::f32 && !isDeterministic && isOfSource())
      fewestRowsOfParts = target.fewestRowsOfParts(layout);
  }

  Value create() {
    switch (precision) {
    case WeightPrecision::f32:
      return linear(layer.input, packFloats(Matrix(layer), layout), Value());
    case WeightPrecision::bf16:
      return linear(roundElements(builder, location, layer.input, builder.getBF16Type()),
                    packBFloats(Matrix(layer), layout), Value());
    case WeightPrecision::f16:
      return linear(halves(), packHalves(Matrix(layer), layout), Value());
    case WeightPrecision::i8: {
      seq::QuantizeOp rows = quantized(layout.terms);
      return linear(rows.getCodes(), packCodes(Matrix(layer), layout), rows.getScales());
    }
    case WeightPrecision::i4: {
      seq::QuantizeOp rows = quantized(kNibbleGroup);
      return linear(rows.getCodes(), packNibbles(Matrix(layer), layout), rows.getScales());
    }
    }
    llvm_unreachable("unknown precision");
  }

private:
  Value constant(ElementsAttr value) {
    return value ? arith::ConstantOp::create(builder, location, value) : Value();
  }

  /// Whether the layer is computed once per source, for all of its rows together.
  bool isOfSource() const {
    return layer.op->getParentOfType<seq::EncodeOp>() || layer.op->getParentOfType<seq::BindOp>();
  }

  Value linear(Value input, const PackedWeight &weight, Value inputScale) {
    bool tiles = precision == WeightPrecision::bf16 && isOfSource();
    auto group = precision == WeightPrecision::i4 ? builder.getI64IntegerAttr(kNibbleGroup) : IntegerAttr();
    int64_t zeroPoint = weight.columnSums ? layout.zeroPoint : 0;
    return seq::LinearOp::create(builder, location, layer.op->getResult(0).getType(), input,
                                 constant(weight.panels), constant(weight.scales), inputScale,
                                 constant(weight.columnSums), parts(), zeroPoint, group, tiles,
                                 weight.narrowPairs);
  }

  /// The parts of the input's elements, if there are always rows enough for it to pay.
  Value parts() {
    auto type = cast<RankedTensorType>(layer.input.getType());
    if (!fewestRowsOfParts || type.isDynamicDim(0) || type.getDimSize(0) < *fewestRowsOfParts)
      return {};
    auto split = RankedTensorType::get({type.getDimSize(0), seq::SplitOp::width(layer.features)},
                                       builder.getBF16Type());
    return seq::SplitOp::create(builder, location, split, layer.input);
  }

  /// The input rounded to f16, with rows as long as a multiple of the layout's terms. What is beyond the
  /// range becomes its largest.
  Value halves() {
    Value rows = roundElements(builder, location, layer.input, builder.getF16Type());
    int64_t padding = llvm::alignTo(layer.features, layout.terms) - layer.features;
    if (!padding)
      return rows;
    auto type = cast<RankedTensorType>(rows.getType());
    Value zero = arith::ConstantOp::create(builder, location, builder.getF16FloatAttr(0.0f));
    SmallVector<OpFoldResult> low(2, builder.getIndexAttr(0));
    SmallVector<OpFoldResult> high{builder.getIndexAttr(0), builder.getIndexAttr(padding)};
    auto padded =
        RankedTensorType::get({type.getDimSize(0), type.getDimSize(1) + padding}, type.getElementType());
    return tensor::PadOp::create(builder, location, padded, rows, low, high, zero);
  }

  /// The input as codes, with rows as long as a multiple of `factor`.
  seq::QuantizeOp quantized(int64_t factor) {
    int64_t rows = cast<RankedTensorType>(layer.input.getType()).getDimSize(0);
    int64_t width = llvm::alignTo(layer.features, factor);
    Type element = layout.zeroPoint ? IntegerType::get(builder.getContext(), 8, IntegerType::Unsigned)
                                    : builder.getI8Type();
    return seq::QuantizeOp::create(builder, location, RankedTensorType::get({rows, width}, element),
                                   RankedTensorType::get({rows}, builder.getF32Type()), layer.input,
                                   layout.zeroPoint);
  }

  const LinearLayer &layer;
  WeightPrecision precision;
  LinearLayout layout;
  OpBuilder builder;
  Location location;
  std::optional<int64_t> fewestRowsOfParts;
};

struct PackWeights : impl::PackWeightsBase<PackWeights> {
  using Base::Base;

  void runOnOperation() override {
    const Target *machine = targetOrError(target, getOperation());
    if (!machine)
      return signalPassFailure();
    WalkResult done = getOperation().walk([&](linalg::LinalgOp op) {
      std::optional<LinearLayer> layer = LinearLayer::match(op);
      if (!layer || layer->outputs < kFewestOutputs)
        return WalkResult::advance();
      if (failed(check(op, *machine)))
        return WalkResult::interrupt();
      op->getResult(0).replaceAllUsesWith(LinearBuilder(*layer, *machine, deterministic).create());
      op->erase();
      return WalkResult::advance();
    });
    if (done.wasInterrupted())
      signalPassFailure();
  }

  static LogicalResult check(linalg::LinalgOp op, const Target &target) {
    StringRef precision = precisionName(op);
    if (llvm::is_contained(target.precisions(), precision))
      return success();
    return op.emitError() << "target '" << target.name() << "' has no linear layers with weights of "
                          << precision << "; it takes " << llvm::join(target.precisions(), ", ");
  }
};

} // namespace
} // namespace halyard

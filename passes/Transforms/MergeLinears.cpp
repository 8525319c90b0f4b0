// merge-linears: linear layers that read the same rows become one, with their matrices side by side.
//
// Queries, keys and values of self-attention, and the two halves of a gated feed-forward layer, are one
// matrix read in one go: one kernel call and one wait for all threads instead of several. What was a layer's
// result becomes columns of the one result, which readers take where they lie. Layers whose result is kept
// whole, as cross-attention's keys and values are in bind, gain nothing and stay apart.
#include "passes/Transforms/LinearLayer.h"
#include "passes/Transforms/Passes.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_MERGELINEARS
#include "passes/Transforms/Passes.h.inc"

namespace {

/// A layer with the addition of its bias, if there is one.
struct Branch {
  LinearLayer layer;
  linalg::GenericOp addition;
  ElementsAttr bias;

  Value result() const { return addition ? addition->getResult(0) : layer.op->getResult(0); }
};

/// The operation that does nothing but add a constant vector to every row.
linalg::GenericOp biasAddition(Value rows, ElementsAttr &bias) {
  auto generic = rows.hasOneUse() ? dyn_cast<linalg::GenericOp>(*rows.getUsers().begin()) : nullptr;
  if (!generic || generic.getNumReductionLoops() || generic.getNumDpsInputs() != 2 ||
      generic.getNumLoops() != 2)
    return {};
  auto add = generic.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  Block *body = generic.getBody();
  if (!add || body->without_terminator().begin() != add->getIterator() ||
      !llvm::all_of(add->getOperands(),
                    [&](Value side) { return side == body->getArgument(0) || side == body->getArgument(1); }))
    return {};
  unsigned vector = generic.getDpsInputs()[0] == rows;
  SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
  AffineMap columns = AffineMap::get(2, 0, getAffineDimExpr(1, generic.getContext()));
  bool isBias = maps[vector] == columns && maps[1 - vector].isIdentity() && maps[2].isIdentity() &&
                matchPattern(generic.getDpsInputs()[vector], m_Constant(&bias));
  return isBias && bias.getElementType().isF32() ? generic : nullptr;
}

bool isKeptWhole(Value value) {
  return llvm::any_of(value.getUsers(), llvm::IsaPred<seq::StoreOp, seq::YieldOp>);
}

class Merger {
public:
  explicit Merger(ArrayRef<Branch> branches)
      : branches(branches), builder(branches.front().layer.op),
        location(branches.front().layer.op->getLoc()) {}

  void run() {
    const LinearLayer &first = branches.front().layer;
    for (const Branch &branch : branches)
      width += branch.layer.outputs;
    Value rows = tensor::DimOp::create(builder, location, first.input, 0);
    auto type = RankedTensorType::get({cast<RankedTensorType>(first.input.getType()).getDimSize(0), width},
                                      builder.getF32Type());
    Value empty = tensor::EmptyOp::create(
        builder, location, ArrayRef<OpFoldResult>{getAsOpFoldResult(rows), builder.getIndexAttr(width)},
        builder.getF32Type());
    if (!type.isDynamicDim(0))
      empty = tensor::EmptyOp::create(builder, location, type.getShape(), type.getElementType());
    Value zero = arith::ConstantOp::create(builder, location, builder.getF32FloatAttr(0));
    Value zeros = linalg::FillOp::create(builder, location, zero, empty).getResult(0);
    Value matrix = arith::ConstantOp::create(builder, location, matrices());
    Value all = linalg::MatmulOp::create(builder, location, type, ValueRange{first.input, matrix}, zeros)
                    .getResult(0);
    if (llvm::any_of(branches, [](const Branch &branch) { return bool(branch.addition); }))
      all = addBiases(all, empty);
    handOut(all, rows);
  }

private:
  /// The matrices side by side, [features, all outputs].
  ElementsAttr matrices() {
    int64_t features = branches.front().layer.features, begin = 0;
    HostTensor side = HostTensor::allocate({features, width}, builder.getF32Type());
    MutableArrayRef<float> out = side.mutableValues<float>();
    for (const Branch &branch : branches) {
      Matrix matrix(branch.layer);
      for (int64_t term = 0; term < features; ++term)
        for (int64_t output = 0; output < matrix.outputs; ++output)
          out[term * width + begin + output] = matrix.at(term, output);
      begin += matrix.outputs;
    }
    return toAttribute(side);
  }

  Value addBiases(Value all, Value empty) {
    HostTensor biases = HostTensor::allocate({width}, builder.getF32Type());
    float *out = biases.mutableValues<float>().data();
    for (const Branch &branch : branches) {
      std::fill_n(out, branch.layer.outputs, 0.0f);
      if (branch.addition)
        llvm::copy(fromAttribute(branch.bias).values<float>(), out);
      out += branch.layer.outputs;
    }
    Value bias = arith::ConstantOp::create(builder, location, toAttribute(biases));
    AffineMap same = builder.getMultiDimIdentityMap(2);
    SmallVector<AffineMap> maps{same, AffineMap::get(2, 0, builder.getAffineDimExpr(1)), same};
    SmallVector<utils::IteratorType> loops(2, utils::IteratorType::parallel);
    auto sum = linalg::GenericOp::create(builder, location, all.getType(), ValueRange{all, bias}, empty, maps,
                                         loops, [](OpBuilder &body, Location location, ValueRange arguments) {
                                           Value value = arith::AddFOp::create(body, location, arguments[0],
                                                                               arguments[1]);
                                           linalg::YieldOp::create(body, location, value);
                                         });
    return sum.getResult(0);
  }

  /// Every reader gets its columns.
  void handOut(Value all, Value rows) {
    int64_t begin = 0;
    for (const Branch &branch : branches) {
      auto type = cast<RankedTensorType>(branch.result().getType());
      OpFoldResult height =
          type.isDynamicDim(0) ? OpFoldResult(rows) : builder.getIndexAttr(type.getDimSize(0));
      SmallVector<OpFoldResult> offsets{builder.getIndexAttr(0), builder.getIndexAttr(begin)};
      SmallVector<OpFoldResult> sizes{height, builder.getIndexAttr(branch.layer.outputs)};
      SmallVector<OpFoldResult> strides(2, builder.getIndexAttr(1));
      Value columns = tensor::ExtractSliceOp::create(builder, location, type, all, offsets, sizes, strides);
      branch.result().replaceAllUsesWith(columns);
      begin += branch.layer.outputs;
    }
    for (const Branch &branch : branches) {
      if (branch.addition)
        branch.addition->erase();
      branch.layer.op->erase();
    }
  }

  ArrayRef<Branch> branches;
  OpBuilder builder;
  Location location;
  int64_t width = 0;
};

struct MergeLinears : impl::MergeLinearsBase<MergeLinears> {
  void runOnOperation() override {
    for (Operation &stage : getOperation().getBody().front())
      if (isa<seq::EncodeOp, seq::StepOp>(stage))
        runOnStage(stage.getRegion(0).front());
  }

  void runOnStage(Block &block) {
    llvm::MapVector<Value, SmallVector<Branch>> readers;
    for (auto op : block.getOps<linalg::LinalgOp>()) {
      std::optional<LinearLayer> layer = LinearLayer::match(op);
      if (!layer)
        continue;
      Branch branch{*layer, {}, {}};
      branch.addition = biasAddition(op->getResult(0), branch.bias);
      if (!isKeptWhole(branch.result()))
        readers[layer->input].push_back(branch);
    }
    for (auto &[input, branches] : readers)
      if (branches.size() > 1)
        Merger(branches).run();
  }
};

} // namespace
} // namespace halyard

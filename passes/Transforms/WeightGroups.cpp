// Groups of weights; see the header.
//
// A layer belongs to an attention if a query, key or value is made of its result by nothing but operations
// that are no layers, or if it reads the attention's result in that way. A layer of the step that makes the
// logits like this is the head. Whatever else encode and step hold computes rows from rows: feed-forward.
#include "passes/Transforms/WeightGroups.h"
#include "passes/Transforms/LinearLayer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <map>

using namespace mlir;

namespace halyard {

/// Elements below which a table is not worth another form.
static constexpr int64_t kSmallTable = 4096;

static constexpr llvm::StringLiteral kEmbeddings = "embeddings", kEncoderAttention = "encoder-attention",
                                     kEncoderFeedForward = "encoder-feed-forward", kBind = "bind",
                                     kSelfAttention = "decoder-self-attention",
                                     kCrossAttention = "decoder-cross-attention",
                                     kFeedForward = "decoder-feed-forward", kHead = "head";
static constexpr llvm::StringLiteral kGroups[] = {
    kEmbeddings,    kEncoderAttention, kEncoderFeedForward, kBind,
    kSelfAttention, kCrossAttention,   kFeedForward,        kHead};

ArrayRef<llvm::StringLiteral> weightGroups() { return kGroups; }

bool isTable(Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  return tensor.getDefiningOp<arith::ConstantOp>() && type.getRank() == 2 &&
         isa<FloatType>(type.getElementType()) && type.getElementTypeBitWidth() <= 32 &&
         type.getNumElements() >= kSmallTable;
}

namespace {

/// Finds the groups of one stage's layers.
class StageGroups {
public:
  StageGroups(Operation *stage, StringRef otherwise) : otherwise(otherwise) {
    stage->walk([&](linalg::LinalgOp op) {
      if (LinearLayer::match(op))
        layers.insert(op);
    });
  }

  void addAttention(seq::AttentionOp attention, StringRef group) {
    addResult(attention.getQuery(), group);
    addResult(attention.getKey(), group);
    addResult(attention.getValue(), group);
    for (Operation *layer : layersAfter(attention.getResult()))
      groups.try_emplace(layer, group);
  }

  /// The layers that make a value.
  void addResult(Value value, StringRef group) {
    for (Operation *op : before(value))
      if (layers.contains(op))
        groups.try_emplace(op, group);
  }

  StringRef of(Operation *layer) const {
    auto found = groups.find(layer);
    return found == groups.end() ? otherwise : found->second;
  }

  /// Whether a value is read from what bind keeps, by operations that are no layers.
  bool readsSource(Value value) const { return llvm::any_of(before(value), llvm::IsaPred<seq::LoadOp>); }

private:
  /// Whether a value is elements, not a length that was taken of some: who asks for a length belongs nowhere.
  static bool holdsElements(Value value) { return isa<RankedTensorType, seq::CacheType>(value.getType()); }

  /// The operations that a value is computed by, back to layers and other attentions, which are the last.
  SetVector<Operation *> before(Value value) const {
    SetVector<Operation *> seen;
    SmallVector<Value> open{value};
    while (!open.empty()) {
      Operation *op = open.pop_back_val().getDefiningOp();
      if (!op || !seen.insert(op) || layers.contains(op) ||
          isa<seq::AttentionOp, seq::PrefixSumOp, seq::LoadOp>(op))
        continue;
      if (auto append = dyn_cast<seq::CacheAppendOp>(op))
        open.push_back(append.getRows()); // not what says where its rows go
      else
        llvm::copy_if(op->getOperands(), std::back_inserter(open), holdsElements);
    }
    return seen;
  }

  /// The layers that read a value through reshaping and elementwise operations. The value's way ends at a
  /// normalisation: behind it begins another part of the model.
  SetVector<Operation *> layersAfter(Value value) const {
    SetVector<Operation *> seen, found;
    SmallVector<Value> open{value};
    while (!open.empty())
      for (Operation *user : open.pop_back_val().getUsers()) {
        if (layers.contains(user))
          found.insert(user);
        else if (seen.insert(user) && !isa<seq::AttentionOp, seq::PrefixSumOp, seq::NormOp>(user))
          llvm::copy_if(user->getResults(), std::back_inserter(open), holdsElements);
      }
    return found;
  }

  StringRef otherwise;
  SetVector<Operation *> layers;
  DenseMap<Operation *, StringRef> groups;
};

StageGroups groupsOf(Operation &stage) {
  if (isa<seq::BindOp>(stage))
    return {&stage, kBind};
  bool isStep = isa<seq::StepOp>(stage);
  StageGroups groups(&stage, isStep ? kFeedForward : kEncoderFeedForward);
  stage.walk([&](seq::AttentionOp attention) {
    bool isCross = isStep && groups.readsSource(attention.getKey());
    groups.addAttention(attention, !isStep ? kEncoderAttention : isCross ? kCrossAttention : kSelfAttention);
  });
  if (isStep)
    for (Value logits : stage.getRegion(0).front().getTerminator()->getOperands())
      groups.addResult(logits, kHead);
  return groups;
}

} // namespace

SmallVector<GroupedWeight> groupedWeights(seq::ProgramOp program) {
  SmallVector<GroupedWeight> weights;
  std::map<StringRef, int64_t> count;
  auto add = [&](Operation *op, StringRef group, int64_t elements, bool isTable) {
    weights.push_back({op, group, count[group]++, elements, isTable});
  };
  for (Operation &stage : program.getBody().front()) {
    if (!isa<seq::EncodeOp, seq::BindOp, seq::StepOp>(stage))
      continue;
    StageGroups groups = groupsOf(stage);
    stage.walk([&](Operation *op) {
      auto generic = dyn_cast<linalg::LinalgOp>(op);
      if (std::optional<LinearLayer> layer = generic ? LinearLayer::match(generic) : std::nullopt)
        add(op, groups.of(op), layer->features * layer->outputs, false);
      auto read = dyn_cast<tensor::ExtractOp>(op);
      if (read && isa<linalg::GenericOp>(read->getParentOp()) && isTable(read.getTensor()))
        add(read, kEmbeddings, read.getTensor().getType().getNumElements(), true);
    });
  }
  return weights;
}

} // namespace halyard

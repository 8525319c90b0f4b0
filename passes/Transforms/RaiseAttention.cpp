// raise-attention: every softmax(Q K^T) V becomes one seq.attention over rows.
//
// The walk starts at a Softmax. Towards the scores it absorbs, in any order, scale, soft-cap, masks, biases,
// casts, clamps and reshapes until it meets the product of queries and keys; towards the values it absorbs
// casts, reshapes and the NaN guard. What was absorbed is affine in the scores: its slope is the scale, and
// its value at zero, one computation that depends on lengths alone, is the bias. A mask that is data is told
// apart from it and becomes one number for each key. Where heads lie in Q, K and
// V is read off their layout views. No order of operations and no name is expected; whatever does not fit
// stays as it is, and a remark says so.
#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/LayoutView.h"
#include "passes/Analysis/LengthOnly.h"
#include "passes/Analysis/SymbolicShapes.h"
#include "passes/Transforms/KeyMask.h"
#include "passes/Transforms/LayoutBuilder.h"
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/ScoreChain.h"

#include "mlir/IR/IRMapping.h"

#include <cmath>

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_RAISEATTENTION
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Where time, heads and features of queries, keys or values lie.
struct Side {
  LayoutView view;
  SmallVector<unsigned> time, heads, features;
  bool broadcast = false; // heads are repeated
  seq::HeadMap map = seq::HeadMap::grouped;
};

class Raiser {
public:
  Raiser(func::FuncOp function, const SymbolicShapes &shapes)
      : function(function), shapeOf([&shapes](Value value) { return shapes.shape(value); }),
        layout(function.getContext()) {
    for (BlockArgument argument : function.getArguments())
      if (function.getArgAttr(argument.getArgNumber(), "halyard.mask"))
        lengthsAndMask.assume(argument);
  }

  void run() {
    SmallVector<Operation *> roots;
    function.walk([&](Operation *op) {
      if (isa<onnx::SoftmaxOp, onnx::AttentionOp>(op) && !lengthOnly(op->getResult(0)))
        roots.push_back(op);
    });
    for (Operation *root : roots) {
      bool raised = isa<onnx::SoftmaxOp>(root) ? raiseSoftmax(cast<onnx::SoftmaxOp>(root))
                                               : raiseOperator(cast<onnx::AttentionOp>(root));
      if (!raised)
        root->emitRemark("not recognised as attention: it is compiled operation by operation");
    }
    foldLayouts(function, shapeOf);
  }

private:
  bool raiseSoftmax(onnx::SoftmaxOp softmax);
  bool raiseOperator(onnx::AttentionOp attention);
  Value followProbabilities(Value probabilities);
  std::optional<Side> sideOf(Value value, ArrayRef<unsigned> batch, unsigned time,
                             ArrayRef<unsigned> features);
  std::optional<Side> sideOfProduct(Value value, bool transposed);
  bool splitMasks(const ScoreChain &chain, OpBuilder &builder);
  std::optional<MaskParts> biasOf(const ScoreChain &chain, OpBuilder &builder);
  std::optional<MaskParts> biasOfMask(onnx::AttentionOp attention, AffineExpr queries, AffineExpr keys,
                                      OpBuilder &builder);
  Value asMask(Value vector, AffineExpr keys, OpBuilder &builder, Location loc);
  Value asBias(Value value, int64_t heads, AffineExpr queries, AffineExpr keys, OpBuilder &builder,
               Location loc);
  bool build(Side &query, Side &key, Side &value, int64_t heads, int64_t kvHeads, double scale,
             std::optional<double> softcap, bool causal, const MaskParts &bias, Value replaced,
             OpBuilder &builder);

  func::FuncOp function;
  LengthOnly lengthOnly, lengthsAndMask;
  ShapeOf shapeOf;
  LayoutBuilder layout;
  DenseMap<Operation *, MaskParts> masks; // what operations of the chain at hand add, where it is data
};

/// From the softmax on to the value that multiplies V: absorbs casts, reshapes and Where(IsNaN(p), 0, p).
Value Raiser::followProbabilities(Value probabilities) {
  for (Value current = probabilities;;) {
    SmallVector<Operation *> users(current.getUsers().begin(), current.getUsers().end());
    if (users.size() == 1) {
      Operation *user = users.front();
      if (isa<onnx::MatMulOp>(user))
        return user->getOperand(0) == current && user->getOperand(1) != current ? user->getResult(0)
                                                                                : Value();
      if (!isa<onnx::CastOp, onnx::ReshapeOp, onnx::UnsqueezeOp, onnx::SqueezeOp, onnx::IdentityOp,
               onnx::DropoutOp>(user))
        return {};
      current = user->getResult(0);
      continue;
    }
    auto *where = llvm::find_if(users, [](Operation *user) { return isa<onnx::WhereOp>(user); });
    if (users.size() != 2 || where == users.end())
      return {};
    auto guard = (*where)->getOperand(0).getDefiningOp<onnx::IsNaNOp>();
    if (!guard || guard->getOperand(0) != current || (*where)->getOperand(2) != current)
      return {};
    current = (*where)->getResult(0);
  }
}

/// Sorts the atoms of a value into time, heads and features; none if it does not have that form.
std::optional<Side> Raiser::sideOf(Value value, ArrayRef<unsigned> batch, unsigned time,
                                   ArrayRef<unsigned> features) {
  auto view = LayoutView::of(value, shapeOf, /*throughScales=*/true);
  if (!view)
    return std::nullopt;
  Side side{*view, {}, {}, {}};
  auto collect = [&](ArrayRef<unsigned> axes, SmallVectorImpl<unsigned> &into) {
    for (unsigned axis : axes)
      llvm::append_range(into, view->axis(axis));
  };
  collect({time}, side.time);
  collect(features, side.features);
  SmallVector<unsigned> heads;
  collect(batch, heads);
  for (ArrayRef<unsigned> atoms : {ArrayRef(side.time), ArrayRef(side.features)})
    if (llvm::any_of(atoms, [&](unsigned atom) { return view->atom(atom).broadcast; }))
      return std::nullopt;
  // Repeated heads: a run of broadcast atoms before (tiled) or after (grouped) the stored ones.
  unsigned changes = 0;
  for (unsigned index = 0; index < heads.size(); ++index) {
    bool repeats = view->atom(heads[index]).broadcast;
    if (index > 0 && repeats != view->atom(heads[index - 1]).broadcast)
      ++changes;
    if (repeats)
      side.broadcast = true;
    else
      side.heads.push_back(heads[index]);
  }
  if (side.broadcast) {
    if (changes > 1)
      return std::nullopt;
    side.map =
        view->atom(heads.front()).broadcast && changes == 1 ? seq::HeadMap::tiled : seq::HeadMap::grouped;
  }
  return side;
}

/// The operand of a product: [..., time, features], or [..., features, time] if `transposed`.
std::optional<Side> Raiser::sideOfProduct(Value value, bool transposed) {
  auto shape = shapeOf(value);
  if (!shape || shape->size() < 2)
    return std::nullopt;
  unsigned rank = shape->size();
  SmallVector<unsigned> batch;
  for (unsigned axis = 0; axis + 2 < rank; ++axis)
    batch.push_back(axis);
  return sideOf(value, batch, transposed ? rank - 1 : rank - 2, {transposed ? rank - 2 : rank - 1});
}

static std::optional<int64_t> constantExtent(const LayoutView &view, ArrayRef<unsigned> atoms) {
  auto constant = dyn_cast<AffineConstantExpr>(view.extent(atoms));
  return constant ? std::optional<int64_t>(constant.getValue()) : std::nullopt;
}

bool Raiser::raiseSoftmax(onnx::SoftmaxOp softmax) {
  auto type = dyn_cast<RankedTensorType>(softmax.getResult().getType());
  if (!type || (static_cast<int64_t>(softmax.getAxis()) != -1 &&
                static_cast<int64_t>(softmax.getAxis()) + 1 != type.getRank()))
    return false;
  auto chain = ScoreChain::endingIn(softmax.getInput(), lengthsAndMask);
  Value output = followProbabilities(softmax.getResult());
  if (!chain || !output)
    return false;
  auto product = chain->product.getDefiningOp<onnx::MatMulOp>();
  auto query = sideOfProduct(product->getOperand(0), false),
       key = sideOfProduct(product->getOperand(1), true);
  auto value = sideOfProduct(output.getDefiningOp()->getOperand(1), false);
  if (!query || !key || !value || query->broadcast || key->map != value->map)
    return false;
  auto heads = constantExtent(query->view, query->heads), kvHeads = constantExtent(key->view, key->heads);
  if (!heads || !kvHeads || constantExtent(value->view, value->heads) != kvHeads)
    return false;
  OpBuilder builder(output.getDefiningOp());
  double scale = chain->scale * query->view.scale() * key->view.scale();
  auto bias = chain->biased ? biasOf(*chain, builder) : MaskParts();
  return bias &&
         build(*query, *key, *value, *heads, *kvHeads, scale, chain->softcap, false, *bias, output, builder);
}

/// Attention of opset 23 and later, without a past of its own.
bool Raiser::raiseOperator(onnx::AttentionOp op) {
  auto absent = [&](unsigned index) {
    return index >= op->getNumOperands() || onnx::isAbsent(op->getOperand(index));
  };
  auto shape = shapeOf(op.getQ());
  bool others =
      llvm::any_of(llvm::drop_begin(op->getResults()), [](Value value) { return !value.use_empty(); });
  if (!shape || others || !absent(4) || !absent(5) || !absent(6))
    return false;
  bool split = shape->size() == 4;
  auto side = [&](Value value) { return split ? sideOf(value, {0, 1}, 2, {3}) : sideOf(value, {0}, 1, {2}); };
  auto query = side(op.getQ()), key = side(op.getK()), value = side(op.getV());
  if (!query || !key || !value || query->broadcast || key->map != value->map)
    return false;
  std::optional<int64_t> heads = constantExtent(query->view, query->heads),
                         kvHeads = constantExtent(key->view, key->heads);
  if (!split) {
    heads = op.getQNumHeads();
    kvHeads = op.getKvNumHeads();
  }
  auto features = constantExtent(query->view, query->features);
  if (!heads || !kvHeads || !features)
    return false;
  int64_t headSize = split ? *features : *features / *heads;
  double scale =
      op.getScale() ? op.getScale()->convertToDouble() : 1.0 / std::sqrt(static_cast<double>(headSize));
  scale *= query->view.scale() * key->view.scale();
  double cap = op.getSoftcap().convertToDouble();
  OpBuilder builder(op);
  AffineExpr queries = query->view.extent(query->time), keys = key->view.extent(key->time);
  if (op.getIsCausal() && queries != keys)
    return false;
  auto bias = absent(3) ? MaskParts() : biasOfMask(op, queries, keys, builder);
  return bias &&
         build(*query, *key, *value, *heads, *kvHeads, scale, cap ? std::optional<double>(cap) : std::nullopt,
               op.getIsCausal(), *bias, op->getResult(0), builder);
}

/// [1 or heads, queries, keys] from a value of more leading axes.
Value Raiser::asBias(Value value, int64_t heads, AffineExpr queries, AffineExpr keys, OpBuilder &builder,
                     Location loc) {
  AffineExpr leading = getAffineConstantExpr(heads, builder.getContext());
  return layout.reshape(builder, loc, value, {leading, queries, keys});
}

/// Tells lengths and data apart in what the operations of a chain add to scores or replace them by.
bool Raiser::splitMasks(const ScoreChain &chain, OpBuilder &builder) {
  KeyMask mask(shapeOf, lengthOnly, builder);
  masks.clear();
  for (auto [op, carried] : chain.ops) {
    if (llvm::all_of(op->getOperands().take_front(carried), lengthOnly) &&
        llvm::all_of(op->getOperands().drop_front(carried + 1), lengthOnly))
      continue;
    std::optional<MaskParts> parts;
    if (auto where = dyn_cast<onnx::WhereOp>(op); where && carried > 0) {
      auto rank = [&](Value value) {
        return static_cast<int64_t>(shapeOf(value) ? shapeOf(value)->size() : 0);
      };
      Value hidden = op->getOperand(3 - carried),
            condition = mask.along(where.getCondition(), rank(where.getCondition()) - 1);
      Value scalar = rank(hidden) ? mask.along(hidden, rank(hidden) - 1) : hidden;
      if (condition && scalar)
        parts = MaskParts{{}, mask.choose(condition, scalar, carried == 2)};
    } else if (isa<onnx::AddOp>(op)) {
      parts = mask.split(op->getOperand(1 - carried));
    }
    if (!parts)
      return false;
    masks[op] = *parts;
  }
  return true;
}

/// The chain's value at scores of zero.
std::optional<MaskParts> Raiser::biasOf(const ScoreChain &chain, OpBuilder &builder) {
  auto shape = shapeOf(chain.product);
  if (!shape || !splitMasks(chain, builder))
    return std::nullopt;
  AffineExpr one = getAffineConstantExpr(1, builder.getContext());
  // Heads are needed only if something in the chain differs between them.
  bool perHead = chain.reshaped;
  for (auto [op, carried] : chain.ops)
    for (OpOperand &operand : op->getOpOperands()) {
      auto own = operand.getOperandNumber() == carried ? std::nullopt : shapeOf(operand.get());
      for (int64_t axis = 0; own && axis + 2 < static_cast<int64_t>(own->size()); ++axis)
        perHead |= (*own)[axis] != one;
    }
  SmallVector<AffineExpr> zeroShape(*shape);
  AffineExpr heads = one;
  for (unsigned axis = 0; axis + 2 < zeroShape.size(); ++axis) {
    if (!perHead)
      zeroShape[axis] = one;
    heads = heads * zeroShape[axis];
  }
  auto constant = dyn_cast<AffineConstantExpr>(heads);
  if (!constant)
    return std::nullopt;
  Location loc = chain.product.getLoc();
  auto apply = [&](Operation *op, unsigned carried, Value to) {
    IRMapping mapping;
    mapping.map(op->getOperand(carried), to);
    Operation *clone = builder.clone(*op, mapping);
    for (Value result : clone->getResults())
      result.setType(UnrankedTensorType::get(onnx::elementTypeOf(result)));
    return clone->getResult(0);
  };
  KeyMask mask(shapeOf, lengthOnly, builder);
  Value current = layout.zeros(builder, loc, onnx::elementTypeOf(chain.product), zeroShape), keys;
  bool biased = false;
  for (auto [op, carried] : chain.ops) {
    auto data = masks.find(op);
    if (data != masks.end()) {
      biased |= static_cast<bool>(data->second.ofLengths);
      current = mask.sum(current, data->second.ofLengths);
      keys = mask.sum(keys, data->second.ofKeys);
      continue;
    }
    biased |= isa<onnx::AddOp, onnx::SubOp, onnx::WhereOp>(op);
    current = apply(op, carried, current);
    if (keys && isa<onnx::MulOp, onnx::DivOp, onnx::CastOp>(op))
      keys = apply(op, carried, keys);
  }
  AffineExpr queries = (*shape)[shape->size() - 2];
  return MaskParts{biased ? asBias(current, constant.getValue(), queries, shape->back(), builder, loc)
                          : Value(),
                   keys ? asMask(keys, shape->back(), builder, loc) : Value()};
}

/// [keys, 1] from a vector.
Value Raiser::asMask(Value vector, AffineExpr keys, OpBuilder &builder, Location loc) {
  Type element = onnx::elementTypeOf(vector);
  Value full = onnx::AddOp::create(builder, loc, layout.typeOf({keys}, element),
                                   layout.zeros(builder, loc, element, {keys}), vector);
  return layout.reshape(builder, loc, full, {keys, getAffineConstantExpr(1, builder.getContext())});
}

/// attn_mask, broadcast to [.., queries, keys]: true or a number to add.
std::optional<MaskParts> Raiser::biasOfMask(onnx::AttentionOp op, AffineExpr queries, AffineExpr keys,
                                            OpBuilder &builder) {
  Value mask = op.getAttnMask();
  auto shape = shapeOf(mask);
  if (!shape || !lengthsAndMask(mask) || shape->size() < 2)
    return std::nullopt;
  if (!lengthOnly(mask)) {
    KeyMask data(shapeOf, lengthOnly, builder);
    Value ofKeys = data.along(mask, shape->size() - 1);
    if (!ofKeys)
      return std::nullopt;
    if (onnx::elementTypeOf(mask).isInteger(1)) {
      double lowest = -std::numeric_limits<double>::infinity();
      Value hidden = layout.scalar(builder, op.getLoc(), onnx::elementTypeOf(op.getQ()), lowest);
      ofKeys = data.choose(ofKeys, hidden, /*inverted=*/false);
    }
    return MaskParts{{}, asMask(ofKeys, keys, builder, op.getLoc())};
  }
  AffineExpr heads = getAffineConstantExpr(1, builder.getContext());
  SmallVector<AffineExpr> full(shape->begin(), shape->end() - 2);
  for (AffineExpr extent : full)
    heads = heads * extent;
  auto constant = dyn_cast<AffineConstantExpr>(heads);
  if (!constant)
    return std::nullopt;
  full.append({queries, keys});
  Type type = onnx::elementTypeOf(op.getQ());
  auto unranked = UnrankedTensorType::get(type);
  Value zeros = layout.zeros(builder, op.getLoc(), type, full);
  Value bias;
  if (onnx::elementTypeOf(mask).isInteger(1)) {
    Value masked = layout.scalar(builder, op.getLoc(), type, -std::numeric_limits<double>::infinity());
    bias = onnx::WhereOp::create(builder, op.getLoc(), unranked, mask, zeros, masked);
  } else {
    bias = onnx::AddOp::create(builder, op.getLoc(), unranked, zeros, mask);
  }
  return MaskParts{asBias(bias, constant.getValue(), queries, keys, builder, op.getLoc()), {}};
}

bool Raiser::build(Side &query, Side &key, Side &value, int64_t heads, int64_t kvHeads, double scale,
                   std::optional<double> softcap, bool causal, const MaskParts &bias, Value replaced,
                   OpBuilder &builder) {
  Location loc = replaced.getLoc();
  auto features = [](const Side &side) {
    SmallVector<unsigned> order(side.heads);
    llvm::append_range(order, side.features);
    return order;
  };
  Value q = layout.rows(builder, loc, query.view, query.time, features(query));
  Value k = layout.rows(builder, loc, key.view, key.time, features(key));
  Value v = layout.rows(builder, loc, value.view, value.time, features(value));
  auto shape = shapeOf(replaced);
  if (!q || !k || !v || !shape || heads % kvHeads != 0)
    return false;
  int64_t valueSize = *constantExtent(value.view, features(value)) / kvHeads;
  if (value.view.scale() != 1.0)
    v = layout.scaled(builder, loc, v, value.view.scale());
  auto type = RankedTensorType::get({cast<RankedTensorType>(q.getType()).getDimSize(0), heads * valueSize},
                                    onnx::elementTypeOf(q));
  auto attention = seq::AttentionOp::create(
      builder, loc, type, q, k, v, Value(), Value(), bias.ofLengths, bias.ofKeys, Value(), Value(),
      builder.getI64IntegerAttr(heads), builder.getI64IntegerAttr(kvHeads), builder.getF64FloatAttr(scale),
      softcap ? builder.getF64FloatAttr(*softcap) : FloatAttr(), causal ? builder.getUnitAttr() : UnitAttr(),
      UnitAttr(), UnitAttr(), seq::HeadMapAttr());
  attention.setHeadMap(key.map);
  Value output = layout.fromRows(builder, loc, attention.getResult(), query.view.extent(query.time), heads,
                                 valueSize, *shape);
  output.setType(replaced.getType());
  replaced.replaceAllUsesWith(output);
  return true;
}

struct RaiseAttention : impl::RaiseAttentionBase<RaiseAttention> {
  void runOnOperation() override {
    auto shapes = SymbolicShapes::compute(getOperation());
    if (failed(shapes))
      return signalPassFailure();
    Raiser(getOperation(), *shapes).run();
  }
};

} // namespace
} // namespace halyard

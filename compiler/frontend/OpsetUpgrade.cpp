// One rule per change between operator sets that alters a node's form. Changes that only widen an operator
// (more element types, an attribute whose default is the old behaviour) need no rule.
#include "compiler/frontend/OpsetUpgrade.h"

#include "dialects/ONNX/IR/ONNX.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace halyard::onnx;

namespace {

struct Upgrade {
  PendingNode &node;
  OpBuilder &builder;
  Ranks &ranks;

  Value constant(ArrayRef<int64_t> values) {
    auto type = RankedTensorType::get(values.size(), builder.getI64Type());
    return ConstantOp::create(builder, node.loc, DenseElementsAttr::get(type, values));
  }
  Type unranked(Value like) { return UnrankedTensorType::get(elementTypeOf(like)); }
  Type unrankedI64() { return UnrankedTensorType::get(builder.getI64Type()); }

  Value unsqueeze(Value value, int64_t axis) {
    return UnsqueezeOp::create(builder, node.loc, unranked(value), value, constant({axis}));
  }
  Value reshape(Value value, Value shape) {
    return ReshapeOp::create(builder, node.loc, unranked(value), value, shape);
  }
};

/// An attribute of ints became the last input.
void intsToInput(Upgrade &upgrade, StringRef name) {
  PendingNode &node = upgrade.node;
  if (node.inputs.size() != 1)
    return; // malformed: the attribute that stays will be reported
  if (auto values = dyn_cast_or_null<DenseI64ArrayAttr>(node.attributes.erase(name)))
    node.inputs.push_back(upgrade.constant(values));
}

void axesToInput(Upgrade &upgrade) { intsToInput(upgrade, "axes"); }
void splitToInput(Upgrade &upgrade) { intsToInput(upgrade, "split"); }

/// Split without sizes made as many equal parts as the node has outputs; since 18 it says how many.
void countSplits(Upgrade &upgrade) {
  PendingNode &node = upgrade.node;
  if (node.inputs.size() < 2)
    node.attributes.set("num_outputs", upgrade.builder.getI64IntegerAttr(node.outputs));
}

/// The ratio matters in training only.
void dropRatio(Upgrade &upgrade) { upgrade.node.attributes.erase("ratio"); }

/// Softmax, LogSoftmax and Hardmax flattened their operand to two axes and worked on the second, axis 1 by
/// default. Of the last axis that is the newer form; else the flattening is spelled out.
void flattenAlongAxis(Upgrade &upgrade) {
  PendingNode &node = upgrade.node;
  if (node.inputs.size() != 1 || !isa<TensorType>(node.inputs[0].getType()))
    return;
  Value input = node.inputs[0];
  auto attribute = dyn_cast_or_null<IntegerAttr>(node.attributes.get("axis"));
  int64_t axis = attribute ? attribute.getInt() : 1;
  std::optional<int64_t> rank = upgrade.ranks.rank(input);
  node.attributes.set("axis", upgrade.builder.getI64IntegerAttr(-1));
  if (axis == -1 || (rank && axis == *rank - 1))
    return;
  Value shape = ShapeOp::create(upgrade.builder, node.loc, upgrade.unrankedI64(), input);
  node.inputs[0] = FlattenOp::create(upgrade.builder, node.loc, upgrade.unranked(input), input, axis);
  node.finish = [&node, &builder = upgrade.builder, shape](Value result) -> Value {
    return ReshapeOp::create(builder, node.loc, result.getType(), result, shape);
  };
}

/// Scale and bias were given per group; since 21 per channel: each repeated over the channels of its group.
void scalePerChannel(Upgrade &upgrade) {
  PendingNode &node = upgrade.node;
  auto groups = dyn_cast_or_null<IntegerAttr>(node.attributes.get("num_groups"));
  if (!groups || node.inputs.size() != 3)
    return;
  OpBuilder &builder = upgrade.builder;
  Type i64 = upgrade.unrankedI64();
  Value channels = ShapeOp::create(builder, node.loc, i64, node.inputs[0], 1, builder.getI64IntegerAttr(2));
  Value groupCount = upgrade.constant({groups.getInt()});
  Value perGroup = DivOp::create(builder, node.loc, i64, channels, groupCount);
  Value grid = ConcatOp::create(builder, node.loc, i64, ValueRange{groupCount, perGroup}, 0);
  for (Value &input : MutableArrayRef(node.inputs).drop_front()) {
    Value column = upgrade.unsqueeze(input, 1);
    Value repeated = ExpandOp::create(builder, node.loc, upgrade.unranked(input), column, grid);
    input = upgrade.reshape(repeated, upgrade.constant({-1}));
  }
}

struct Rule {
  const char *type;
  int64_t since; // the operator set whose form the rule reaches
  void (*apply)(Upgrade &);
};

// In order of `since` where one operator has several.
constexpr Rule kRules[] = {
    {"Dropout", 12, dropRatio},
    {"Squeeze", 13, axesToInput},
    {"Unsqueeze", 13, axesToInput},
    {"ReduceSum", 13, axesToInput},
    {"Split", 13, splitToInput},
    {"Softmax", 13, flattenAlongAxis},
    {"LogSoftmax", 13, flattenAlongAxis},
    {"Hardmax", 13, flattenAlongAxis},
    {"Split", 18, countSplits},
    {"ReduceL1", 18, axesToInput},
    {"ReduceL2", 18, axesToInput},
    {"ReduceLogSum", 18, axesToInput},
    {"ReduceLogSumExp", 18, axesToInput},
    {"ReduceMax", 18, axesToInput},
    {"ReduceMean", 18, axesToInput},
    {"ReduceMin", 18, axesToInput},
    {"ReduceProd", 18, axesToInput},
    {"ReduceSumSquare", 18, axesToInput},
    {"GroupNormalization", 21, scalePerChannel},
};

} // namespace

void halyard::onnx::upgradeNode(PendingNode &node, int64_t opset, OpBuilder &builder, Ranks &ranks) {
  Upgrade upgrade{node, builder, ranks};
  for (const Rule &rule : kRules)
    if (opset < rule.since && node.type == rule.type)
      rule.apply(upgrade);
}

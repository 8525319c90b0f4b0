// raise-rotary: rotary position embedding spelled out becomes seq.rotary over rows.
//
// The form is x * cos + r * sin, where r holds each pair of x turned by a quarter: Concat(-x2, x1) of two
// halves, or
// (-x1, x0, -x3, x2, ..) interleaved. It may cover the leading features of a head only, the rest being
// concatenated unchanged. cos and sin repeat themselves for both members of a pair; that is checked by
// evaluating them at every length.
#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/LengthOnly.h"
#include "passes/Analysis/SymbolicShapes.h"
#include "passes/Conversion/OnnxHostOps.h"
#include "passes/Transforms/LayoutBuilder.h"
#include "passes/Transforms/LengthSlice.h"
#include "passes/Transforms/Passes.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_RAISEROTARY
#include "passes/Transforms/Passes.h.inc"

namespace {

/// A slice along one axis with constant bounds, the end clipped to the extent.
struct AxisSlice {
  Value data;
  int64_t axis, start, end, step;
};

std::optional<AxisSlice> sliceOf(Value value) {
  auto op = value.getDefiningOp<onnx::SliceOp>();
  auto type = op ? dyn_cast<RankedTensorType>(op.getData().getType()) : RankedTensorType();
  if (!type)
    return std::nullopt;
  auto start = constantScalar(op.getStarts()), end = constantScalar(op.getEnds());
  auto axis = onnx::isAbsent(op.getAxes()) ? std::optional<double>(0) : constantScalar(op.getAxes());
  auto step = onnx::isAbsent(op.getSteps()) ? std::optional<double>(1) : constantScalar(op.getSteps());
  if (!start || !end || !axis || !step)
    return std::nullopt;
  AxisSlice slice{op.getData(), static_cast<int64_t>(*axis), 0, 0, static_cast<int64_t>(*step)};
  if (slice.axis < 0)
    slice.axis += type.getRank();
  if (slice.axis >= type.getRank() || type.isDynamicDim(slice.axis))
    return std::nullopt;
  double extent = type.getDimSize(slice.axis);
  auto clip = [&](double bound) {
    return static_cast<int64_t>(std::min(std::max(bound < 0 ? bound + extent : bound, 0.0), extent));
  };
  slice.start = clip(*start);
  slice.end = clip(*end);
  return slice;
}

bool isLastAxis(const AxisSlice &slice) {
  return slice.axis + 1 == cast<RankedTensorType>(slice.data.getType()).getRank();
}

std::optional<int64_t> lastExtent(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() == 0 || type.isDynamicDim(type.getRank() - 1))
    return std::nullopt;
  return type.getShape().back();
}

/// The two operands of a Concat along the last axis.
std::optional<std::pair<Value, Value>> pairOf(Value value) {
  auto concat = value.getDefiningOp<onnx::ConcatOp>();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!concat || !type || concat->getNumOperands() != 2 ||
      (static_cast<int64_t>(concat.getAxis()) != -1 &&
       static_cast<int64_t>(concat.getAxis()) + 1 != type.getRank()))
    return std::nullopt;
  return std::pair(concat->getOperand(0), concat->getOperand(1));
}

/// x, if `value` is x with each pair turned; says in which style.
Value turned(Value value, bool &interleaved) {
  auto merged = value.getDefiningOp<onnx::ReshapeOp>();
  interleaved = merged != nullptr;
  auto pair = pairOf(merged ? merged.getData() : value);
  if (!pair)
    return {};
  auto [first, second] = *pair;
  if (interleaved) {
    auto a = first.getDefiningOp<onnx::UnsqueezeOp>(), b = second.getDefiningOp<onnx::UnsqueezeOp>();
    if (!a || !b || lastExtent(first) != 1 || lastExtent(second) != 1)
      return {};
    first = a.getData();
    second = b.getData();
  }
  auto negated = first.getDefiningOp<onnx::NegOp>();
  auto upper = negated ? sliceOf(negated->getOperand(0)) : std::nullopt, lower = sliceOf(second);
  if (!upper || !lower || upper->data != lower->data || !isLastAxis(*upper) || !isLastAxis(*lower))
    return {};
  int64_t extent = *lastExtent(upper->data);
  bool fits = interleaved
                  ? upper->start == 1 && upper->step == 2 && upper->end == extent && lower->start == 0 &&
                        lower->step == 2 && lower->end >= extent - 1
                  : upper->step == 1 && lower->step == 1 && lower->start == 0 && lower->end == extent / 2 &&
                        upper->start == extent / 2 && upper->end == extent;
  return fits && extent % 2 == 0 ? upper->data : Value();
}

/// x * cos + turned(x) * sin.
struct Rotation {
  Value x, cos, sin, result;
  bool interleaved = false;
  int64_t rotary = 0;
};

class RotaryRaiser {
public:
  RotaryRaiser(func::FuncOp function, const SymbolicShapes &shapes)
      : function(function), shapes(shapes), evaluator(function.getContext()),
        limits(LengthLimits::of(function)), layout(function.getContext()) {
    registerOnnxHostOps(evaluator);
  }

  void run() {
    SmallVector<Rotation> rotations;
    function.walk([&](onnx::AddOp sum) {
      if (auto rotation = match(sum))
        rotations.push_back(*rotation);
    });
    for (Rotation &rotation : rotations)
      raise(rotation);
  }

private:
  std::optional<Rotation> match(onnx::AddOp sum);
  void takeRest(Rotation &rotation);
  bool repeats(Value table, bool interleaved);
  Value perPair(OpBuilder &builder, Location loc, Value table, const Rotation &rotation, AffineExpr time);
  void raise(Rotation &rotation);

  func::FuncOp function;
  const SymbolicShapes &shapes;
  LengthOnly lengthOnly;
  Evaluator evaluator;
  LengthLimits limits;
  LayoutBuilder layout;
  DenseMap<std::pair<Value, unsigned>, bool> checked;
};

std::optional<Rotation> RotaryRaiser::match(onnx::AddOp sum) {
  for (unsigned index : {0u, 1u}) {
    auto straight = sum->getOperand(index).getDefiningOp<onnx::MulOp>();
    auto across = sum->getOperand(1 - index).getDefiningOp<onnx::MulOp>();
    if (!straight || !across)
      return std::nullopt;
    for (unsigned side : {0u, 1u})
      for (unsigned other : {0u, 1u}) {
        Rotation rotation;
        rotation.x = straight->getOperand(side);
        rotation.cos = straight->getOperand(1 - side);
        rotation.sin = across->getOperand(1 - other);
        rotation.result = sum.getResult();
        if (!lengthOnly(rotation.cos) || !lengthOnly(rotation.sin) || lengthOnly(rotation.x) ||
            turned(across->getOperand(other), rotation.interleaved) != rotation.x || !lastExtent(rotation.x))
          continue;
        rotation.rotary = *lastExtent(rotation.x);
        if (repeats(rotation.cos, rotation.interleaved) && repeats(rotation.sin, rotation.interleaved))
          return rotation;
      }
  }
  return std::nullopt;
}

/// Whether both members of every pair have the same value at every length.
bool RotaryRaiser::repeats(Value table, bool interleaved) {
  auto [known, isNew] = checked.try_emplace(std::pair(table, unsigned(interleaved)), false);
  if (!isNew)
    return known->second;
  auto shape = shapes.shape(table);
  if (!shape || llvm::is_contained(*shape, AffineExpr()))
    return false;
  Lengths lengths;
  for (AffineExpr extent : *shape)
    if (auto reached = lengthsReaching(extent, limits))
      lengths = *reached;
  auto slice = LengthSlice::of(table);
  if (failed(slice) || lengths.empty())
    return false;
  for (auto [source, target] : lengths) {
    auto value = slice->at(evaluator, source, target);
    if (failed(value) || !value->elementType.isF32() || value->shape.back() % 2)
      return false;
    auto elements = value->values<float>();
    int64_t width = value->shape.back(), step = interleaved ? 1 : width / 2;
    for (int64_t row = 0; row < value->elements(); row += width)
      for (int64_t pair = 0; pair < width / 2; ++pair) {
        int64_t first = row + (interleaved ? 2 * pair : pair);
        if (elements[first] != elements[first + step])
          return false;
      }
  }
  return checked[std::pair(table, unsigned(interleaved))] = true;
}

/// If only the leading features of `x` are turned and the rest is concatenated unchanged, takes the whole.
void RotaryRaiser::takeRest(Rotation &rotation) {
  auto leading = sliceOf(rotation.x);
  if (!leading || !isLastAxis(*leading) || leading->start != 0 || leading->step != 1 ||
      !rotation.result.hasOneUse())
    return;
  Value whole = rotation.result.getUsers().begin()->getResult(0);
  auto pair = pairOf(whole);
  auto rest = pair && pair->first == rotation.result ? sliceOf(pair->second) : std::nullopt;
  if (!rest || rest->data != leading->data || !isLastAxis(*rest) || rest->start != leading->end ||
      rest->step != 1 || rest->end != *lastExtent(rest->data))
    return;
  rotation.x = leading->data;
  rotation.result = whole;
}

/// One value per row and pair, [time, rotary / 2].
Value RotaryRaiser::perPair(OpBuilder &builder, Location loc, Value table, const Rotation &rotation,
                            AffineExpr time) {
  auto constant = [&](int64_t value) { return getAffineConstantExpr(value, builder.getContext()); };
  auto index = [&](int64_t value) -> Value {
    auto type = RankedTensorType::get({1}, builder.getI64Type());
    return onnx::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, {value}));
  };
  int64_t half = rotation.rotary / 2;
  Value rows = layout.reshape(builder, loc, table, {time, constant(rotation.rotary)});
  auto type = RankedTensorType::get({cast<RankedTensorType>(rows.getType()).getDimSize(0), half},
                                    onnx::elementTypeOf(table));
  return onnx::SliceOp::create(builder, loc, type, rows, index(0),
                               index(rotation.interleaved ? rotation.rotary : half), index(1),
                               index(rotation.interleaved ? 2 : 1));
}

void RotaryRaiser::raise(Rotation &rotation) {
  takeRest(rotation);
  ShapeOf shapeOf = [&](Value value) { return shapes.shape(value); };
  auto shape = shapes.shape(rotation.x), tableShape = shapes.shape(rotation.cos);
  auto view = LayoutView::of(rotation.x, shapeOf, /*throughScales=*/false);
  if (!shape || !tableShape || !view || shapes.shape(rotation.sin) != tableShape)
    return;
  // Time is the one axis that the tables have beside the features.
  int64_t rank = shape->size(), lead = rank - tableShape->size(), time = -1;
  AffineExpr one = getAffineConstantExpr(1, function.getContext());
  for (int64_t axis = lead; axis + 1 < rank; ++axis)
    if ((*tableShape)[axis - lead] != one) {
      if (time >= 0 || (*tableShape)[axis - lead] != (*shape)[axis])
        return;
      time = axis;
    }
  if (lead < 0 || time < 0)
    return;
  SmallVector<unsigned> rows(ArrayRef<unsigned>(view->axis(time))), features;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (axis != time)
      llvm::append_range(features, view->axis(axis));
  auto width = dyn_cast<AffineConstantExpr>(view->extent(features));
  OpBuilder builder(rotation.result.getDefiningOp());
  Location loc = rotation.result.getLoc();
  Value input = width ? layout.rows(builder, loc, *view, rows, features) : Value();
  if (!input)
    return;
  int64_t size = *lastExtent(rotation.x), heads = width.getValue() / size;
  // Back from [time, heads, size] to where time was: only the axes before the features may hold heads.
  SmallVector<int64_t> wide;
  for (int64_t axis = 0; axis + 1 < rank; ++axis)
    if (axis != time && (*shape)[axis] != one)
      wide.push_back(axis);
  if (wide.size() > 1)
    return;
  Value cos = perPair(builder, loc, rotation.cos, rotation, (*shape)[time]);
  Value sin = perPair(builder, loc, rotation.sin, rotation, (*shape)[time]);
  Value turnedRows = seq::RotaryOp::create(
      builder, loc, input.getType(), input, cos, sin, builder.getI64IntegerAttr(heads),
      builder.getI64IntegerAttr(rotation.rotary), rotation.interleaved ? builder.getUnitAttr() : UnitAttr());
  bool headsFirst = !wide.empty() && wide.front() < time;
  Value result = headsFirst ? layout.fromRows(builder, loc, turnedRows, (*shape)[time], heads, size, *shape)
                            : layout.reshape(builder, loc, turnedRows, *shape);
  result.setType(rotation.result.getType());
  rotation.result.replaceAllUsesWith(result);
}

struct RaiseRotary : impl::RaiseRotaryBase<RaiseRotary> {
  void runOnOperation() override {
    auto shapes = SymbolicShapes::compute(getOperation());
    if (failed(shapes))
      return signalPassFailure();
    RotaryRaiser(getOperation(), *shapes).run();
  }
};

} // namespace
} // namespace halyard

// screen-head: the head becomes a stage of its own, beside a narrower one that bounds its logits from above.
//
// Greedy search wants one logit of each row. A bound on every logit costs half the bytes of the logits, or a
// quarter; only those whose bound reaches the best logit found have to be computed. What is returned is the
// same token always: bounds hold for every row (ScreenBounds.h), and logits that are computed one by one have
// the bits that the whole head gives them.
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/ScreenBounds.h"
#include "passes/Transforms/TargetOption.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_SCREENHEAD
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Elements of a head from which its bytes outweigh what screening costs besides.
constexpr int64_t kWorthwhile = 1 << 20;
/// Columns that are computed at a time: one vector of the widest kind.
constexpr int64_t kUnit = 16;

/// The end of a step: logits are a linear layer, or that and one constant for each column.
struct Head {
  seq::LinearOp linear;
  linalg::GenericOp addition; // null if there are no constants
  ElementsAttr constants;

  static std::optional<Head> match(seq::StepOp step);
};

/// A constant, also behind reshapes of it.
ElementsAttr constantBehindReshapes(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, tensor::ReshapeOp>(op))
      break;
    value = op->getOperand(0);
  }
  ElementsAttr constant;
  matchPattern(value, m_Constant(&constant));
  return constant;
}

/// Whether the body adds its first two arguments.
bool addsInputs(linalg::GenericOp op) {
  Block *body = op.getBody();
  auto add = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  return add && body->getOperations().size() == 2 &&
         ((add.getLhs() == body->getArgument(0) && add.getRhs() == body->getArgument(1)) ||
          (add.getLhs() == body->getArgument(1) && add.getRhs() == body->getArgument(0)));
}

std::optional<Head> Head::match(seq::StepOp step) {
  if (step.getMode() != seq::StepMode::incremental || step.getBlock().getTerminator()->getNumOperands() != 1)
    return std::nullopt;
  Head head;
  Value logits = step.getBlock().getTerminator()->getOperand(0);
  head.addition = logits.getDefiningOp<linalg::GenericOp>();
  if (linalg::GenericOp op = head.addition) {
    if (op.getNumReductionLoops() || op.getNumLoops() != 2 || op.getNumDpsInputs() != 2 || !addsInputs(op) ||
        !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
      return std::nullopt;
    for (OpOperand *input : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(input);
      if (map.isIdentity())
        logits = input->get();
      else if (map.getNumResults() == 1 && map.getResult(0) == getAffineDimExpr(1, op.getContext()))
        head.constants = constantBehindReshapes(input->get());
    }
    if (!head.constants || !head.constants.getElementType().isF32())
      return std::nullopt;
    HostTensor given = fromAttribute(head.constants);
    head.constants = toAttribute(given.reshaped(given.elements()));
  }
  head.linear = logits.getDefiningOp<seq::LinearOp>();
  if (!head.linear || !head.linear->hasOneUse())
    return std::nullopt;
  return head;
}

/// Writes the three stages.
class Screening {
public:
  Screening(seq::StepOp step, Head of, ScreenedMatrix screen, std::optional<int64_t> mostRows,
            const Target &target)
      : step(step), head(of), screen(std::move(screen)), mostRows(mostRows), target(target), builder(step),
        location(of.linear.getLoc()) {
    outputs = cast<RankedTensorType>(head.linear.getType()).getDimSize(1);
  }

  void create();

private:
  template <typename Stage> Block &begin();
  void createHead();
  void createScreen();
  void createRescore();
  std::pair<Value, Value> codesOf(ValueRange arguments, Value &rows);
  Value narrowProduct(Value codes, Value scales);
  Value bounds(Value product, Value radius, Value scales);
  Value radius(Value rows, Value scales);
  ElementsAttr raisedConstants();

  Value constant(ElementsAttr value) {
    return value ? arith::ConstantOp::create(builder, location, value) : Value();
  }
  Value number(double value) {
    return arith::ConstantOp::create(builder, location, builder.getF32FloatAttr(float(value)));
  }
  /// A loop over the first `rank` of rows and columns; `maps` are the inputs' and then the result's.
  Value elementwise(Type type, ValueRange inputs, ArrayRef<AffineMap> maps,
                    function_ref<Value(OpBuilder &, ValueRange)> body);
  Value empty(RankedTensorType type, Value rows);
  Value lengthOfRows() {
    return seq::LengthOp::create(builder, location, builder.getIndexType(), seq::Axis::target);
  }
  AffineMap map(ArrayRef<unsigned> dims, unsigned loops = 2) {
    return AffineMap::getMultiDimMapWithTargets(loops, dims, builder.getContext());
  }
  bool isCoded() { return head.linear.getInputScale() != nullptr; }

  seq::StepOp step;
  Head head;
  ScreenedMatrix screen;
  /// Rows at a time for which it pays; none if any number of them is to be screened.
  std::optional<int64_t> mostRows;
  const Target &target;
  OpBuilder builder;
  Location location;
  int64_t outputs;
};

} // namespace

//===-- stages ---------------------------------------------------------------------------------------===//

/// A stage after the last one, taking what the step yields, at whose end the builder then is.
template <typename Stage> Block &Screening::begin() {
  builder.setInsertionPointToEnd(step->getBlock());
  auto stage = Stage::create(builder, location, TypeRange(), ValueRange());
  Block &block = stage.getBody().emplaceBlock();
  for (Value value : step.getBlock().getTerminator()->getOperands())
    block.addArgument(value.getType(), location);
  builder.setInsertionPointToEnd(&block);
  return block;
}

/// The step then ends with the rows that the head multiplies: floats, or codes, their scales, and the rows
/// they were made of.
void Screening::create() {
  SmallVector<Value> yielded{head.linear.getInput()};
  if (isCoded())
    yielded.append(
        {head.linear.getInputScale(), head.linear.getInput().getDefiningOp<seq::QuantizeOp>().getInput()});
  step.getBlock().getTerminator()->setOperands(yielded);
  createHead();
  createScreen();
  createRescore();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(step.getBlock())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

void Screening::createHead() {
  Block &block = begin<seq::HeadOp>();
  IRMapping mapping;
  mapping.map(head.linear.getInput(), block.getArgument(0));
  if (isCoded())
    mapping.map(head.linear.getInputScale(), block.getArgument(1));
  auto bring = [&](Value value) {
    if (!mapping.contains(value) && value)
      mapping.map(value, constant(constantBehindReshapes(value)));
  };
  for (Value operand : head.linear->getOperands())
    bring(operand);
  Value logits = builder.clone(*head.linear, mapping)->getResult(0);
  if (head.addition)
    logits = elementwise(logits.getType(), {logits, constant(head.constants)},
                         {map({0, 1}), map({1}), map({0, 1})}, [&](OpBuilder &body, ValueRange values) {
                           return arith::AddFOp::create(body, location, values[0], values[1]);
                         });
  seq::YieldOp::create(builder, location, logits);
}

void Screening::createScreen() {
  Block &block = begin<seq::ScreenOp>();
  cast<seq::ScreenOp>(block.getParentOp()).setMostRows(mostRows);
  Value rows = block.getArguments().back();
  auto [codes, scales] = codesOf(block.getArguments(), rows);
  Value reach = radius(rows, scales);
  Value product = narrowProduct(codes, scales);
  seq::YieldOp::create(builder, location, bounds(product, reach, scales));
}

//===-- bounds ---------------------------------------------------------------------------------------===//

/// Codes of the rows, and `rows` as f32.
std::pair<Value, Value> Screening::codesOf(ValueRange arguments, Value &rows) {
  if (isCoded())
    return {arguments[0], arguments[1]};
  auto type = cast<RankedTensorType>(rows.getType());
  if (!type.getElementType().isF32())
    rows = elementwise(type.clone(builder.getF32Type()), rows, {map({0, 1}), map({0, 1})},
                       [&](OpBuilder &body, ValueRange values) {
                         return arith::ExtFOp::create(body, location, body.getF32Type(), values[0]);
                       });
  LinearLayout layout = target.linearLayout(type.getDimSize(1), outputs, screen.precision);
  Type element = layout.zeroPoint ? IntegerType::get(builder.getContext(), 8, IntegerType::Unsigned)
                                  : builder.getI8Type();
  auto quantized = seq::QuantizeOp::create(builder, location, type.clone(element),
                                           RankedTensorType::get({type.getDimSize(0)}, builder.getF32Type()),
                                           rows, layout.zeroPoint);
  return {quantized.getCodes(), quantized.getScales()};
}

Value Screening::narrowProduct(Value codes, Value scales) {
  bool hasGroups = screen.precision == WeightPrecision::i4;
  LinearLayout layout =
      target.linearLayout(cast<RankedTensorType>(codes.getType()).getDimSize(1), outputs, screen.precision);
  return seq::LinearOp::create(builder, location, head.linear.getType(), codes,
                               constant(screen.narrow.panels), constant(screen.narrow.scales), scales,
                               constant(screen.narrow.columnSums), /*parts=*/Value(),
                               screen.narrow.columnSums ? layout.zeroPoint : 0,
                               hasGroups ? builder.getI64IntegerAttr(kNibbleGroup) : IntegerAttr(),
                               /*tiles=*/false, screen.narrow.narrowPairs);
}

/// At least the norm of each row's codes times their scale: that of the row, and what rounding adds.
Value Screening::radius(Value rows, Value scales) {
  auto type = cast<RankedTensorType>(rows.getType());
  auto perRow = RankedTensorType::get({type.getDimSize(0)}, builder.getF32Type());
  Value init = linalg::FillOp::create(builder, location, number(0), empty(perRow, rows)).getResult(0);
  SmallVector<utils::IteratorType> loops{utils::IteratorType::parallel, utils::IteratorType::reduction};
  Value squares =
      linalg::GenericOp::create(builder, location, perRow, rows, init, {map({0, 1}), map({0})}, loops,
                                [&](OpBuilder &body, Location location, ValueRange values) {
                                  Value square = arith::MulFOp::create(body, location, values[0], values[0]);
                                  Value sum = arith::AddFOp::create(body, location, values[1], square);
                                  linalg::YieldOp::create(body, location, sum);
                                })
          .getResult(0);
  Value half = number(halfCode(type.getDimSize(1))), rounding = number(1.0001);
  return elementwise(perRow, {squares, scales}, {map({0}, 1), map({0}, 1), map({0}, 1)},
                     [&](OpBuilder &body, ValueRange values) -> Value {
                       Value norm = math::SqrtOp::create(body, location, values[0]);
                       Value raised = arith::MulFOp::create(body, location, norm, rounding);
                       Value off = arith::MulFOp::create(body, location, values[1], half);
                       return arith::AddFOp::create(body, location, raised, off);
                     });
}

/// product + error radius + rounding scale, and the constants of columns.
Value Screening::bounds(Value product, Value radius, Value scales) {
  AffineMap full = map({0, 1}), row = map({0}), column = map({1});
  SmallVector<Value> inputs{product, radius, constant(screen.error)};
  SmallVector<AffineMap> maps{full, row, column};
  if (screen.rounding) {
    inputs.append({scales, constant(screen.rounding)});
    maps.append({row, column});
  }
  if (head.addition) {
    inputs.push_back(constant(raisedConstants()));
    maps.push_back(column);
  }
  maps.push_back(full);
  return elementwise(product.getType(), inputs, maps, [&](OpBuilder &body, ValueRange values) {
    auto add = [&](Value sum, Value more) -> Value {
      return arith::AddFOp::create(body, location, sum, more);
    };
    auto times = [&](Value a, Value b) -> Value { return arith::MulFOp::create(body, location, a, b); };
    Value bound = add(values[0], times(values[1], values[2]));
    if (screen.rounding)
      bound = add(bound, times(values[3], values[4]));
    return head.addition ? add(bound, values[inputs.size() - 1]) : bound;
  });
}

/// Adding a constant rounds by at most a unit of 2^-24 of it and of the sum it is added to, here and in the
/// head.
ElementsAttr Screening::raisedConstants() {
  HostTensor given = fromAttribute(head.constants);
  HostTensor raised = HostTensor::allocate({outputs}, given.elementType);
  for (auto [out, value] : llvm::zip_equal(raised.mutableValues<float>(), given.values<float>()))
    out = std::isfinite(value) ? value + std::fabs(value) * 0x1p-20f : value;
  return toAttribute(raised);
}

//===-- single logits --------------------------------------------------------------------------------===//

namespace {

/// Constants of columns, with zeros up to a multiple of a unit.
ElementsAttr padded(ElementsAttr constants, int64_t unit) {
  HostTensor given = fromAttribute(constants);
  int64_t count = given.elements(), size = llvm::alignTo(count, unit);
  HostTensor result = HostTensor::allocate({size}, given.elementType);
  auto *bytes = static_cast<char *>(result.data.get());
  std::fill(bytes, bytes + result.bytes(), char(0));
  std::copy_n(static_cast<const char *>(given.data.get()), given.bytes(), bytes);
  return toAttribute(result);
}

} // namespace

void Screening::createRescore() {
  Block &block = begin<seq::RescoreOp>();
  Value row = block.addArgument(builder.getIndexType(), location);
  Value unit = block.addArgument(builder.getIndexType(), location);
  auto weightType = cast<RankedTensorType>(head.linear.getWeight().getType());
  int64_t width = std::min(kUnit, weightType.getDimSize(2)), perPanel = weightType.getDimSize(2) / width;
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, location, value);
  };
  auto slice = [&](Value source, ArrayRef<OpFoldResult> offsets, ArrayRef<int64_t> sizes) -> Value {
    SmallVector<OpFoldResult> extents, strides(sizes.size(), builder.getIndexAttr(1));
    for (int64_t size : sizes)
      extents.push_back(builder.getIndexAttr(size));
    return tensor::ExtractSliceOp::create(builder, location, source, offsets, extents, strides);
  };
  OpFoldResult zero = builder.getIndexAttr(0);
  Value panel = arith::DivUIOp::create(builder, location, unit, index(perPanel));
  Value inPanel = arith::MulIOp::create(
      builder, location, arith::RemUIOp::create(builder, location, unit, index(perPanel)), index(width));
  Value column = arith::MulIOp::create(builder, location, unit, index(width));
  auto columns = [&](Value constants) -> Value {
    return constants ? slice(constant(padded(constantBehindReshapes(constants), width)), {column}, {width})
                     : Value();
  };
  int64_t features = cast<RankedTensorType>(head.linear.getInput().getType()).getDimSize(1);
  Value input = slice(block.getArgument(0), {row, zero}, {1, features});
  Value inputScale = isCoded() ? slice(block.getArgument(1), {row}, {1}) : Value();
  Value weight =
      slice(constant(constantBehindReshapes(head.linear.getWeight())), {panel, zero, inPanel, zero},
            {1, weightType.getDimSize(1), width, weightType.getDimSize(3)});
  auto type = RankedTensorType::get({1, width}, builder.getF32Type());
  Value logits = seq::LinearOp::create(
      builder, location, type, input, weight, columns(head.linear.getScale()), inputScale,
      columns(head.linear.getColumnSums()), /*parts=*/Value(), head.linear.getZeroPoint(), IntegerAttr(),
      /*tiles=*/false, head.linear.getNarrowPairs());
  if (head.addition) {
    Value constants = slice(constant(padded(head.constants, width)), {column}, {width});
    logits = elementwise(type, {logits, constants}, {map({0, 1}), map({1}), map({0, 1})},
                         [&](OpBuilder &body, ValueRange values) {
                           return arith::AddFOp::create(body, location, values[0], values[1]);
                         });
  }
  seq::YieldOp::create(builder, location, logits);
}

//===-- loops ----------------------------------------------------------------------------------------===//

Value Screening::empty(RankedTensorType type, Value rows) {
  SmallVector<Value> sizes;
  if (type.isDynamicDim(0))
    sizes.push_back(tensor::DimOp::create(builder, location, rows, 0));
  return tensor::EmptyOp::create(builder, location, type, sizes);
}

Value Screening::elementwise(Type type, ValueRange inputs, ArrayRef<AffineMap> maps,
                             function_ref<Value(OpBuilder &, ValueRange)> body) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<utils::IteratorType> loops(tensor.getRank(), utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, location, type, inputs, empty(tensor, inputs.front()), maps,
                                   loops,
                                   [&](OpBuilder &inner, Location location, ValueRange values) {
                                     linalg::YieldOp::create(inner, location, body(inner, values));
                                   })
      .getResult(0);
}

//===-- the pass -------------------------------------------------------------------------------------===//

namespace {

struct ScreenHead : impl::ScreenHeadBase<ScreenHead> {
  using Base::Base;

  void runOnOperation() override {
    const Target *machine = targetOrError(target, getOperation());
    if (!machine)
      return signalPassFailure();
    auto steps = getOperation().getBody().getOps<seq::StepOp>();
    // A device chooses among all logits by itself, and an NPU computes no others than all.
    if (when == "never" || steps.empty() || !machine->deviceInterface().empty() || machine->npu())
      return;
    std::optional<Head> head = Head::match(*steps.begin());
    if (!head)
      return;
    seq::LinearOp linear = head->linear;
    // A matrix of floats is screened in codes of 8 bits, which are always faster.
    std::optional<int64_t> mostRows =
        when == "auto" && linear.getInputScale() ? machine->mostRowsOfNibbles() : std::nullopt;
    if (when == "auto" && (mostRows == 0 || !isLarge(linear)))
      return;
    if (linear.getInputScale() && !linear.getInput().getDefiningOp<seq::QuantizeOp>())
      return;
    if (std::optional<ScreenedMatrix> screen = screenMatrix(linear, *machine))
      Screening(*steps.begin(), *head, std::move(*screen), mostRows, *machine).create();
  }

  static bool isLarge(seq::LinearOp linear) {
    return cast<RankedTensorType>(linear.getWeight().getType()).getNumElements() >= kWorthwhile;
  }
};

} // namespace
} // namespace halyard

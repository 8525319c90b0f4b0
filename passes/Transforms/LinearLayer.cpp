// Recognition of linear layers; see the header.
#include "passes/Transforms/LinearLayer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/APFloat.h"

using namespace mlir;

namespace halyard {

/// Whether the body adds the product of both inputs to the accumulator.
static bool multipliesAndAdds(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (body->getNumArguments() != 3)
    return false;
  auto add = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add)
    return false;
  Value accumulator = body->getArgument(2);
  Value other = add.getLhs() == accumulator ? add.getRhs() : add.getLhs();
  auto product = other.getDefiningOp<arith::MulFOp>();
  bool accumulates = add.getLhs() == accumulator || add.getRhs() == accumulator;
  Value first = body->getArgument(0), second = body->getArgument(1);
  return accumulates && product &&
         ((product.getLhs() == first && product.getRhs() == second) ||
          (product.getLhs() == second && product.getRhs() == first));
}

static bool startsAtZero(linalg::LinalgOp op) {
  auto fill = op.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  return fill && matchPattern(fill.value(), m_AnyZeroFloat());
}

bool sumsProducts(linalg::LinalgOp op) { return multipliesAndAdds(op) && startsAtZero(op); }

/// What an elementwise copy of one tensor reads: a transposition, or a widening of f16. Null if it is none.
static Value copiedFrom(Value value) {
  auto copy = value.getDefiningOp<linalg::GenericOp>();
  if (!copy || copy.getNumReductionLoops() || copy.getNumDpsInputs() != 1 || copy->getNumResults() != 1 ||
      !llvm::all_of(copy.getIndexingMapsArray(), [](AffineMap map) { return map.isPermutation(); }))
    return {};
  Value element = copy.getBody()->getTerminator()->getOperand(0);
  if (auto widen = element.getDefiningOp<arith::ExtFOp>())
    element = widen.getIn();
  return element == copy.getBody()->getArgument(0) ? copy.getDpsInputs()[0] : Value();
}

/// The constant that a matrix is a copy of, and whether the copies transpose it.
static ElementsAttr constantMatrix(Value value, bool &isTransposed) {
  ElementsAttr matrix;
  if (matchPattern(value, m_Constant(&matrix)))
    return matrix;
  Value source = copiedFrom(value);
  if (!source || cast<RankedTensorType>(source.getType()).getRank() != 2)
    return {};
  auto copy = value.getDefiningOp<linalg::GenericOp>();
  SmallVector<AffineMap> maps = copy.getIndexingMapsArray();
  isTransposed ^= maps[0] != maps[1];
  return constantMatrix(source, isTransposed);
}

/// Positions of the two loops that a map of rank two reads, in order.
static std::optional<std::pair<unsigned, unsigned>> loopsOf(AffineMap map) {
  if (map.getNumResults() != 2 || !map.isProjectedPermutation())
    return std::nullopt;
  return std::pair(map.getDimPosition(0), map.getDimPosition(1));
}

HostTensor asFloats(ElementsAttr attribute) {
  HostTensor tensor = fromAttribute(attribute);
  if (tensor.elementType.isF32())
    return tensor;
  HostTensor wide = HostTensor::allocate(tensor.shape, Float32Type::get(attribute.getContext()));
  const llvm::fltSemantics &semantics = cast<FloatType>(tensor.elementType).getFloatSemantics();
  for (auto [out, bits] : llvm::zip_equal(wide.mutableValues<float>(), tensor.values<uint16_t>()))
    out = llvm::APFloat(semantics, llvm::APInt(16, bits)).convertToFloat();
  return wide;
}

Matrix::Matrix(const LinearLayer &layer)
    : tensor(asFloats(layer.matrix)), values(tensor.values<float>()), features(layer.features),
      outputs(layer.outputs), termStride(layer.isTransposed ? 1 : layer.outputs),
      outputStride(layer.isTransposed ? layer.features : 1) {}

Matrix::Matrix(const HostTensor &rows)
    : tensor(rows), values(tensor.values<float>()), features(rows.shape[1]), outputs(rows.shape[0]),
      termStride(1), outputStride(rows.shape[1]) {}

std::optional<LinearLayer> LinearLayer::match(linalg::LinalgOp op) {
  if (op->getNumResults() != 1 || op.getNumDpsInputs() != 2 || op.getNumLoops() != 3 ||
      op.getNumReductionLoops() != 1 || !sumsProducts(op))
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  auto result = loopsOf(maps[2]);
  for (unsigned side : {0u, 1u}) {
    auto input = loopsOf(maps[side]), matrix = loopsOf(maps[1 - side]);
    LinearLayer layer;
    layer.op = op;
    layer.input = op.getDpsInputs()[side];
    if (!input || !matrix || !result)
      continue;
    auto [row, column] = *result;
    unsigned term = 3 - row - column;
    layer.isTransposed = *matrix == std::pair(column, term);
    if (*input != std::pair(row, term) || (!layer.isTransposed && *matrix != std::pair(term, column)))
      continue;
    layer.matrix = constantMatrix(op.getDpsInputs()[1 - side], layer.isTransposed);
    if (!layer.matrix)
      continue;
    ArrayRef<int64_t> shape = layer.matrix.getShapedType().getShape();
    layer.features = shape[layer.isTransposed];
    layer.outputs = shape[!layer.isTransposed];
    auto isFloat = [](Value value) { return getElementTypeOrSelf(value.getType()).isF32(); };
    if (isFloat(layer.input) && isFloat(op.getDpsInputs()[1 - side]) && isFloat(op->getResult(0)) &&
        layer.features > 0 && layer.outputs > 0)
      return layer;
  }
  return std::nullopt;
}

} // namespace halyard

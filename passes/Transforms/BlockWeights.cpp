// Unpacking of weights; see the header.
#include "passes/Transforms/BlockWeights.h"
#include "passes/Transforms/LinearLayer.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace halyard {

/// The elements of a constant operand, which may have been widened; floats as f32.
static FailureOr<HostTensor> elementsOf(Operation *op, Value operand) {
  if (auto cast = operand.getDefiningOp<onnx::CastOp>())
    operand = cast.getOperand();
  auto constant = operand.getDefiningOp<onnx::ConstantOp>();
  if (!constant)
    return op->emitOpError("with weights that are not constant is not supported");
  ElementsAttr elements = constant.getValue();
  Type type = elements.getElementType();
  if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() <= 32)
    return asFloats(elements);
  if (isa<IntegerType>(type) && !type.isInteger(1))
    return fromAttribute(elements);
  return op->emitOpError("with weights of ") << type << " is not supported";
}

static FailureOr<HostTensor> floatsOf(Operation *op, Value operand) {
  FailureOr<HostTensor> elements = elementsOf(op, operand);
  if (succeeded(elements) && !elements->elementType.isF32())
    return op->emitOpError("expects its scales to be floats, got ") << elements->elementType;
  return elements;
}

static FailureOr<HostTensor> integersOf(Operation *op, Value operand) {
  FailureOr<HostTensor> elements = elementsOf(op, operand);
  if (succeeded(elements) && elements->elementType.isF32())
    return op->emitOpError("expects its weights to be integers");
  return elements;
}

/// The f32 matrix of integers in `rows` rows, each of at least `columns`: one to an element of their type, or
/// `bits` of a byte each, the low bits first. Null if they are not as many.
static HostTensor unpacked(const HostTensor &stored, int64_t rows, int64_t columns, int64_t bits) {
  bool isPacked = stored.elementType.isInteger(8) && bits < 8;
  int64_t perElement = isPacked ? 8 / bits : 1, perRow = stored.elements() / rows;
  if (stored.elements() % rows != 0 || perRow < llvm::divideCeilSigned(columns, perElement))
    return {};
  HostTensor result =
      HostTensor::allocate({rows, columns}, Float32Type::get(stored.elementType.getContext()));
  float *out = result.mutableValues<float>().data();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      int64_t element = stored.integerAt(row * perRow + column / perElement);
      *out++ = float(isPacked ? element >> column % perElement * bits & ((1 << bits) - 1) : element);
    }
  return result;
}

namespace {
/// The operands and attributes of an operator whose matrix is cut into blocks of each row.
struct BlockMatrix {
  Operation *op;
  Value codes, scales;
  Value zeros = {}, order = {}; // may be absent; order: the block of each column
  int64_t rows = 0, columns = 0, blockSize = 0, bits = 0;

  FailureOr<HostTensor> floats();

private:
  int64_t blocks() const { return llvm::divideCeilSigned(columns, blockSize); }
  /// f32 [rows, blocks].
  FailureOr<HostTensor> zeroPoints(Type codeType);
  FailureOr<SmallVector<int64_t>> blockOfColumns();
  InFlightDiagnostic disagreement() {
    return op->emitOpError("has weights that are not as many as its attributes say");
  }
};
} // namespace

FailureOr<HostTensor> BlockMatrix::zeroPoints(Type codeType) {
  if (onnx::isAbsent(zeros)) {
    // Bytes stand for numbers around their middle, integers of a type for themselves.
    HostTensor same = HostTensor::allocate({rows, blocks()}, Float32Type::get(op->getContext()));
    llvm::fill(same.mutableValues<float>(), codeType.isUnsignedInteger(8) ? float(1 << (bits - 1)) : 0.0f);
    return same;
  }
  FailureOr<HostTensor> given = elementsOf(op, zeros);
  if (failed(given))
    return failure();
  HostTensor result = given->elementType.isF32() ? *given : unpacked(*given, rows, blocks(), bits);
  if (!result.data || result.elements() != rows * blocks())
    return disagreement();
  return result;
}

FailureOr<SmallVector<int64_t>> BlockMatrix::blockOfColumns() {
  SmallVector<int64_t> result;
  if (!order || onnx::isAbsent(order)) {
    for (int64_t column = 0; column < columns; ++column)
      result.push_back(column / blockSize);
    return result;
  }
  FailureOr<HostTensor> given = integersOf(op, order);
  if (failed(given))
    return failure();
  if (given->elements() != columns)
    return disagreement();
  for (int64_t column = 0; column < columns; ++column) {
    result.push_back(given->integerAt(column));
    if (result.back() < 0 || result.back() >= blocks())
      return op->emitOpError("has the group index ") << result.back() << " of " << blocks() << " groups";
  }
  return result;
}

FailureOr<HostTensor> BlockMatrix::floats() {
  if (bits != 2 && bits != 4 && bits != 8)
    return op->emitOpError("expects bits to be 2, 4 or 8, got ") << bits;
  if (rows <= 0 || columns <= 0 || blockSize <= 0)
    return disagreement();
  FailureOr<HostTensor> stored = integersOf(op, codes);
  if (failed(stored))
    return failure();
  FailureOr<HostTensor> scale = floatsOf(op, scales);
  if (failed(scale))
    return failure();
  HostTensor matrix = unpacked(*stored, rows, columns, bits);
  if (!matrix.data || scale->elements() != rows * blocks())
    return disagreement();
  FailureOr<HostTensor> zero = zeroPoints(stored->elementType);
  FailureOr<SmallVector<int64_t>> block = blockOfColumns();
  if (failed(zero) || failed(block))
    return failure();
  float *value = matrix.mutableValues<float>().data();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column, ++value) {
      int64_t at = row * blocks() + (*block)[column];
      *value = (*value - zero->values<float>()[at]) * scale->values<float>()[at];
    }
  return matrix;
}

FailureOr<HostTensor> floatWeights(onnx::MSMatMulNBitsOp op) {
  BlockMatrix matrix{op, op.getB(), op.getScales(), op.getZeroPoints(), op.getGIdx()};
  matrix.rows = op.getN();
  matrix.columns = op.getK();
  matrix.blockSize = op.getBlockSize();
  matrix.bits = op.getBits();
  return matrix.floats();
}

FailureOr<HostTensor> floatWeights(onnx::MSGatherBlockQuantizedOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getData().getType());
  int64_t rank = type ? type.getRank() : 0, axis = op.getQuantizeAxis();
  if (rank == 0 || !type.hasStaticShape() || (axis < 0 ? axis + rank : axis) != rank - 1)
    return op.emitOpError("quantised along another axis than the last is not supported");
  SmallVector<int64_t> shape(type.getShape());
  BlockMatrix matrix{op, op.getData(), op.getScales(), op.getZeroPoints()};
  matrix.rows = type.getNumElements() / std::max<int64_t>(shape.back(), 1);
  if (type.getElementType().isInteger(8))
    shape.back() *= 8 / std::clamp<int64_t>(op.getBits(), 1, 8);
  matrix.columns = shape.back();
  matrix.blockSize = op.getBlockSize();
  matrix.bits = op.getBits();
  FailureOr<HostTensor> floats = matrix.floats();
  if (failed(floats))
    return failure();
  return floats->reshaped(shape);
}

/// What 4 bits stand for, of the two data types that bitsandbytes has (QLoRA, arXiv 2305.14314, for the
/// latter).
// clang-format off
static constexpr float kFloat4[16] = {
    0.0f, 5.208333333e-03f, 0.66666667f, 1.0f, 0.33333333f, 0.5f, 0.16666667f, 0.25f,
    -0.0f, -5.208333333e-03f, -0.66666667f, -1.0f, -0.33333333f, -0.5f, -0.16666667f, -0.25f};
static constexpr float kNormalFloat4[16] = {
    -1.0f, -0.69619280099869f, -0.52507305145264f, -0.39491748809814f,
    -0.28444138169289f, -0.18477343022823f, -0.09105003625155f, 0.0f,
    0.07958029955626f, 0.16093020141125f, 0.24611230194569f, 0.33791524171829f,
    0.44070982933044f, 0.56261700391769f, 0.72295683622360f, 1.0f};
// clang-format on

FailureOr<HostTensor> floatWeights(onnx::MSMatMulBnb4Op op) {
  FailureOr<HostTensor> codes = integersOf(op, op.getB());
  if (failed(codes))
    return failure();
  FailureOr<HostTensor> largest = floatsOf(op, op.getAbsmax());
  if (failed(largest))
    return failure();
  int64_t rows = op.getN(), columns = op.getK(), blockSize = op.getBlockSize();
  if (!op.getTransB())
    std::swap(rows, columns);
  if (op.getQuantType() != 0 && op.getQuantType() != 1)
    return op.emitOpError("expects quant_type to be 0 (FP4) or 1 (NF4), got ") << op.getQuantType();
  int64_t count = rows * columns;
  if (rows <= 0 || columns <= 0 || blockSize <= 0 || codes->bytes() != llvm::divideCeilSigned(count, 2) ||
      largest->elements() != llvm::divideCeilSigned(count, blockSize))
    return op.emitOpError("has weights that are not as many as its attributes say");
  const float *table = op.getQuantType() == 0 ? kFloat4 : kNormalFloat4;
  HostTensor result = HostTensor::allocate({rows, columns}, largest->elementType);
  ArrayRef<uint8_t> bytes = codes->values<uint8_t>();
  for (auto [i, value] : llvm::enumerate(result.mutableValues<float>())) {
    int code = i % 2 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4; // the high half first
    value = table[code] * largest->values<float>()[i / blockSize];
  }
  return result;
}

} // namespace halyard

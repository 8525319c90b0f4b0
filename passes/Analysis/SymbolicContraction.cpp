// Symbolic shapes of matrix products, convolutions and pooling.
#include "passes/Analysis/SymbolicInference.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace halyard;

namespace {

//===-- matrix products
//--------------------------------------------------------------------------------------------===//

/// Whether two inner extents can be equal; an error at `op` if they cannot.
bool checkInner(Operation *op, SymbolicInference &in, AffineExpr a, AffineExpr b) {
  if (in.algebra().equal(a, b) != false)
    return true;
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "expects equal inner extents, got " << a << " and " << b;
  in.error(op, text);
  return false;
}

/// numpy.matmul: vectors count as matrices of one row or column, which the result does not have.
void matMul(Operation *op, SymbolicInference &in, Value left, Value right) {
  std::optional<LengthExprs> a = in.shape(left), b = in.shape(right);
  if (!a || !b || a->empty() || b->empty())
    return;
  bool row = a->size() == 1, column = b->size() == 1;
  if (row)
    a->insert(a->begin(), in.constant(1));
  if (column)
    b->push_back(in.constant(1));
  if (!checkInner(op, in, a->back(), (*b)[b->size() - 2]))
    return;
  LengthExprs shape = in.broadcast(op, ArrayRef(*a).drop_back(2), ArrayRef(*b).drop_back(2));
  if (!row)
    shape.push_back((*a)[a->size() - 2]);
  if (!column)
    shape.push_back(b->back());
  in.setShape(op->getResult(0), shape);
}

void visitFusedMatMul(onnx::MSFusedMatMulOp op, SymbolicInference &in) {
  std::optional<LengthExprs> a = in.shape(op.getA()), b = in.shape(op.getB());
  if (!a || !b || a->size() < 2 || b->size() < 2 || op.getTransBatchA() || op.getTransBatchB())
    return;
  auto transpose = [](LengthExprs &shape) { std::swap(shape[shape.size() - 1], shape[shape.size() - 2]); };
  if (op.getTransA())
    transpose(*a);
  if (op.getTransB())
    transpose(*b);
  if (!checkInner(op, in, a->back(), (*b)[b->size() - 2]))
    return;
  LengthExprs shape = in.broadcast(op, ArrayRef(*a).drop_back(2), ArrayRef(*b).drop_back(2));
  shape.push_back((*a)[a->size() - 2]);
  shape.push_back(b->back());
  in.setShape(op.getResult(), shape);
}

void visitGemm(onnx::GemmOp op, SymbolicInference &in) {
  std::optional<LengthExprs> a = in.shape(op.getA()), b = in.shape(op.getB());
  if (!a || !b)
    return in.setShape(op.getResult(), {AffineExpr(), AffineExpr()});
  if (a->size() != 2 || b->size() != 2)
    return in.error(op, "expects matrices, got ranks " + Twine(a->size()) + " and " + Twine(b->size()));
  bool transA = op.getTransA(), transB = op.getTransB();
  if (checkInner(op, in, (*a)[transA ? 0 : 1], (*b)[transB ? 1 : 0]))
    in.setShape(op.getResult(), {(*a)[transA ? 1 : 0], (*b)[transB ? 0 : 1]});
}

/// The term with `...` written as one index per axis that it stands for. Those indices are digits, counted
/// from the last axis, so that ellipses of different ranks are aligned as broadcasting aligns them.
std::string withoutEllipsis(StringRef term, int64_t count) {
  auto [before, after] = term.split("...");
  if (before.size() == term.size())
    return term.str();
  std::string digits;
  while (count-- > 0)
    digits.push_back('0' + count);
  return (before + digits + after).str();
}

/// Indices of the result where the equation does not give them: those that occur once, in order, ellipses
/// first.
std::string implicitOutput(const llvm::DenseMap<char, int64_t> &uses) {
  std::string digits, letters;
  for (char index = '9'; index >= '0'; --index)
    if (uses.contains(index))
      digits.push_back(index);
  for (char index = 'A'; index <= 'z'; ++index)
    if (uses.lookup(index) == 1)
      letters.push_back(index);
  return digits + letters;
}

void visitEinsum(onnx::EinsumOp op, SymbolicInference &in) {
  std::string equation;
  llvm::copy_if(op.getEquation(), std::back_inserter(equation), [](char c) { return c != ' '; });
  auto [inputs, output] = StringRef(equation).split("->");
  SmallVector<StringRef> terms;
  inputs.split(terms, ',');
  if (terms.size() != op.getInputs().size())
    return in.error(op, "expects one term per operand, got '" + equation + "'");
  llvm::DenseMap<char, AffineExpr> extents;
  llvm::DenseMap<char, int64_t> uses;
  int64_t widest = 0;
  for (auto [given, input] : llvm::zip(terms, op.getInputs())) {
    std::optional<LengthExprs> shape = in.shape(input);
    if (!shape)
      return;
    int64_t hidden = given.contains("...") ? shape->size() - (given.size() - 3) : 0;
    std::string term = withoutEllipsis(given, hidden);
    widest = std::max(widest, hidden);
    if (shape->size() != term.size())
      return in.error(op, "expects an operand of rank " + Twine(term.size()) + " for '" + given +
                              "', got rank " + Twine(shape->size()));
    for (auto [index, extent] : llvm::zip(term, *shape)) {
      ++uses[index];
      AffineExpr &known = extents[index];
      known = known ? in.broadcast(op, known, extent) : extent;
    }
  }
  bool isExplicit = StringRef(equation).contains("->");
  LengthExprs shape;
  for (char index : isExplicit ? withoutEllipsis(output, widest) : implicitOutput(uses))
    shape.push_back(extents.lookup(index));
  in.setShape(op.getResult(), shape);
}

//===-- windows
//----------------------------------------------------------------------------------------------------===//

struct Window {
  StringRef autoPad;
  SmallVector<int64_t> kernel, strides, dilations, pads;
};

template <typename Op> Window windowOf(Op op, ArrayRef<int64_t> kernel) {
  size_t rank = kernel.size();
  auto given = [](std::optional<ArrayRef<int64_t>> values, size_t count, int64_t other) {
    return values && !values->empty() ? SmallVector<int64_t>(*values) : SmallVector<int64_t>(count, other);
  };
  return {op.getAutoPad(), SmallVector<int64_t>(kernel), given(op.getStrides(), rank, 1),
          given(op.getDilations(), rank, 1), given(op.getPads(), 2 * rank, 0)};
}

/// The number of windows less the last one, if that would start behind the input and its left padding.
AffineExpr startingInside(SymbolicInference &in, AffineExpr count, int64_t stride, AffineExpr padded) {
  const LengthAlgebra &algebra = in.algebra();
  AffineExpr fewer = algebra.sub(count, in.constant(1));
  std::optional<bool> outside = algebra.lessOrEqual(padded, algebra.mul(fewer, in.constant(stride)));
  return !outside ? AffineExpr() : *outside ? fewer : count;
}

/// Replaces the spatial extents of `shape` by the number of windows along each.
void slide(SymbolicInference &in, LengthExprs &shape, const Window &window, bool ceil) {
  for (size_t axis = 0; axis < window.kernel.size() && axis + 2 < shape.size(); ++axis) {
    AffineExpr &extent = shape[axis + 2];
    if (window.autoPad.starts_with("SAME")) {
      extent = in.algebra().ceilDiv(extent, in.constant(window.strides[axis]));
    } else {
      int64_t before = window.autoPad == "VALID" ? 0 : window.pads[axis];
      int64_t after = window.autoPad == "VALID" ? 0 : window.pads[axis + window.kernel.size()];
      AffineExpr padded = in.algebra().add(extent, in.constant(before));
      extent = in.windowed(extent, window.kernel[axis], window.strides[axis], window.dilations[axis],
                           before + after, ceil);
      if (ceil)
        extent = startingInside(in, extent, window.strides[axis], padded);
    }
    in.assumePositive(extent);
  }
}

template <typename Op> void visitConv(Op op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getX()), weight = in.shape(op.getW());
  if (!shape || !weight || shape->size() < 3)
    return;
  if (weight->size() != shape->size())
    return in.error(op, "expects weights of rank " + Twine(shape->size()) + ", got rank " +
                            Twine(weight->size()));
  std::optional<int64_t> channels = LengthAlgebra::value((*shape)[1]),
                         inner = LengthAlgebra::value((*weight)[1]);
  if (channels && inner && *channels != *inner * static_cast<int64_t>(op.getGroup()))
    return in.error(op,
                    "expects " + Twine(*inner * op.getGroup()) + " input channels, got " + Twine(*channels));
  SmallVector<int64_t> kernel;
  for (AffineExpr extent : ArrayRef(*weight).drop_front(2))
    kernel.push_back(LengthAlgebra::value(extent).value_or(0));
  if (op.getKernelShape() && !op.getKernelShape()->empty())
    kernel.assign(op.getKernelShape()->begin(), op.getKernelShape()->end());
  (*shape)[1] = (*weight)[0];
  slide(in, *shape, windowOf(op, kernel), /*ceil=*/false);
  in.setShape(op.getResult(), *shape);
}

void visitConvTranspose(onnx::ConvTransposeOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getX()), weight = in.shape(op.getW());
  if (!shape || !weight || shape->size() < 3 || weight->size() != shape->size())
    return;
  const LengthAlgebra &algebra = in.algebra();
  SmallVector<int64_t> kernel;
  for (AffineExpr extent : ArrayRef(*weight).drop_front(2))
    kernel.push_back(LengthAlgebra::value(extent).value_or(0));
  Window window = windowOf(op, kernel);
  (*shape)[1] = algebra.mul((*weight)[1], in.constant(op.getGroup()));
  for (size_t axis = 0; axis < kernel.size(); ++axis) {
    AffineExpr &extent = (*shape)[axis + 2];
    int64_t stride = window.strides[axis];
    int64_t extra =
        op.getOutputPadding() && axis < op.getOutputPadding()->size() ? (*op.getOutputPadding())[axis] : 0;
    int64_t reach = extra + (kernel[axis] - 1) * window.dilations[axis] + 1;
    if (op.getOutputShape() && axis < op.getOutputShape()->size())
      extent = in.constant((*op.getOutputShape())[axis]);
    else if (window.autoPad.starts_with("SAME"))
      extent = algebra.mul(extent, in.constant(stride));
    else
      extent = algebra.add(algebra.mul(algebra.sub(extent, in.constant(1)), in.constant(stride)),
                           in.constant(reach - window.pads[axis] - window.pads[axis + kernel.size()]));
  }
  in.setShape(op.getResult(), *shape);
}

template <typename Op> void visitPool(Op op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getX());
  if (!shape || !op.getKernelShape())
    return;
  slide(in, *shape, windowOf(op, *op.getKernelShape()), op.getCeilMode());
  for (Value result : op->getResults())
    in.setShape(result, *shape);
}

void visitGlobalPool(Operation *op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op->getOperand(0));
  if (!shape)
    return;
  for (size_t axis = 2; axis < shape->size(); ++axis)
    (*shape)[axis] = in.constant(1);
  in.setShape(op->getResult(0), *shape);
}
} // namespace

void halyard::addContractionTransfers(TransferTable &table) {
  table.add<onnx::MatMulOp, onnx::MatMulIntegerOp, onnx::MSMatMulIntegerToFloatOp,
            onnx::MSDynamicQuantizeMatMulOp>(
      [](Operation *op, SymbolicInference &in) { matMul(op, in, op->getOperand(0), op->getOperand(1)); });
  table.add<onnx::QLinearMatMulOp>(
      [](Operation *op, SymbolicInference &in) { matMul(op, in, op->getOperand(0), op->getOperand(3)); });
  table.addTyped<onnx::MSFusedMatMulOp>(visitFusedMatMul);
  table.addTyped<onnx::GemmOp>(visitGemm);
  table.addTyped<onnx::EinsumOp>(visitEinsum);
  table.addTyped<onnx::ConvOp>(visitConv<onnx::ConvOp>);
  table.addTyped<onnx::ConvIntegerOp>(visitConv<onnx::ConvIntegerOp>);
  table.addTyped<onnx::ConvTransposeOp>(visitConvTranspose);
  table.addTyped<onnx::AveragePoolOp>(visitPool<onnx::AveragePoolOp>);
  table.addTyped<onnx::MaxPoolOp>(visitPool<onnx::MaxPoolOp>);
  table.add<onnx::GlobalAveragePoolOp, onnx::GlobalMaxPoolOp>(visitGlobalPool);
}

// Slices shift and scale indices, reshapes linearise them, concatenation and insertion choose by index. Where
// an index may lie outside of the operand that is not chosen it is clamped, because both are evaluated.
#include "targets/Common/LinalgToHalide/StructuralOps.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "targets/Common/HostTensor.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;

namespace {
class StructuralTranslation {
public:
  StructuralTranslation(Operation *op, ValueScope &scope, Precision precision)
      : op(op), scope(scope), precision(precision),
        resultType(cast<RankedTensorType>(op->getResult(0).getType())) {}

  FailureOr<TensorView> run();

private:
  FailureOr<TensorView> empty(tensor::EmptyOp empty);
  FailureOr<TensorView> filled(Value value, FailureOr<Exprs> extents);
  FailureOr<TensorView> slice(tensor::ExtractSliceOp slice);
  FailureOr<TensorView> insert(tensor::InsertSliceOp insert);
  FailureOr<TensorView> reshape(Value source, FailureOr<Exprs> extents, ArrayRef<ReassociationIndices> groups,
                                bool expands);
  FailureOr<TensorView> linearReshape(tensor::ReshapeOp reshape);
  FailureOr<TensorView> concat(tensor::ConcatOp concat);
  FailureOr<TensorView> pad(tensor::PadOp pad);
  FailureOr<TensorView> fromElements(tensor::FromElementsOp elements);
  FailureOr<TensorView> generate(tensor::GenerateOp generate);
  FailureOr<TensorView> constant(ElementsAttr elements);
  FailureOr<TensorView> renamed(Value source);

  /// The view of an operand; an error if there is none.
  FailureOr<TensorView> operand(Value value);
  FailureOr<Exprs> mixed(ArrayRef<OpFoldResult> values);
  /// Extents of the result, dynamic ones taken from `dynamic` in order.
  FailureOr<Exprs> resultExtents(ValueRange dynamic);
  TensorView result(Exprs extents, std::function<Expr(ExprsRef)> at, bool isMemory = false) {
    return TensorView{resultType.getElementType(), std::move(extents), std::move(at), isMemory};
  }

  Operation *op;
  ValueScope &scope;
  Precision precision;
  RankedTensorType resultType;
};

bool isOne(const Expr &extent) { return Halide::Internal::is_const_one(extent); }

/// Position of an index in row-major order.
Expr linearised(ExprsRef indices, ExprsRef extents) {
  Expr linear = 0;
  for (auto [index, extent] : llvm::zip_equal(indices, extents))
    if (!isOne(extent))
      linear = linear * extent + index;
  return Halide::Internal::simplify(linear);
}

/// The inverse of `linearised`; extents of 1 get index 0 without arithmetic.
Exprs delinearised(Expr linear, ExprsRef extents) {
  Exprs indices(extents.size(), Expr(0));
  int64_t outermost = -1;
  for (auto [dim, extent] : llvm::enumerate(extents))
    if (!isOne(extent) && outermost < 0)
      outermost = dim;
  for (int64_t dim = extents.size() - 1; dim >= 0; --dim) {
    if (isOne(extents[dim]))
      continue;
    indices[dim] = dim == outermost ? linear : linear % extents[dim];
    linear = linear / extents[dim];
  }
  return indices;
}
} // namespace

FailureOr<TensorView> StructuralTranslation::operand(Value value) {
  if (const TensorView *view = scope.tensor(value))
    return *view;
  return op->emitOpError("reads a tensor that its kernel was not given"), failure();
}

FailureOr<Exprs> StructuralTranslation::mixed(ArrayRef<OpFoldResult> values) {
  Exprs exprs;
  for (OpFoldResult value : values) {
    if (std::optional<int64_t> constant = getConstantIntValue(value)) {
      exprs.push_back(Expr(static_cast<int32_t>(*constant)));
      continue;
    }
    FailureOr<Expr> expr = scope.scalar(cast<Value>(value));
    if (failed(expr))
      return failure();
    exprs.push_back(*expr);
  }
  return exprs;
}

FailureOr<Exprs> StructuralTranslation::resultExtents(ValueRange dynamic) {
  SmallVector<OpFoldResult> extents;
  auto next = dynamic.begin();
  Builder builder(op->getContext());
  for (int64_t extent : resultType.getShape())
    extents.push_back(ShapedType::isDynamic(extent) ? OpFoldResult(*next++) : builder.getIndexAttr(extent));
  return mixed(extents);
}

FailureOr<TensorView> StructuralTranslation::empty(tensor::EmptyOp empty) {
  FailureOr<Exprs> extents = resultExtents(empty.getDynamicSizes());
  if (failed(extents))
    return failure();
  Expr zero = Halide::cast(computeType(resultType.getElementType()), 0);
  return result(*extents, [zero](ExprsRef) { return zero; });
}

FailureOr<TensorView> StructuralTranslation::filled(Value value, FailureOr<Exprs> extents) {
  FailureOr<Expr> expr = scope.scalar(value);
  if (failed(extents) || failed(expr))
    return failure();
  return result(*extents, [expr = *expr](ExprsRef) { return expr; });
}

FailureOr<TensorView> StructuralTranslation::slice(tensor::ExtractSliceOp slice) {
  FailureOr<TensorView> source = operand(slice.getSource());
  FailureOr<Exprs> offsets = mixed(slice.getMixedOffsets()), sizes = mixed(slice.getMixedSizes()),
                   strides = mixed(slice.getMixedStrides());
  if (failed(source) || failed(offsets) || failed(sizes) || failed(strides))
    return failure();
  llvm::SmallBitVector dropped = slice.getDroppedDims();
  Exprs extents;
  for (auto [dim, size] : llvm::enumerate(*sizes))
    if (!dropped.test(dim))
      extents.push_back(size);
  auto at = [source = *source, offsets = *offsets, strides = *strides, dropped](ExprsRef indices) {
    Exprs inner;
    size_t next = 0;
    for (auto [dim, offset] : llvm::enumerate(offsets))
      inner.push_back(
          dropped.test(dim) ? offset : Halide::Internal::simplify(offset + indices[next++] * strides[dim]));
    return source.at(inner);
  };
  return result(extents, at, source->isMemory);
}

FailureOr<TensorView> StructuralTranslation::insert(tensor::InsertSliceOp insert) {
  FailureOr<TensorView> source = operand(insert.getSource()), into = operand(insert.getDest());
  FailureOr<Exprs> offsets = mixed(insert.getMixedOffsets()), sizes = mixed(insert.getMixedSizes()),
                   strides = mixed(insert.getMixedStrides());
  if (failed(source) || failed(into) || failed(offsets) || failed(sizes) || failed(strides))
    return failure();
  llvm::SmallBitVector dropped = insert.getDroppedDims();
  auto at = [source = *source, into = *into, offsets = *offsets, sizes = *sizes, strides = *strides,
             dropped](ExprsRef indices) {
    Expr inside = Halide::Internal::const_true();
    Exprs inner;
    for (auto [dim, index] : llvm::enumerate(indices)) {
      Expr shifted = index - offsets[dim];
      bool dense = isOne(strides[dim]);
      Expr position = dense ? shifted : shifted / strides[dim];
      inside = inside && shifted >= 0 && position < sizes[dim];
      if (!dense)
        inside = inside && shifted % strides[dim] == 0;
      if (!dropped.test(dim))
        inner.push_back(clampedIndex(position, sizes[dim]));
    }
    return Halide::select(inside, source.at(inner), into.at(indices));
  };
  return result(into->extents, at);
}

/// Between a shape and one with dimensions merged; `extents` are the result's.
FailureOr<TensorView> StructuralTranslation::reshape(Value from, FailureOr<Exprs> extents,
                                                     ArrayRef<ReassociationIndices> groups, bool expands) {
  FailureOr<TensorView> source = operand(from);
  if (failed(source) || failed(extents))
    return failure();
  Exprs wide = expands ? *extents : source->extents;
  if (!expands) {
    extents->clear();
    for (const ReassociationIndices &group : groups) {
      Expr product = 1;
      for (int64_t dim : group)
        product = product * wide[dim];
      extents->push_back(Halide::Internal::simplify(product));
    }
  }
  SmallVector<ReassociationIndices> copies(groups);
  auto at = [source = *source, wide, groups = copies, expands](ExprsRef indices) {
    Exprs inner;
    for (auto [position, group] : llvm::enumerate(groups)) {
      ExprsRef groupExtents = ExprsRef(wide).slice(group.front(), group.size());
      if (expands)
        inner.push_back(linearised(indices.slice(group.front(), group.size()), groupExtents));
      else
        llvm::append_range(inner, delinearised(indices[position], groupExtents));
    }
    if (groups.empty() && !expands)
      inner.assign(wide.size(), Expr(0));
    return source.at(inner);
  };
  return result(*extents, at, source->isMemory);
}

FailureOr<TensorView> StructuralTranslation::linearReshape(tensor::ReshapeOp reshape) {
  FailureOr<TensorView> source = operand(reshape.getSource()), shape = operand(reshape.getShape());
  if (failed(source) || failed(shape))
    return failure();
  Exprs extents;
  for (auto [dim, extent] : llvm::enumerate(resultType.getShape()))
    extents.push_back(ShapedType::isDynamic(extent) ? toIndex(shape->at({Expr(static_cast<int32_t>(dim))}))
                                                    : Expr(static_cast<int32_t>(extent)));
  auto at = [source = *source, extents](ExprsRef indices) {
    return source.at(delinearised(linearised(indices, extents), source.extents));
  };
  return result(extents, at, source->isMemory);
}

FailureOr<TensorView> StructuralTranslation::concat(tensor::ConcatOp concat) {
  int64_t dim = concat.getDim();
  SmallVector<TensorView> parts;
  for (Value input : concat.getInputs()) {
    FailureOr<TensorView> part = operand(input);
    if (failed(part))
      return failure();
    parts.push_back(*part);
  }
  Exprs extents = parts.front().extents;
  for (const TensorView &part : ArrayRef(parts).drop_front())
    extents[dim] = Halide::Internal::simplify(extents[dim] + part.extents[dim]);
  auto at = [parts, dim](ExprsRef indices) {
    Expr start = 0, value;
    for (const TensorView &part : parts) {
      Exprs inner(indices);
      inner[dim] = clampedIndex(indices[dim] - start, part.extents[dim]);
      Expr element = part.at(inner);
      // Later parts win from where they start.
      value = value.defined() ? Halide::select(indices[dim] >= start, element, value) : element;
      start = Halide::Internal::simplify(start + part.extents[dim]);
    }
    return value;
  };
  return result(extents, at);
}

FailureOr<TensorView> StructuralTranslation::pad(tensor::PadOp pad) {
  FailureOr<TensorView> source = operand(pad.getSource());
  FailureOr<Exprs> low = mixed(pad.getMixedLowPad()), high = mixed(pad.getMixedHighPad());
  Value padding = pad.getConstantPaddingValue();
  if (!padding)
    return op->emitOpError("pads with something else than one value"), failure();
  FailureOr<Expr> value = scope.scalar(padding);
  if (failed(source) || failed(low) || failed(high) || failed(value))
    return failure();
  Exprs extents;
  for (auto [extent, before, after] : llvm::zip(source->extents, *low, *high))
    extents.push_back(Halide::Internal::simplify(extent + before + after));
  auto at = [source = *source, low = *low, value = *value](ExprsRef indices) {
    Expr inside = Halide::Internal::const_true();
    Exprs inner;
    for (auto [dim, index] : llvm::enumerate(indices)) {
      Expr shifted = Halide::Internal::simplify(index - low[dim]);
      inside = inside && shifted >= 0 && shifted < source.extents[dim];
      inner.push_back(clampedIndex(shifted, source.extents[dim]));
    }
    return Halide::select(inside, source.at(inner), value);
  };
  return result(extents, at);
}

FailureOr<TensorView> StructuralTranslation::fromElements(tensor::FromElementsOp elements) {
  Exprs values;
  for (Value element : elements.getElements()) {
    FailureOr<Expr> value = scope.scalar(element);
    if (failed(value))
      return failure();
    values.push_back(*value);
  }
  FailureOr<Exprs> extents = resultExtents({});
  auto at = [values, extents = *extents](ExprsRef indices) {
    Expr linear = linearised(indices, extents), value = values.front();
    for (auto [position, element] : llvm::enumerate(values))
      value = Halide::select(linear == static_cast<int32_t>(position), element, value);
    return value;
  };
  return result(*extents, at);
}

FailureOr<TensorView> StructuralTranslation::generate(tensor::GenerateOp generate) {
  FailureOr<Exprs> extents = resultExtents(generate.getDynamicExtents());
  if (failed(extents))
    return failure();
  Block *body = &generate.getBody().front();
  Value yielded = body->getTerminator()->getOperand(0);
  auto at = [body, yielded, &outer = scope, precision = precision](ExprsRef indices) {
    ValueScope inner(precision, &outer);
    inner.enterBody(body, {});
    for (auto [argument, index] : llvm::zip_equal(body->getArguments(), indices))
      inner.define(argument, index);
    FailureOr<Expr> value = inner.scalar(yielded);
    return succeeded(value) ? *value : Halide::cast(computeType(yielded.getType()), 0);
  };
  // Translating once here makes an operation without translation an error now.
  ValueScope probe(precision, &scope);
  probe.enterBody(body, {});
  for (BlockArgument argument : body->getArguments())
    probe.define(argument, Expr(0));
  if (failed(probe.scalar(yielded)))
    return failure();
  return result(*extents, at);
}

FailureOr<TensorView> StructuralTranslation::constant(ElementsAttr elements) {
  FailureOr<Exprs> extents = resultExtents({});
  if (auto dense = dyn_cast<DenseElementsAttr>(elements); dense && dense.isSplat()) {
    Expr value = translateConstant(dense.getSplatValue<Attribute>(), resultType.getElementType());
    return result(*extents, [value](ExprsRef) { return value; });
  }
  // Anything larger than a handful of numbers is a weight and comes as an argument; what is left is kept in
  // the code.
  HostTensor tensor = fromAttribute(elements);
  Type elementType = resultType.getElementType();
  std::vector<int> sizes(tensor.shape.rbegin(), tensor.shape.rend());
  Halide::Buffer<> buffer(storageType(elementType), sizes);
  std::memcpy(buffer.data(), tensor.data.get(), tensor.bytes());
  auto at = [buffer, elementType](ExprsRef indices) {
    return fromStorage(buffer(reversed(indices)), elementType);
  };
  return result(*extents, at, /*isMemory=*/true);
}

/// The same elements under another type.
FailureOr<TensorView> StructuralTranslation::renamed(Value from) {
  FailureOr<TensorView> source = operand(from);
  if (failed(source))
    return failure();
  Type type = resultType.getElementType();
  Exprs extents;
  for (auto [known, extent] : llvm::zip_equal(resultType.getShape(), source->extents))
    extents.push_back(ShapedType::isDynamic(known) ? extent : Expr(static_cast<int32_t>(known)));
  if (type == source->elementType)
    return result(extents, source->at, source->isMemory);
  auto at = [source = *source, type](ExprsRef indices) {
    Expr stored = toStorage(source.at(indices), source.elementType);
    return fromStorage(Halide::reinterpret(storageType(type), stored), type);
  };
  return result(extents, at, source->isMemory);
}

FailureOr<TensorView> StructuralTranslation::run() {
  Attribute value;
  if (matchPattern(op, m_Constant(&value)))
    return constant(cast<ElementsAttr>(value));
  return llvm::TypeSwitch<Operation *, FailureOr<TensorView>>(op)
      .Case([&](tensor::EmptyOp o) { return empty(o); })
      .Case([&](tensor::SplatOp o) { return filled(o.getInput(), resultExtents(o.getDynamicSizes())); })
      .Case([&](linalg::FillOp o) -> FailureOr<TensorView> {
        FailureOr<TensorView> init = operand(o.getOutputs()[0]);
        return failed(init) ? init : filled(o.getInputs()[0], FailureOr<Exprs>(init->extents));
      })
      .Case([&](tensor::ExtractSliceOp o) { return slice(o); })
      .Case([&](tensor::InsertSliceOp o) { return insert(o); })
      .Case([&](tensor::ExpandShapeOp o) {
        return reshape(o.getSrc(), mixed(o.getMixedOutputShape()), o.getReassociationIndices(),
                       /*expands=*/true);
      })
      .Case([&](tensor::CollapseShapeOp o) {
        return reshape(o.getSrc(), Exprs(), o.getReassociationIndices(), /*expands=*/false);
      })
      .Case([&](tensor::ReshapeOp o) { return linearReshape(o); })
      .Case([&](tensor::ConcatOp o) { return concat(o); })
      .Case([&](tensor::PadOp o) { return pad(o); })
      .Case([&](tensor::FromElementsOp o) { return fromElements(o); })
      .Case([&](tensor::GenerateOp o) { return generate(o); })
      .Case<tensor::CastOp, tensor::BitcastOp>([&](auto o) { return renamed(o.getSource()); })
      .Default([](Operation *other) -> FailureOr<TensorView> {
        return other->emitOpError("has no kernel"), failure();
      });
}

bool halyard::kernels::isStructuralOp(Operation *op) {
  return isa<arith::ConstantOp, tensor::EmptyOp, tensor::SplatOp, linalg::FillOp, tensor::ExtractSliceOp,
             tensor::InsertSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ReshapeOp,
             tensor::ConcatOp, tensor::PadOp, tensor::FromElementsOp, tensor::GenerateOp, tensor::CastOp,
             tensor::BitcastOp>(op);
}

FailureOr<TensorView> halyard::kernels::translateStructuralOp(Operation *op, ValueScope &scope,
                                                              Precision precision) {
  return StructuralTranslation(op, scope, precision).run();
}

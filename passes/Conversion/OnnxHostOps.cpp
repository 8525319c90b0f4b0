// See OnnxHostOps.h. Plain loops over row-major elements: these operators occur in mask and shape
// computations, where tensors are small and run once, at compile time.
#include "passes/Conversion/OnnxHostOps.h"

#include "dialects/ONNX/IR/ONNX.h"

#include <cstring>
#include <functional>
#include <map>
#include <numeric>

using namespace mlir;
using namespace halyard;

using Shape = SmallVector<int64_t>;
using Arguments = ArrayRef<HostTensor>;
using Results = SmallVectorImpl<HostTensor>;

//===-- elements and positions
//---------------------------------------------------------------------------------------===//

static char *bytesOf(const HostTensor &tensor) { return static_cast<char *>(tensor.data.get()); }

static int64_t width(const HostTensor &tensor) { return HostTensor::bytesPerElement(tensor.elementType); }

static int64_t product(ArrayRef<int64_t> extents) {
  return std::accumulate(extents.begin(), extents.end(), int64_t(1), std::multiplies<>());
}

static HostTensor copyOf(const HostTensor &tensor) {
  HostTensor copy = HostTensor::allocate(tensor.shape, tensor.elementType);
  std::memcpy(bytesOf(copy), bytesOf(tensor), tensor.bytes());
  return copy;
}

static Shape stridesOf(ArrayRef<int64_t> shape) {
  Shape strides(shape.size(), 1);
  for (int64_t axis = static_cast<int64_t>(shape.size()) - 2; axis >= 0; --axis)
    strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

/// The position of element `linear`.
static Shape positionOf(int64_t linear, ArrayRef<int64_t> shape) {
  Shape position(shape.size());
  for (int64_t axis = static_cast<int64_t>(shape.size()) - 1; axis >= 0; --axis) {
    position[axis] = linear % shape[axis];
    linear /= shape[axis];
  }
  return position;
}

static int64_t linearOf(ArrayRef<int64_t> position, ArrayRef<int64_t> strides) {
  int64_t linear = 0;
  for (auto [index, stride] : llvm::zip(position, strides))
    linear += index * stride;
  return linear;
}

static int64_t normalized(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

/// An index into an axis, counted from the front; -1 with an error if it is outside.
static int64_t checkedIndex(Operation *op, int64_t index, int64_t extent) {
  int64_t front = normalized(index, extent);
  if (front >= 0 && front < extent)
    return front;
  op->emitError("index ") << index << " is outside an axis of " << extent << " elements";
  return -1;
}

/// Element as a number that orders like the element does.
static double numberAt(const HostTensor &tensor, int64_t linear) {
  Type type = tensor.elementType;
  if (type.isF32())
    return tensor.values<float>()[linear];
  if (type.isF64())
    return tensor.values<double>()[linear];
  if (auto small = dyn_cast<FloatType>(type)) {
    APFloat value(small.getFloatSemantics(), APInt(16, tensor.values<uint16_t>()[linear]));
    bool inexact;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
    return value.convertToDouble();
  }
  int64_t value = tensor.integerAt(linear);
  unsigned bits = type.getIntOrFloatBitWidth();
  return type.isUnsignedInteger() && bits < 64 ? static_cast<double>(value & ((int64_t(1) << bits) - 1))
                                               : value;
}

static HostTensor integers(MLIRContext *context, ArrayRef<int64_t> shape, ArrayRef<int64_t> values) {
  return HostTensor::of<int64_t>(shape, IntegerType::get(context, 64), values);
}

//===-- NonZero, Compress
//--------------------------------------------------------------------------------------------===//

static LogicalResult nonZero(Operation *op, Arguments arguments, Results &results) {
  const HostTensor &x = arguments[0];
  SmallVector<Shape> found;
  for (int64_t i = 0, e = x.elements(); i < e; ++i)
    if (numberAt(x, i) != 0)
      found.push_back(positionOf(i, x.shape));
  SmallVector<int64_t> values;
  for (int64_t axis = 0; axis < x.rank(); ++axis)
    for (const Shape &position : found)
      values.push_back(position[axis]);
  results.push_back(integers(op->getContext(), {x.rank(), static_cast<int64_t>(found.size())}, values));
  return success();
}

/// The slices of `axis` at `chosen`.
static HostTensor slicesAt(const HostTensor &x, int64_t axis, ArrayRef<int64_t> chosen) {
  Shape shape = x.shape;
  shape[axis] = chosen.size();
  HostTensor result = HostTensor::allocate(shape, x.elementType);
  int64_t outer = product(ArrayRef(x.shape).take_front(axis));
  int64_t inner = product(ArrayRef(x.shape).drop_front(axis + 1)) * width(x);
  char *to = bytesOf(result);
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t index : chosen) {
      std::memcpy(to, bytesOf(x) + (i * x.shape[axis] + index) * inner, inner);
      to += inner;
    }
  return result;
}

static LogicalResult compress(Operation *op, Arguments arguments, Results &results) {
  HostTensor x = arguments[0];
  const HostTensor &condition = arguments[1];
  std::optional<int64_t> axis = cast<onnx::CompressOp>(op).getAxis();
  if (!axis)
    x = x.reshaped({x.elements()});
  int64_t along = normalized(axis.value_or(0), x.rank());
  SmallVector<int64_t> chosen;
  for (int64_t i = 0, e = std::min(condition.elements(), x.shape[along]); i < e; ++i)
    if (condition.values<uint8_t>()[i])
      chosen.push_back(i);
  results.push_back(slicesAt(x, along, chosen));
  return success();
}

//===-- scattering
//---------------------------------------------------------------------------------------------------===//

namespace {
enum class Combine { replace, add, mul, max, min };
} // namespace

static std::optional<Combine> combineOf(Operation *op, StringRef reduction) {
  std::optional<Combine> combine = llvm::StringSwitch<std::optional<Combine>>(reduction)
                                       .Case("none", Combine::replace)
                                       .Case("add", Combine::add)
                                       .Case("mul", Combine::mul)
                                       .Case("max", Combine::max)
                                       .Case("min", Combine::min)
                                       .Default(std::nullopt);
  if (!combine)
    op->emitError("reduction '") << reduction << "' is not known";
  return combine;
}

template <typename T> static T combined(Combine combine, T old, T update) {
  switch (combine) {
  case Combine::replace:
    return update;
  case Combine::add:
    return old + update;
  case Combine::mul:
    return old * update;
  case Combine::max:
    return std::max(old, update);
  case Combine::min:
    return std::min(old, update);
  }
  return update;
}

/// Combines element `from` of `updates` into element `to` of `data`, where combining is more than replacing.
template <typename T>
static void combineAs(Combine combine, HostTensor &data, int64_t to, const HostTensor &updates,
                      int64_t from) {
  T &element = data.mutableValues<T>()[to];
  element = combined(combine, element, updates.values<T>()[from]);
}

static LogicalResult write(Operation *op, Combine combine, HostTensor &data, int64_t to,
                           const HostTensor &updates, int64_t from) {
  Type type = data.elementType;
  int64_t size = width(data);
  if (combine == Combine::replace)
    std::memcpy(bytesOf(data) + to * size, bytesOf(updates) + from * size, size);
  else if (type.isF32())
    combineAs<float>(combine, data, to, updates, from);
  else if (type.isF64())
    combineAs<double>(combine, data, to, updates, from);
  else if (type.isInteger(64))
    combineAs<int64_t>(combine, data, to, updates, from);
  else if (type.isInteger(32))
    combineAs<int32_t>(combine, data, to, updates, from);
  else
    return op->emitError("combining elements of type ") << type << " is not supported";
  return success();
}

static LogicalResult scatterElements(Operation *op, Arguments arguments, Results &results) {
  auto scatter = cast<onnx::ScatterElementsOp>(op);
  std::optional<Combine> combine = combineOf(op, scatter.getReduction());
  if (!combine)
    return failure();
  HostTensor data = copyOf(arguments[0]);
  const HostTensor &indices = arguments[1], &updates = arguments[2];
  int64_t axis = normalized(scatter.getAxis(), data.rank());
  Shape strides = stridesOf(data.shape);
  for (int64_t i = 0, e = indices.elements(); i < e; ++i) {
    Shape position = positionOf(i, indices.shape);
    position[axis] = checkedIndex(op, indices.integerAt(i), data.shape[axis]);
    if (position[axis] < 0 || failed(write(op, *combine, data, linearOf(position, strides), updates, i)))
      return failure();
  }
  results.push_back(data);
  return success();
}

static LogicalResult scatterND(Operation *op, Arguments arguments, Results &results) {
  std::optional<Combine> combine = combineOf(op, cast<onnx::ScatterNDOp>(op).getReduction());
  if (!combine)
    return failure();
  HostTensor data = copyOf(arguments[0]);
  const HostTensor &indices = arguments[1], &updates = arguments[2];
  int64_t tuple = indices.shape.back(), count = tuple == 0 ? 0 : indices.elements() / tuple;
  int64_t slice = product(ArrayRef(data.shape).drop_front(tuple));
  Shape strides = stridesOf(data.shape);
  // Masks are scattered element by element at every length: indices are read without asking for their type
  // each time.
  bool wide = indices.elementType.isInteger(64);
  ArrayRef<int64_t> known = wide ? indices.values<int64_t>() : ArrayRef<int64_t>();
  int64_t size = width(data);
  for (int64_t i = 0; i < count; ++i) {
    int64_t start = 0;
    for (int64_t axis = 0; axis < tuple; ++axis) {
      int64_t position = i * tuple + axis;
      int64_t index =
          checkedIndex(op, wide ? known[position] : indices.integerAt(position), data.shape[axis]);
      if (index < 0)
        return failure();
      start += index * strides[axis];
    }
    if (*combine == Combine::replace) {
      std::memcpy(bytesOf(data) + start * size, bytesOf(updates) + i * slice * size, slice * size);
      continue;
    }
    for (int64_t j = 0; j < slice; ++j)
      if (failed(write(op, *combine, data, start + j, updates, i * slice + j)))
        return failure();
  }
  results.push_back(data);
  return success();
}

/// Rows of `update` are written from position write_indices[batch] on, around the end if the mode is
/// circular.
static LogicalResult tensorScatter(Operation *op, Arguments arguments, Results &results) {
  auto scatter = cast<onnx::TensorScatterOp>(op);
  HostTensor cache = copyOf(arguments[0]);
  const HostTensor &update = arguments[1], &starts = arguments[2];
  int64_t axis = normalized(scatter.getAxis(), cache.rank());
  Shape strides = stridesOf(cache.shape);
  for (int64_t i = 0, e = update.elements(); i < e; ++i) {
    Shape position = positionOf(i, update.shape);
    int64_t row = position[axis] + (starts.elementType ? starts.integerAt(position[0]) : 0);
    position[axis] =
        scatter.getMode() == "circular" ? row % cache.shape[axis] : checkedIndex(op, row, cache.shape[axis]);
    if (position[axis] < 0)
      return failure();
    if (failed(write(op, Combine::replace, cache, linearOf(position, strides), update, i)))
      return failure();
  }
  results.push_back(cache);
  return success();
}

//===-- TopK
//---------------------------------------------------------------------------------------------------------===//

static LogicalResult topK(Operation *op, Arguments arguments, Results &results) {
  auto top = cast<onnx::TopKOp>(op);
  const HostTensor &x = arguments[0];
  int64_t axis = normalized(top.getAxis(), x.rank()), extent = x.shape[axis], k = arguments[1].integerAt(0);
  if (k < 0 || k > extent)
    return op->emitError("wants the first ") << k << " of " << extent << " elements";
  Shape shape = x.shape;
  shape[axis] = k;
  HostTensor values = HostTensor::allocate(shape, x.elementType);
  HostTensor indices = HostTensor::allocate(shape, IntegerType::get(op->getContext(), 64));
  int64_t inner = product(ArrayRef(x.shape).drop_front(axis + 1)), size = width(x);
  int64_t lines = extent == 0 ? 0 : x.elements() / extent;
  for (int64_t line = 0; line < lines; ++line) {
    int64_t start = line / inner * extent * inner + line % inner,
            to = line / inner * k * inner + line % inner;
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, extent));
    llvm::sort(order, [&](int64_t a, int64_t b) {
      double left = numberAt(x, start + a * inner), right = numberAt(x, start + b * inner);
      if (left == right)
        return a < b;
      return top.getLargest() ? left > right : left < right;
    });
    for (int64_t i = 0; i < k; ++i) {
      std::memcpy(bytesOf(values) + (to + i * inner) * size, bytesOf(x) + (start + order[i] * inner) * size,
                  size);
      indices.mutableValues<int64_t>()[to + i * inner] = order[i];
    }
  }
  results.append({values, indices});
  return success();
}

//===-- Unique
//-------------------------------------------------------------------------------------------------------===//

/// The slice of `axis` at `index`, as numbers that order like its elements.
static std::vector<double> sliceKey(const HostTensor &x, int64_t axis, int64_t index) {
  std::vector<double> key;
  int64_t outer = product(ArrayRef(x.shape).take_front(axis)),
          inner = product(ArrayRef(x.shape).drop_front(axis + 1));
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t j = 0; j < inner; ++j)
      key.push_back(numberAt(x, (i * x.shape[axis] + index) * inner + j));
  return key;
}

static LogicalResult unique(Operation *op, Arguments arguments, Results &results) {
  auto uniqueOp = cast<onnx::UniqueOp>(op);
  HostTensor x = arguments[0];
  if (!uniqueOp.getAxis())
    x = x.reshaped({x.elements()});
  int64_t axis = normalized(uniqueOp.getAxis().value_or(0), x.rank());
  std::map<std::vector<double>, int64_t> groupOf;
  SmallVector<int64_t> first, count, group;
  for (int64_t i = 0; i < x.shape[axis]; ++i) {
    auto [found, isNew] = groupOf.try_emplace(sliceKey(x, axis, i), first.size());
    if (isNew) {
      first.push_back(i);
      count.push_back(0);
    }
    ++count[found->second];
    group.push_back(found->second);
  }
  // Rank of each group in the order of the result: sorted, or as they first occurred.
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, first.size())), rank(first.size());
  if (uniqueOp.getSorted()) {
    order.clear();
    for (const auto &entry : groupOf)
      order.push_back(entry.second);
  }
  SmallVector<int64_t> firsts, counts, inverse;
  for (auto [position, id] : llvm::enumerate(order)) {
    rank[id] = position;
    firsts.push_back(first[id]);
    counts.push_back(count[id]);
  }
  for (int64_t id : group)
    inverse.push_back(rank[id]);
  results.push_back(slicesAt(x, axis, firsts));
  for (ArrayRef<int64_t> values : {ArrayRef(firsts), ArrayRef(inverse), ArrayRef(counts)})
    if (results.size() < op->getNumResults())
      results.push_back(integers(op->getContext(), static_cast<int64_t>(values.size()), values));
  return success();
}

void halyard::registerOnnxHostOps(Evaluator &evaluator) {
  evaluator.addHostOp("onnx.NonZero", nonZero);
  evaluator.addHostOp("onnx.Compress", compress);
  evaluator.addHostOp("onnx.ScatterElements", scatterElements);
  evaluator.addHostOp("onnx.ScatterND", scatterND);
  evaluator.addHostOp("onnx.TensorScatter", tensorScatter);
  evaluator.addHostOp("onnx.TopK", topK);
  evaluator.addHostOp("onnx.Unique", unique);
}

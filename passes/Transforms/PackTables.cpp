// pack-tables: embeddings are read from the weights of a linear layer that are equal to them, and stored in
// the precision of weights otherwise.
//
// A model whose embedding and head are tied has one matrix that is looked up by row and multiplied as a
// whole. Packed for the latter it can still be read element by element, so it is stored once. Where a
// precision was chosen for the table itself, only layers of that precision will do.
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/WeightGroups.h"
#include "passes/Transforms/WeightPacking.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_PACKTABLES
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Where element (row, column) of a table is stored: in panels of a linear layer, or as codes row by row.
struct Storage {
  ElementsAttr elements, scales;
};

class Tables {
public:
  Tables(seq::ProgramOp program, StringRef weights) : weights(weights) {
    program.walk([&](seq::LinearOp linear) { linears.push_back(linear); });
  }

  /// Another form of a table, if there is a better one. `chosen` may be null. Found once for equal
  /// attributes.
  const Storage &find(ElementsAttr table, StringAttr chosen) {
    auto [known, isNew] = storages.try_emplace({table, chosen});
    if (isNew)
      known->second = make(asFloats(table), chosen);
    return known->second;
  }

private:
  Storage make(const HostTensor &table, StringAttr chosen) {
    StringRef precision = chosen ? chosen.getValue() : weights;
    for (seq::LinearOp linear : linears) {
      Storage storage = panelsOf(linear);
      if (storage.elements && (!chosen || isOfPrecision(storage, precision)) &&
          isEqual(table, linear, storage))
        return storage;
    }
    if (precision == "bf16")
      return rounded(table, Builder(table.elementType.getContext()).getBF16Type(), toBFloat);
    if (precision == "f16")
      return rounded(table, Builder(table.elementType.getContext()).getF16Type(), toHalf);
    return precision == "int8" || precision == "int4" ? codes(table) : Storage();
  }

  static bool isOfPrecision(const Storage &storage, StringRef precision) {
    Type element = storage.elements.getElementType();
    return precision == "f32"    ? element.isF32()
           : precision == "bf16" ? element.isBF16()
           : precision == "f16"  ? element.isF16()
                                 : element.isInteger(8);
  }

  static Storage panelsOf(seq::LinearOp linear) {
    Storage storage;
    if (linear.getGroup())
      return {}; // too coarse for what is looked up, not summed
    if (!matchPattern(linear.getWeight(), m_Constant(&storage.elements)))
      return {};
    if (linear.getScale() && !matchPattern(linear.getScale(), m_Constant(&storage.scales)))
      return {};
    return storage;
  }

  /// Whether the layer's column o is the table's row o, after conversion to the layer's precision.
  static bool isEqual(const HostTensor &table, seq::LinearOp linear, const Storage &storage) {
    auto weight = cast<RankedTensorType>(linear.getWeight().getType());
    int64_t rows = table.shape[0], columns = table.shape[1], width = weight.getDimSize(2),
            factor = weight.getDimSize(3);
    int64_t blocks = weight.getDimSize(1);
    if (cast<RankedTensorType>(linear.getType()).getDimSize(1) != rows ||
        blocks != (columns + factor - 1) / factor)
      return false;
    HostTensor panels = fromAttribute(storage.elements);
    ArrayRef<float> values = table.values<float>();
    HostTensor scales = storage.scales ? fromAttribute(storage.scales) : HostTensor();
    auto same = [&](float value, int64_t row, int64_t at) {
      if (panels.elementType.isF32())
        return panels.values<float>()[at] == value;
      if (panels.elementType.isBF16())
        return panels.values<uint16_t>()[at] == toBFloat(value);
      if (panels.elementType.isF16())
        return panels.values<uint16_t>()[at] == toHalf(value);
      return panels.values<int8_t>()[at] == codeOf(value, scales.values<float>()[row]);
    };
    for (int64_t row = 0; row < rows; ++row) {
      ArrayRef<float> elements = values.slice(row * columns, columns);
      if (storage.scales &&
          codeScale([&](int64_t i) { return elements[i]; }, columns) != scales.values<float>()[row])
        return false;
      for (int64_t column = 0; column < columns; ++column) {
        int64_t block = (row / width * blocks + column / factor) * width + row % width;
        if (!same(elements[column], row, block * factor + column % factor))
          return false;
      }
    }
    return true;
  }

  static Storage rounded(const HostTensor &table, Type type, uint16_t (*round)(float)) {
    HostTensor rounded = HostTensor::allocate(table.shape, type);
    for (auto [out, value] : llvm::zip_equal(rounded.mutableValues<uint16_t>(), table.values<float>()))
      out = round(value);
    return {toAttribute(rounded), {}};
  }

  static Storage codes(const HostTensor &table) {
    Builder builder(table.elementType.getContext());
    int64_t rows = table.shape[0], columns = table.shape[1];
    HostTensor codes = HostTensor::allocate(table.shape, builder.getI8Type());
    HostTensor scales = HostTensor::allocate({rows}, builder.getF32Type());
    ArrayRef<float> values = table.values<float>();
    for (int64_t row = 0; row < rows; ++row) {
      ArrayRef<float> elements = values.slice(row * columns, columns);
      float scale = codeScale([&](int64_t i) { return elements[i]; }, columns);
      scales.mutableValues<float>()[row] = scale;
      for (int64_t column = 0; column < columns; ++column)
        codes.mutableValues<int8_t>()[row * columns + column] = codeOf(elements[column], scale);
    }
    return {toAttribute(codes), toAttribute(scales)};
  }

  StringRef weights;
  SmallVector<seq::LinearOp> linears;
  DenseMap<std::pair<Attribute, Attribute>, Storage> storages;
};

/// Reads an element of another form of a table, as f32.
Value readElement(OpBuilder &body, Location location, ValueRange indices, Value elements, Value scales) {
  auto type = cast<RankedTensorType>(elements.getType());
  SmallVector<Value> at(indices);
  if (type.getRank() == 4) {
    // Quotient and remainder.
    auto split = [&](Value index, int64_t by) {
      Value divisor = arith::ConstantIndexOp::create(body, location, by);
      Value quotient = arith::FloorDivSIOp::create(body, location, index, divisor);
      Value whole = arith::MulIOp::create(body, location, quotient, divisor);
      return std::pair<Value, Value>(quotient, arith::SubIOp::create(body, location, index, whole));
    };
    auto [panel, column] = split(indices[0], type.getDimSize(2));
    auto [block, term] = split(indices[1], type.getDimSize(3));
    at = {panel, block, column, term};
  }
  Value element = tensor::ExtractOp::create(body, location, elements, at);
  if (type.getElementType().isBF16() || type.getElementType().isF16())
    return arith::ExtFOp::create(body, location, body.getF32Type(), element);
  if (!scales)
    return element;
  Value code = arith::SIToFPOp::create(body, location, body.getF32Type(), element);
  Value scale = tensor::ExtractOp::create(body, location, scales, indices[0]);
  return arith::MulFOp::create(body, location, code, scale);
}

struct PackTables : impl::PackTablesBase<PackTables> {
  using Base::Base;

  void runOnOperation() override {
    Tables tables(getOperation(), weights);
    SmallVector<tensor::ExtractOp> reads;
    getOperation().walk([&](tensor::ExtractOp read) {
      if (isa<linalg::GenericOp>(read->getParentOp()) && isTable(read.getTensor()))
        reads.push_back(read);
    });
    for (tensor::ExtractOp read : reads)
      rewrite(read, tables);
  }

  static void rewrite(tensor::ExtractOp read, Tables &tables) {
    auto constant = read.getTensor().getDefiningOp<arith::ConstantOp>();
    bool isNarrow = !read.getType().isF32();
    if (isNarrow && !llvm::all_of(read->getUsers(), llvm::IsaPred<arith::ExtFOp>))
      return;
    const Storage &storage = tables.find(cast<ElementsAttr>(constant.getValue()),
                                         read->getAttrOfType<StringAttr>(kPrecisionAttribute));
    if (!storage.elements)
      return;
    OpBuilder outside(constant), body(read);
    Value elements = arith::ConstantOp::create(outside, constant.getLoc(), storage.elements), scales;
    if (storage.scales)
      scales = arith::ConstantOp::create(outside, constant.getLoc(), storage.scales);
    Value value = readElement(body, read.getLoc(), read.getIndices(), elements, scales);
    SmallVector<Operation *> widened(read->getUsers());
    if (!isNarrow)
      read.replaceAllUsesWith(value);
    else
      for (Operation *user : widened) {
        user->getResult(0).replaceAllUsesWith(value);
        user->erase();
      }
    read.erase();
  }
};

} // namespace
} // namespace halyard

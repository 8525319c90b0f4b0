// lay-out-caches: what attention reads of a cache lies together.
//
// A head attends to its own features of every row. Row after row these are short pieces of memory, far apart
// from each other, which come slowly from memory; so caches that attention alone reads become blocks of rows
// in which each head lies together, 8-bit codes in pairs as instructions multiply them. Rows of a step go to
// their places one by one; values of the source are brought into this order where bind computes them.
#include "passes/Analysis/AttendedCaches.h"
#include "passes/Transforms/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_LAYOUTCACHES
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Most rows of a block. More make longer pieces, and more rows that are stored for nothing behind the last.
constexpr int64_t kMostRows = 128;

seq::CacheType typeOf(const AttendedCache &cache) {
  return cast<seq::CacheType>(cache.values.front().getType());
}

/// The blocks that a cache gets, or null if its codes are read in two ways.
seq::BlocksAttr blocksFor(const AttendedCache &cache) {
  seq::CacheType type = typeOf(cache);
  auto form = seq::BlockForm::rows;
  if (type.getElementType().isInteger(8)) {
    if (cache.role != CacheRole::key && cache.role != CacheRole::value)
      return {};
    form = cache.role == CacheRole::key ? seq::BlockForm::feature_pairs : seq::BlockForm::row_pairs;
  }
  int64_t rows = std::min(llvm::alignTo(type.getLength(), seq::BlocksAttr::kTileRows), uint64_t(kMostRows));
  return seq::BlocksAttr::get(type.getContext(), cache.heads, rows, form);
}

/// Where in rows of features the element of a block lies.
class RowsOfBlocks {
public:
  RowsOfBlocks(OpBuilder &builder, Location location, seq::CacheType type, Value rowCount)
      : builder(builder), location(location), blocks(type.getBlocks()),
        width(type.getFeatures() / blocks.getHeads()), rowCount(rowCount) {}

  /// Row and column at the indices that the operation's loops have. Behind the last row stands that again.
  SmallVector<Value> at() {
    Value row = term(0, blocks.getRows()), column = term(1, width);
    switch (blocks.getForm()) {
    case seq::BlockForm::rows:
      row = add(row, term(2, 1)), column = add(column, term(3, 1));
      break;
    case seq::BlockForm::row_pairs:
      row = add(add(row, term(2, 2)), term(4, 1)), column = add(column, term(3, 1));
      break;
    case seq::BlockForm::feature_pairs:
      row = add(add(row, term(2, seq::BlocksAttr::kTileRows)), term(4, 1));
      column = add(add(column, term(3, 2)), term(5, 1));
      break;
    }
    Value last = arith::SubIOp::create(builder, location, rowCount, constant(1));
    return {arith::MinSIOp::create(builder, location, row, last), column};
  }

private:
  Value constant(int64_t value) { return arith::ConstantIndexOp::create(builder, location, value); }
  Value add(Value a, Value b) { return arith::AddIOp::create(builder, location, a, b); }
  Value term(int64_t loop, int64_t factor) {
    Value index = linalg::IndexOp::create(builder, location, loop);
    return factor == 1 ? index
                       : arith::MulIOp::create(builder, location, index, constant(factor)).getResult();
  }

  OpBuilder &builder;
  Location location;
  seq::BlocksAttr blocks;
  int64_t width;
  Value rowCount;
};

struct LayOutCaches : impl::LayOutCachesBase<LayOutCaches> {
  void runOnOperation() override {
    AttendedCaches caches(getOperation());
    caches.keepTogether([](const AttendedCache &cache) { return static_cast<bool>(blocksFor(cache)); });
    for (auto &[name, cache] : caches) {
      seq::CacheType old = typeOf(cache);
      auto type = seq::CacheType::get(&getContext(), old.getLength(), old.getFeatures(), old.getElementType(),
                                      blocksFor(cache));
      for (Value value : cache.values)
        value.setType(type);
      auto rows = IntegerAttr::get(IntegerType::get(&getContext(), 64), type.getBlocks().getRows());
      auto memory = RankedTensorType::get(type.slotShape(), type.getElementType());
      if (auto state = dyn_cast<seq::StateOp>(cache.declaration)) {
        state.setType(memory);
        state.setBlockRowsAttr(rows);
      } else {
        auto cross = cast<seq::CrossOp>(cache.declaration);
        if (cast<RankedTensorType>(cross.getType()).isDynamicDim(0))
          memory = withOpenRows(memory);
        cross.setType(memory);
        cross.setBlockRowsAttr(rows);
        storeBlocks(name, type, memory);
      }
    }
  }

  static RankedTensorType withOpenRows(RankedTensorType type) {
    SmallVector<int64_t> shape(type.getShape());
    shape.front() = ShapedType::kDynamic;
    return type.clone(shape);
  }

  void storeBlocks(StringAttr name, seq::CacheType type, RankedTensorType memory) {
    getOperation().walk([&](seq::StoreOp store) {
      if (store.getCrossAttr().getAttr() == name)
        store.getValueMutable().assign(blocksOf(store, type, memory));
    });
  }

  static Value blocksOf(seq::StoreOp store, seq::CacheType type, RankedTensorType memory) {
    OpBuilder builder(store);
    Location location = store.getLoc();
    Value rows = store.getValue();
    Value count = tensor::DimOp::create(builder, location, rows, 0);
    SmallVector<Value> sizes;
    if (memory.isDynamicDim(0)) {
      AffineExpr blocks = builder.getAffineSymbolExpr(0).ceilDiv(type.getBlocks().getRows());
      sizes.push_back(affine::AffineApplyOp::create(builder, location, AffineMap::get(0, 1, blocks), count));
    }
    Value empty =
        tensor::EmptyOp::create(builder, location, memory.getShape(), memory.getElementType(), sizes);
    SmallVector<AffineMap> maps{builder.getMultiDimIdentityMap(memory.getRank())};
    SmallVector<utils::IteratorType> loops(memory.getRank(), utils::IteratorType::parallel);
    auto body = [&](OpBuilder &inner, Location location, ValueRange) {
      SmallVector<Value> at = RowsOfBlocks(inner, location, type, count).at();
      Value element = tensor::ExtractOp::create(inner, location, rows, at);
      linalg::YieldOp::create(inner, location, element);
    };
    return linalg::GenericOp::create(builder, location, memory, ValueRange(), empty, maps, loops, body)
        .getResult(0);
  }
};

} // namespace
} // namespace halyard

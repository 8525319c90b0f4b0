// compress-caches: keys and values are kept in fewer bits than they are computed in.
//
// A step reads all that is kept of a text and of its source, so these bytes count like those of weights. What
// is kept in another form is what attention alone reads: values of the source are rounded where bind computes
// them, and rows of a step where they are appended. Codes have a scale for each row and head, which is a
// cache of its own; only caches that attention reads together become codes. The others are bf16 then.
#include "passes/Analysis/AttendedCaches.h"
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/Rounding.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_COMPRESSCACHES
#include "passes/Transforms/Passes.h.inc"

namespace {

RankedTensorType memoryOf(const AttendedCache &cache) {
  if (auto state = dyn_cast<seq::StateOp>(cache.declaration))
    return cast<RankedTensorType>(state.getType());
  return cast<RankedTensorType>(cast<seq::CrossOp>(cache.declaration).getType());
}

void setMemory(const AttendedCache &cache, RankedTensorType type) {
  if (auto state = dyn_cast<seq::StateOp>(cache.declaration))
    state.setType(type);
  else
    cast<seq::CrossOp>(cache.declaration).setType(type);
}

bool isFloat(const AttendedCache &cache) { return memoryOf(cache).getElementType().isF32(); }

/// Codes are multiplied in pairs of features, and no sum of a head's products may leave 32 bits.
bool mayBeCodes(const AttendedCache &cache) {
  int64_t width = memoryOf(cache).getShape().back() / cache.heads;
  return isFloat(cache) && cache.role != CacheRole::keyAndValue && width % 2 == 0 && width <= 4096;
}

/// Rows as codes with a scale for each head: tensor<rows x features> and tensor<rows x heads>.
std::pair<Value, Value> quantize(OpBuilder &builder, Location location, Value rows, int64_t heads) {
  auto type = cast<RankedTensorType>(rows.getType());
  int64_t count = type.getDimSize(0), width = type.getDimSize(1) / heads;
  OpFoldResult extent = tensor::getMixedSize(builder, location, rows, 0);
  auto integer = [&](int64_t value) -> OpFoldResult { return builder.getIndexAttr(value); };
  SmallVector<ReassociationIndices> columns{{0}, {1, 2}}, ofHeads{{0, 1}, {2}};
  Type f32 = type.getElementType(), i8 = builder.getI8Type();
  auto byHead = [&](Type element) { return RankedTensorType::get({count, heads, width}, element); };

  Value expanded = tensor::ExpandShapeOp::create(builder, location, byHead(f32), rows, columns,
                                                 {extent, integer(heads), integer(width)});
  Value flat = tensor::CollapseShapeOp::create(builder, location, expanded, ofHeads);
  auto flatType = cast<RankedTensorType>(flat.getType());
  auto quantized = seq::QuantizeOp::create(builder, location, flatType.clone(i8),
                                           RankedTensorType::get(flatType.getShape().take_front(), f32), flat,
                                           uint64_t(0));
  Value codes = tensor::ExpandShapeOp::create(builder, location, byHead(i8), quantized.getCodes(), ofHeads,
                                              {extent, integer(heads), integer(width)});
  codes = tensor::CollapseShapeOp::create(builder, location, codes, columns);
  SmallVector<ReassociationIndices> all{{0, 1}};
  Value scales = tensor::ExpandShapeOp::create(builder, location, RankedTensorType::get({count, heads}, f32),
                                               quantized.getScales(), all, {extent, integer(heads)});
  return {codes, scales};
}

struct CompressCaches : impl::CompressCachesBase<CompressCaches> {
  using Base::Base;

  void runOnOperation() override {
    if (kv == "f32")
      return;
    if (kv == "int8") {
      AttendedCaches coded(getOperation());
      coded.keepTogether(mayBeCodes);
      for (auto &[name, cache] : coded)
        makeCodes(name, cache);
    }
    AttendedCaches rounded(getOperation());
    for (auto &[name, cache] : rounded)
      if (isFloat(cache) && cache.role != CacheRole::scale)
        round(name, cache);
  }

  static void retype(Value cache, Type element) {
    auto type = cast<seq::CacheType>(cache.getType());
    cache.setType(seq::CacheType::get(type.getContext(), type.getLength(), type.getFeatures(), element));
  }

  SmallVector<seq::StoreOp> storesOf(StringAttr name) {
    SmallVector<seq::StoreOp> stores;
    getOperation().walk([&](seq::StoreOp store) {
      if (store.getCrossAttr().getAttr() == name)
        stores.push_back(store);
    });
    return stores;
  }

  void round(StringAttr name, const AttendedCache &cache) {
    Type narrow = BFloat16Type::get(&getContext());
    setMemory(cache, memoryOf(cache).clone(narrow));
    for (Value value : cache.values)
      retype(value, narrow);
    for (seq::StoreOp store : storesOf(name)) {
      OpBuilder builder(store);
      store.getValueMutable().assign(roundElements(builder, store.getLoc(), store.getValue(), narrow));
    }
  }

  void makeCodes(StringAttr name, const AttendedCache &cache) {
    RankedTensorType type = memoryOf(cache);
    OpBuilder builder(cache.declaration);
    auto scales = RankedTensorType::get({type.getDimSize(0), cache.heads}, type.getElementType());
    std::string scaleName = (name.getValue() + ".scale").str();
    Location location = cache.declaration->getLoc();
    if (isa<seq::StateOp>(cache.declaration))
      seq::StateOp::create(builder, location, scaleName, scales, IntegerAttr());
    else
      seq::CrossOp::create(builder, location, scaleName, scales, IntegerAttr());
    setMemory(cache, type.clone(builder.getI8Type()));
    auto symbol = FlatSymbolRefAttr::get(&getContext(), scaleName);
    for (seq::StoreOp store : storesOf(name)) {
      builder.setInsertionPoint(store);
      auto [codes, scale] = quantize(builder, store.getLoc(), store.getValue(), cache.heads);
      store.getValueMutable().assign(codes);
      seq::StoreOp::create(builder, store.getLoc(), symbol, scale);
    }
    for (Value value : cache.values)
      readScales(value, scalesBeside(value, symbol, cache.heads));
  }

  /// The cache of scales of the same rows.
  static Value scalesBeside(Value codes, FlatSymbolRefAttr symbol, int64_t heads) {
    OpBuilder builder(codes.getDefiningOp());
    auto old = cast<seq::CacheType>(codes.getType());
    auto type = seq::CacheType::get(codes.getContext(), old.getLength(), heads, builder.getF32Type());
    retype(codes, builder.getI8Type());
    auto append = codes.getDefiningOp<seq::CacheAppendOp>();
    if (!append)
      return seq::LoadOp::create(builder, codes.getLoc(), type, symbol, Value());
    auto [rows, scales] = quantize(builder, append.getLoc(), append.getRows(), heads);
    append.getRowsMutable().assign(rows);
    return seq::CacheAppendOp::create(builder, append.getLoc(), type, symbol, scales, append.getSlot(),
                                      append.getPosition());
  }

  static void readScales(Value codes, Value scales) {
    for (OpOperand &use : codes.getUses()) {
      auto attention = cast<seq::AttentionOp>(use.getOwner());
      if (use.get() == attention.getKey())
        attention.getKeyScaleMutable().assign(scales);
      else
        attention.getValueScaleMutable().assign(scales);
    }
  }
};

} // namespace
} // namespace halyard

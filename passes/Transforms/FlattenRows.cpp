// flatten-rows: batch and time of the step become one axis of ragged rows.
//
// derive-caches has shown that the step treats rows independently, so a row needs to know only its slot and
// its position: positional tables are gathered by position, attention and prefix sums read the caches of the
// row's slot, and values of the source are those of the row's slot. `seq.length target` is from here on the
// number of rows.
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/RowAxes.h"
#include "passes/Transforms/Passes.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_FLATTENROWS
#include "passes/Transforms/Passes.h.inc"

namespace {

class Flattener {
public:
  Flattener(seq::ProgramOp program, seq::StepOp step)
      : program(program), step(step), block(step.getBlock()), times(step, {BindingTime::step}),
        axes(block, times, tokenAxis()), builder(step.getContext()) {}

  void run() {
    auto rows = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
    Location loc = step.getLoc();
    slot = block.addArgument(rows, loc);
    position = block.addArgument(rows, loc);
    for (Operation &op : llvm::make_early_inc_range(block)) {
      builder.setInsertionPoint(&op);
      if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
        gatherTable(slice);
      else if (auto load = dyn_cast<seq::LoadOp>(op))
        loadByRow(load);
      else if (auto append = dyn_cast<seq::CacheAppendOp>(op))
        appendByRow(append);
      else if (auto attention = dyn_cast<seq::AttentionOp>(op))
        readCaches(attention, attention.getKey());
      else if (auto sum = dyn_cast<seq::PrefixSumOp>(op))
        readCaches(sum, sum.getInput());
    }
    flattenTokens();
    flattenLogits();
  }

private:
  int64_t tokenAxis() { return cast<RankedTensorType>(block.getArgument(0).getType()).getRank() - 1; }

  template <typename OpType> void readCaches(OpType op, Value cache) {
    if (!isa<seq::CacheType>(cache.getType()))
      return;
    op.getSlotMutable().assign(slot);
    op.getPositionMutable().assign(position);
  }

  /// The first rows of a table become the rows of the positions at hand.
  void gatherTable(tensor::ExtractSliceOp slice) {
    int64_t axis;
    if (!RowAxes::isPositional(slice, times, axis))
      return;
    RankedTensorType type = slice.getType();
    Location loc = slice.getLoc();
    Value rows = seq::LengthOp::create(builder, loc, builder.getIndexType(), seq::Axis::target);
    Value empty =
        tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType(), ValueRange{rows});
    SmallVector<AffineMap> maps{AffineMap::get(type.getRank(), 0, builder.getAffineDimExpr(axis)),
                                builder.getMultiDimIdentityMap(type.getRank())};
    SmallVector<utils::IteratorType> iterators(type.getRank(), utils::IteratorType::parallel);
    Value table = slice.getSource();
    auto gather = linalg::GenericOp::create(
        builder, loc, type, ValueRange{position}, ValueRange{empty}, maps, iterators,
        [&](OpBuilder &body, Location loc, ValueRange arguments) {
          SmallVector<Value> indices;
          for (int64_t dim = 0; dim < type.getRank(); ++dim)
            indices.push_back(
                dim == axis
                    ? arith::IndexCastOp::create(body, loc, body.getIndexType(), arguments[0]).getResult()
                    : linalg::IndexOp::create(body, loc, dim).getResult());
          Value element = tensor::ExtractOp::create(body, loc, table, indices);
          linalg::YieldOp::create(body, loc, element);
        });
    slice.replaceAllUsesWith(gather.getResult(0));
    slice.erase();
  }

  seq::CacheType cacheOf(RankedTensorType rows, int64_t length) {
    return seq::CacheType::get(builder.getContext(), length, rows.getShape().back(), rows.getElementType());
  }

  /// Largest number of rows that a value of the source has.
  int64_t sourceRows(RankedTensorType type) {
    if (!type.isDynamicDim(0))
      return type.getDimSize(0);
    auto rows = program->getAttrOfType<AffineMapAttr>("memory_rows");
    if (!rows)
      return program.getMaxSource();
    auto constant = [&](int64_t value) -> Attribute { return builder.getIndexAttr(value); };
    SmallVector<Attribute> results;
    if (failed(rows.getValue().constantFold(
            {constant(program.getMaxSource()), constant(program.getMaxTarget())}, results)))
      return program.getMaxSource();
    return cast<IntegerAttr>(results.front()).getInt();
  }

  void loadByRow(seq::LoadOp load) {
    auto type = dyn_cast<RankedTensorType>(load.getResult().getType());
    if (!type)
      return;
    SmallVector<OpOperand *> attended, others;
    for (OpOperand &use : load.getResult().getUses())
      (isa<seq::AttentionOp>(use.getOwner()) ? attended : others).push_back(&use);
    if (!attended.empty()) {
      Value cache = seq::LoadOp::create(builder, load.getLoc(), cacheOf(type, sourceRows(type)),
                                        load.getCrossAttr(), Value());
      for (OpOperand *use : attended)
        use->set(cache);
    }
    if (!others.empty()) {
      SmallVector<int64_t> shape{ShapedType::kDynamic};
      llvm::append_range(shape, type.getShape());
      auto rowType = RankedTensorType::get(shape, type.getElementType());
      Value rows = seq::LoadOp::create(builder, load.getLoc(), rowType, load.getCrossAttr(), slot);
      for (OpOperand *use : others)
        indexByRow(cast<linalg::GenericOp>(use->getOwner()), *use, rows);
    }
    load.erase();
  }

  /// Makes an operand of a generic operation one value per row: its map gets time as leading index.
  void indexByRow(linalg::GenericOp generic, OpOperand &use, Value rows) {
    OpOperand *result = generic.getDpsInitOperand(0);
    int64_t timeAxis = *axes.of(generic.getResult(0));
    AffineExpr time = generic.getMatchingIndexingMap(result).getResult(timeAxis);
    SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
    AffineMap &map = maps[use.getOperandNumber()];
    SmallVector<AffineExpr> indices{time};
    llvm::append_range(indices, map.getResults());
    map = AffineMap::get(map.getNumDims(), 0, indices, builder.getContext());
    use.set(rows);
    generic.setIndexingMapsAttr(builder.getAffineMapArrayAttr(maps));
  }

  void appendByRow(seq::CacheAppendOp append) {
    auto type = cast<RankedTensorType>(append.getRows().getType());
    append.getSlotMutable().assign(slot);
    append.getPositionMutable().assign(position);
    append.getResult().setType(cacheOf(type, program.getMaxTarget()));
  }

  /// Tokens come as one vector; the leading batch axis is put back for the operations that read it.
  void flattenTokens() {
    BlockArgument tokens = block.getArgument(0);
    auto type = cast<RankedTensorType>(tokens.getType());
    if (type.getRank() == 1)
      return;
    tokens.setType(RankedTensorType::get({ShapedType::kDynamic}, type.getElementType()));
    builder.setInsertionPointToStart(&block);
    Value rows = seq::LengthOp::create(builder, step.getLoc(), builder.getIndexType(), seq::Axis::target);
    ReassociationIndices all;
    SmallVector<OpFoldResult> shape;
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      all.push_back(dim);
      shape.push_back(type.isDynamicDim(dim) ? OpFoldResult(rows)
                                             : OpFoldResult(builder.getIndexAttr(type.getDimSize(dim))));
    }
    auto expanded = tensor::ExpandShapeOp::create(builder, step.getLoc(), type, tokens,
                                                  SmallVector<ReassociationIndices>{all}, shape);
    tokens.replaceAllUsesExcept(expanded.getResult(), expanded);
  }

  /// One row of logits per row: unit axes before time are dropped.
  void flattenLogits() {
    Operation *yield = block.getTerminator();
    Value logits = yield->getOperand(0);
    auto type = cast<RankedTensorType>(logits.getType());
    if (type.getRank() <= 2)
      return;
    builder.setInsertionPoint(yield);
    SmallVector<ReassociationIndices> groups(2);
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      groups[dim + 1 == type.getRank()].push_back(dim);
    yield->setOperand(0, tensor::CollapseShapeOp::create(builder, step.getLoc(), logits, groups));
  }

  seq::ProgramOp program;
  seq::StepOp step;
  Block &block;
  BindingTimes times;
  RowAxes axes;
  OpBuilder builder;
  Value slot, position;
};

struct FlattenRows : impl::FlattenRowsBase<FlattenRows> {
  void runOnOperation() override {
    auto step = *getOperation().getBody().getOps<seq::StepOp>().begin();
    if (step.getMode() == seq::StepMode::recompute || step.getBlock().getNumArguments() != 1)
      return;
    Flattener(getOperation(), step).run();
  }
};

} // namespace
} // namespace halyard

// One row reads each panel once, with all of its columns in registers; several rows share what was read. Many
// rows take narrower tiles of more rows: each part of a panel stays in the nearest cache while the rows pass,
// or, where rows are prepared before they are multiplied, a prepared tile of rows while the parts pass.
// Tasks are panels, the same ones for the same thread in every step; many rows are cut into several tasks. Of
// bytes, tasks with the same rows follow each other, so that a thread has all columns of some rows, as where
// rows are normalised and quantised: what it reads lies in its own cache, while fetching a line from another
// processor's takes as long as multiplying hundreds of bytes. Larger weights are not read twice for that,
// except by matrix tiles, which would read all rows for each panel otherwise.
// Which tile computes a row makes no difference to its result.
#include "targets/Common/Schedules/LinearSchedule.h"

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/Schedules/AccessPattern.h"
#include "targets/Common/Schedules/StackStorage.h"

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::TailStrategy;
using Halide::Var;

/// Multiply-adds below which a second thread does not pay.
static constexpr int64_t kParallelWork = 65536;
/// Tiles of rows from which the tallest pays. Of fewer, the last one computes many rows a second time, and
/// what is fetched ahead of them comes in pieces that are too large.
static constexpr int kFewestTallTiles = 8;
/// Bytes between widened rows, a line: rows a power of two apart would lie in the same bank of the cache, and
/// be read one after the other.
static constexpr int kBytesBetweenRows = 64;
/// Tiles of rows that one task takes; rows, where tasks with the same rows follow each other, and where
/// matrix tiles multiply them.
static constexpr int kTilesPerTask = 8, kRowsPerTask = 64, kMatrixRowsPerTask = 256;

namespace {
/// Rows, and vectors of columns, of a tile of accumulators.
struct Tile {
  int rows, vectors;
};

class LinearSchedule {
public:
  LinearSchedule(LinearSum &sum, Output &output, const CpuShape &shape, int rowPosition, bool hasBytes)
      : sum(sum), output(output), shape(shape), rowPosition(rowPosition), vectors(sum.panel / sum.lanes),
        isWhole(sum.outputs % sum.panel == 0), keepsRows(hasBytes) {}

  void run();

private:
  SmallVector<Tile> fullTiles() const;
  SmallVector<Tile> tiles() const;
  void addBranches();
  void hideRows();
  void applyTile(Halide::Stage stage, Tile tile, bool isParallel, bool hasManyRows,
                 bool isMatrixTile = false);
  void cutRows(Halide::Stage stage, Tile tile, bool rowsFirst, bool isMatrixTile);
  void applyMatrixTiles(const MatrixTiles &tiles, int64_t parallelRows);
  void placeSums(int tileVectors);
  void placeRows();
  void placeMatrixTiles();
  void schedulePartial(Halide::Stage stage, bool isUpdate);

  LinearSum &sum;
  Output &output;
  const CpuShape &shape;
  int rowPosition;
  /// Vectors of a panel.
  int vectors;
  /// True if the last panel is full.
  bool isWhole;
  /// True if tasks with the same rows follow each other, not those with the same panel.
  bool keepsRows;
  /// True if all parts of a panel share what is made of a tile of rows: they are the inner loop then.
  bool sharesRows = sum.wideRows || sum.excess;
  /// Loops over panels; those for many rows, for which panels are fetched ahead, are known by their name.
  /// That gains nothing where matrix tiles multiply.
  Var panel{"panel"}, panels{"panels"}, sharedPanels{"sharedPanels"}, tiledPanels{"tiledPanels"},
      part{"part"}, vector{"vector"}, lane{"lane"}, task{"task"}, tileOuter{"tile"}, rowInner{"rowInner"};
};
} // namespace

/// Many rows first; a taller and narrower tile after theirs is for more rows than one of it. What fits the
/// registers besides operands was tried out; one row alone is as wide as needed to hide the latency of an
/// addition. Sums in halves take two accumulators each, unpacked codes take registers too. Without operands
/// in memory there is room for fewer accumulators, and 128 bits a vector want more of them in one row.
SmallVector<Tile> LinearSchedule::fullTiles() const {
  bool halves = sum.half.has_value(), unpacks = sum.codes || sum.excess;
  if (shape.registers >= 32 && shape.loadsApart) {
    if (halves)
      return unpacks ? SmallVector<Tile>{{3, 2}, {2, 2}, {1, 4}} : SmallVector<Tile>{{4, 2}, {2, 4}, {1, 4}};
    return unpacks ? SmallVector<Tile>{{8, 2}, {4, 4}, {2, 4}, {1, 8}}
                   : SmallVector<Tile>{{8, 2}, {6, 4}, {4, 4}, {2, 4}, {1, 8}};
  }
  if (shape.registers >= 32) {
    if (halves)
      return unpacks ? SmallVector<Tile>{{4, 2}, {2, 2}, {1, 4}}
                     : SmallVector<Tile>{{6, 2}, {4, 2}, {2, 4}, {1, 4}};
    return unpacks ? SmallVector<Tile>{{8, 2}, {4, 4}, {2, 4}, {1, 4}}
                   : SmallVector<Tile>{{6, 4}, {8, 2}, {4, 4}, {2, 4}, {1, 4}};
  }
  if (shape.registers < 16)
    return {{1, 4}};
  if (sum.excess)
    return shape.addsByteProducts ? SmallVector<Tile>{{4, 2}, {2, 2}, {1, 4}}
                                  : SmallVector<Tile>{{8, 1}, {4, 2}, {2, 2}, {1, 4}};
  if (unpacks)
    return {{3, 1}, {1, 2}};
  if (sum.wideRows)
    return {{6, 1}, {4, 1}, {2, 2}, {1, sum.areHalvesLanes ? 2 : 4}};
  if (halves)
    return sum.areHalvesLanes ? SmallVector<Tile>{{5, 1}, {2, 2}, {1, 4}}
                              : SmallVector<Tile>{{3, 2}, {2, 2}, {1, 4}};
  return {{sum.addsInSteps ? 5 : 6, 2}, {4, 2}, {2, 4}, {1, 8}};
}

/// A last panel that is not full is guarded by conditions, which only keep a tile's extents constant if all
/// tiles are equally wide: as wide as that of one row, or half of it, with rows to match.
SmallVector<Tile> LinearSchedule::tiles() const {
  SmallVector<Tile> result = fullTiles();
  if (!isWhole) {
    int wide = std::min(result.back().vectors, 4), accumulators = 0;
    for (const Tile &tile : result)
      accumulators = std::max(accumulators, tile.rows * tile.vectors);
    for (Tile &tile : result)
      tile = {std::min(tile.rows, accumulators / wide), wide};
    result.erase(std::unique(result.begin(), result.end(),
                             [](const Tile &a, const Tile &b) { return a.rows == b.rows; }),
                 result.end());
  }
  for (Tile &tile : result)
    tile.vectors = std::min(tile.vectors, vectors);
  return result;
}

/// Cuts the loop over tiles of rows into tasks, and says how many tiles pass a panel.
void LinearSchedule::cutRows(Halide::Stage stage, Tile tile, bool rowsFirst, bool isMatrixTile) {
  const int tiles = isMatrixTile ? kMatrixRowsPerTask / tile.rows
                    : rowsFirst  ? (kRowsPerTask + tile.rows - 1) / tile.rows
                                 : kTilesPerTask;
  stage.split(tileOuter, task, tileOuter, tiles, TailStrategy::GuardWithIf);
  if (isMatrixTile)
    return;
  Expr all = (output.extents[rowPosition] + (tile.rows - 1)) / tile.rows;
  sum.tilesOfTask = Halide::min(all, tiles);
  sum.tiles = rowsFirst ? sum.tilesOfTask : all;
}

/// Loops of one branch, outermost first: tasks (a panel and some rows, or the other way round), parts of the
/// panel, tiles of rows, the tile.
void LinearSchedule::applyTile(Halide::Stage stage, Tile tile, bool isParallel, bool hasManyRows,
                               bool isMatrixTile) {
  Var column = output.vars.back(), row = output.vars[rowPosition];
  const bool isShared = tile.rows > 2 || tile.vectors < vectors;
  Var outer = isMatrixTile ? tiledPanels : hasManyRows ? panels : isShared ? sharedPanels : panel;
  stage.split(column, outer, column, sum.panel, isWhole ? TailStrategy::RoundUp : TailStrategy::GuardWithIf)
      .split(column, part, column, sum.lanes * tile.vectors)
      .split(column, vector, lane, sum.lanes)
      .split(row, tileOuter, rowInner, tile.rows,
             isMatrixTile && hasManyRows ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards);
  std::vector<Halide::VarOrRVar> order{lane, vector, rowInner, tileOuter, part};
  if (sharesRows)
    std::swap(order[3], order[4]);
  const bool rowsFirst = keepsRows || isMatrixTile;
  order.push_back(outer);
  if (hasManyRows) {
    cutRows(stage, tile, rowsFirst, isMatrixTile);
    order.insert(order.end() - (rowsFirst ? 0 : 1), task);
  }
  if (hasManyRows && !isMatrixTile) // a copy of the loops for the last task gains nothing
    stage.partition(tileOuter, Halide::Partition::Never).partition(outer, Halide::Partition::Never);
  for (int position = output.vars.size() - 2; position >= 0; --position)
    if (position != rowPosition)
      order.push_back(output.vars[position]);
  stage.reorder(order).vectorize(lane);
  if (!isParallel)
    return;
  if (hasManyRows)
    rowsFirst ? stage.fuse(outer, task, outer) : stage.fuse(task, outer, outer);
  stage.parallel(outer);
}

/// A constant number of rows becomes one that is read at run time. From a constant Halide makes indices of
/// tiles that it cannot take apart again, and accumulators then lie in memory.
void LinearSchedule::hideRows() {
  const int dim = static_cast<int>(output.vars.size()) - 1 - rowPosition;
  Halide::OutputImageParam buffer = output.func.output_buffers().front();
  buffer.dim(dim).set_extent(Expr());
  output.extents[rowPosition] = buffer.dim(dim).extent();
}

/// A branch for matrix tiles, or two: very few rows of a small layer are not worth a second thread.
void LinearSchedule::applyMatrixTiles(const MatrixTiles &tiles, int64_t parallelRows) {
  const bool hasManyRows = tiles.hasMany();
  const int fewest = hasManyRows ? MatrixTiles::kFewestOfMany : tiles.rows;
  const Tile tile{tiles.rows, vectors};
  Expr rows = output.extents[rowPosition];
  if (!Halide::Internal::is_const_one(tiles.condition))
    return applyTile(output.func.specialize(tiles.condition), tile, fewest >= parallelRows, hasManyRows,
                     true);
  if (auto known = Halide::Internal::as_const_int(rows))
    return applyTile(output.func, tile, *known >= parallelRows, hasManyRows, true);
  applyTile(output.func.specialize(rows >= static_cast<int32_t>(parallelRows)), tile, true, hasManyRows,
            true);
  applyTile(output.func, tile, false, hasManyRows, true);
}

/// A branch for every tile, under the condition that there are rows to fill it.
void LinearSchedule::addBranches() {
  SmallVector<Tile> all = tiles();
  Expr rows = output.extents[rowPosition];
  auto known = Halide::Internal::as_const_int(rows);
  if (known) {
    llvm::erase_if(all, [&](Tile tile) { return tile.rows > *known && tile.rows > 1; });
    hideRows();
  }
  int64_t work = sum.outputs * sum.features, parallelRows = (kParallelWork + work - 1) / work;
  for (const MatrixTiles &tiles : sum.matrixTiles) {
    applyMatrixTiles(tiles, parallelRows);
    if (Halide::Internal::is_const_one(tiles.condition))
      return;
  }
  Tile widest = all.front();
  if (known)
    return applyTile(output.func, widest, *known >= parallelRows, widest.rows > 1);
  // Layers of which many rows are needed for a second thread to pay.
  const int tall = kFewestTallTiles * widest.rows;
  if (widest.rows > 1 && parallelRows > tall)
    applyTile(output.func.specialize(rows >= static_cast<int32_t>(parallelRows)), widest, true, true);
  for (const Tile &tile : all) {
    bool isLast = tile.rows == 1, isTallest = &tile == all.begin() && !isLast;
    int fewest = isTallest ? tall : tile.rows > widest.rows ? tile.rows + 1 : tile.rows;
    applyTile(isLast ? Halide::Stage(output.func) : output.func.specialize(rows >= fewest), tile,
              fewest >= parallelRows, isTallest);
  }
}

/// One definition of the partial sums: a tile of registers, the loop over groups around it.
void LinearSchedule::schedulePartial(Halide::Stage stage, bool isUpdate) {
  std::vector<Halide::VarOrRVar> order;
  if (isUpdate && sum.term)
    order.push_back(*sum.term);
  if (sum.half && sum.areHalvesLanes)
    order.push_back(*sum.half);
  order.push_back(sum.lane);
  if (sum.half && !sum.areHalvesLanes)
    order.push_back(*sum.half);
  order.insert(order.end(), {sum.vector, sum.row});
  if (isUpdate && sum.nibble)
    order.push_back(*sum.nibble);
  if (isUpdate)
    order.push_back(sum.group);
  stage.reorder(order).vectorize(sum.lane).unroll(sum.vector).unroll(sum.row);
  if (sum.half)
    sum.areHalvesLanes ? stage.vectorize(*sum.half) : stage.unroll(*sum.half);
  if (isUpdate && sum.nibble)
    stage.unroll(*sum.nibble);
  if (isUpdate && sum.term)
    stage.atomic().vectorize(*sum.term);
}

/// What is made of rows once for all parts of a panel.
void LinearSchedule::placeRows() {
  if (sum.excess) {
    Halide::RVar code = sum.excess->rvars(0).front();
    sum.excess->compute_at(output.func, tileOuter).store_in(kStackStorage).update().atomic().vectorize(code);
  }
  auto place = [&](Halide::Func rows, int extent, int lanes) {
    Var along = rows.args().front();
    rows.compute_at(output.func, tileOuter)
        .store_in(kStackStorage)
        .bound_extent(along, extent)
        .bound_storage(along, extent + kBytesBetweenRows / rows.type().bytes())
        .vectorize(along, lanes, TailStrategy::GuardWithIf);
  };
  if (sum.signedRows)
    place(*sum.signedRows, sum.features / sum.terms, sum.lanes);
  if (sum.wideRows)
    place(*sum.wideRows, sum.features, 4 * sum.lanes);
}

/// Totals are added to once per block, in memory; partial sums stay in registers.
void LinearSchedule::placeSums(int tileVectors) {
  const Halide::LoopLevel tile(output.func, sharesRows ? part : tileOuter);
  sum.total.compute_at(tile).store_in(kStackStorage).bound_extent(sum.lane, sum.lanes);
  if (sharesRows)
    placeRows();
  if (!isWhole)
    sum.total.bound_extent(sum.vector, tileVectors);
  auto unrolled = [&](Halide::Stage stage) { stage.vectorize(sum.lane).unroll(sum.vector).unroll(sum.row); };
  unrolled(sum.total);
  if (sum.block) {
    sum.total.update().reorder(sum.lane, sum.vector, sum.row, *sum.block);
    unrolled(sum.total.update());
    sum.partial.compute_at(sum.total, *sum.block);
  } else {
    sum.partial.compute_at(tile);
  }
  sum.partial.store_in(kStackStorage).bound_extent(sum.lane, sum.lanes);
  if (sum.half)
    sum.partial.bound_extent(*sum.half, 2);
  if (sum.half && !sum.areHalvesLanes) {
    std::vector<Var> arguments = sum.partial.args();
    std::rotate(arguments.begin(), arguments.begin() + 1, arguments.end());
    sum.partial.reorder_storage(arguments);
  }
  if (sum.codes) {
    std::vector<Var> arguments = sum.codes->args();
    sum.codes->compute_at(sum.partial, sum.group)
        .store_in(kStackStorage)
        .bound_extent(arguments[0], sum.terms)
        .bound_extent(arguments[1], sum.lanes)
        .vectorize(arguments[0])
        .vectorize(arguments[1])
        .unroll(arguments[2])
        .unroll(arguments[3]);
  }
  schedulePartial(sum.partial, /*isUpdate=*/false);
  schedulePartial(sum.partial.update(), /*isUpdate=*/true);
}

/// A whole panel of a tile of rows, as the runtime computes it: nothing is vectorised or unrolled.
void LinearSchedule::placeMatrixTiles() {
  for (MatrixTiles &tiles : sum.matrixTiles)
    tiles.sums.compute_at(output.func, tileOuter)
        .store_in(kStackStorage)
        .bound_extent(sum.lane, sum.lanes)
        .bound_extent(sum.vector, vectors)
        .bound_extent(sum.row, tiles.rows);
}

void LinearSchedule::run() {
  addBranches();
  placeSums(tiles().front().vectors);
  placeMatrixTiles();
}

bool halyard::kernels::scheduleLinear(Kernel &kernel, Output &output, const CpuShape &shape) {
  for (Stage &stage : kernel.stages) {
    if (!stage.linear || output.vars.size() < 2)
      continue;
    auto access = accessPattern(output.func, stage.linear->total);
    if (!access && !stage.linear->matrixTiles.empty())
      access = accessPattern(output.func, stage.linear->matrixTiles.front().sums);
    if (!access)
      continue;
    Expr column = output.vars.back();
    const auto *row = access->back().as<Halide::Internal::Variable>();
    auto position =
        llvm::find_if(output.vars, [&](const Var &var) { return row && row->name == var.name(); });
    if (!Halide::Internal::equal((*access)[1], Halide::Internal::simplify(column / stage.linear->lanes)) ||
        position == output.vars.end() || position + 1 == output.vars.end())
      continue;
    auto weight = cast<RankedTensorType>(cast<seq::LinearOp>(stage.op).getWeight().getType());
    LinearSchedule(*stage.linear, output, shape, position - output.vars.begin(),
                   weight.getElementTypeBitWidth() <= 8)
        .run();
    return true;
  }
  return false;
}

// The schedule of one output follows from what it reads. Helpers that hold a value per element (contractions)
// make it tiled, with the helper computed per tile; helpers that hold a value per row (statistics) are
// computed in the row's loop. Extents that are only known at run time get a branch for sizes that fill whole
// tiles and one that goes element by element, so that the tile's extents are constants and accumulators stay
// in registers. Partial tiles at the end are shifted inwards and recompute some elements: results may not
// overlap arguments.
#include "targets/Common/Schedules/CpuSchedule.h"

#include "targets/Common/Schedules/AccessPattern.h"
#include "targets/Common/Schedules/LinearSchedule.h"
#include "targets/Common/Schedules/PackedResult.h"
#include "targets/Common/Schedules/RowSchedule.h"
#include "targets/Common/Schedules/StackStorage.h"

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::TailStrategy;
using Halide::Var;

/// Multiply-adds below which a second thread does not pay.
static constexpr int64_t kParallelWork = 65536;
/// Multiply-adds of one task.
static constexpr int64_t kTaskWork = 32768;
/// Accumulators for one row: enough to hide the latency of an addition.
static constexpr int kSingleRowAccumulators = 8;
/// Elements that one task of an elementwise kernel computes.
static constexpr int64_t kParallelElements = 32768;

static std::optional<int64_t> constantOf(const Expr &expr) {
  auto value = Halide::Internal::as_const_int(Halide::Internal::simplify(expr));
  return value ? std::optional<int64_t>(*value) : std::nullopt;
}

namespace {
/// A Func that is neither inlined nor an output.
struct Helper {
  enum class Kind { reduction, packed, elementSum, rowSum, rowValue } kind;
  Stage *stage;
  LaneSum *sum;
  Halide::Func func;
  /// For each argument (innermost first) the output's variable it is read at, or -1.
  SmallVector<int> positions;

  bool reads(int position) const { return llvm::is_contained(positions, position); }
};

/// One way to run the output: tiles of constant extents, under a condition (none for the last).
struct Branch {
  Expr condition;
  int columns, rows;
  bool isPacked = false;
};

class OutputSchedule {
public:
  OutputSchedule(Kernel &kernel, Output &output, const CpuShape &shape)
      : kernel(kernel), output(output), shape(shape), rank(output.vars.size()) {}

  void run();

private:
  void collectHelpers();
  void addHelper(Helper::Kind kind, Stage &stage, LaneSum *sum, Halide::Func func);
  void scheduleScan(Stage &stage);
  void scheduleRows();
  void scheduleTiles();
  SmallVector<Branch> branches(int columns, int rows, int wide) const;
  int64_t termsPerElement() const;
  int blocksPerTask(const Branch &branch) const;
  void addPackedBranch(SmallVector<Branch> &all) const;
  void applyTile(Halide::Stage stage, const Branch &branch);
  void placeInTile(Helper &helper);
  void placeReduction(Helper &helper);
  void placePanel(PackedVariant &packed);
  void placeElementSum(Helper &helper);
  void placeInRow(Helper &helper, const Halide::LoopLevel &level);
  Halide::LoopLevel rowLevel(const Helper &helper) const;
  void vectorizeInnermost(Halide::Stage stage);
  void parallelizeRows();
  bool isHeavy() const;
  int lanesFor(int64_t extent) const;

  Kernel &kernel;
  Output &output;
  const CpuShape &shape;
  int rank;
  std::vector<Helper> helpers;
  /// Position of the tile's row variable; -1 if there is none.
  int rowPosition = -1;
  /// Position of the first loop that is not cut into tasks.
  int firstSerial = 0;
  Var columnTask{"columnTask"}, columnOuter{"columnOuter"}, columnInner{"columnInner"}, rowOuter{"rowOuter"},
      rowInner{"rowInner"};
};
} // namespace

//===-- helpers ------------------------------------------------------------------------------------===//

void OutputSchedule::addHelper(Helper::Kind kind, Stage &stage, LaneSum *sum, Halide::Func func) {
  auto access = accessPattern(output.func, func);
  if (!access)
    return;
  Helper helper{kind, &stage, sum, func, {}};
  for (const Expr &index : *access) {
    const auto *variable = index.as<Halide::Internal::Variable>();
    auto it =
        llvm::find_if(output.vars, [&](const Var &var) { return variable && variable->name == var.name(); });
    helper.positions.push_back(it == output.vars.end() ? -1 : it - output.vars.begin());
  }
  helpers.push_back(std::move(helper));
}

void OutputSchedule::collectHelpers() {
  for (auto [index, stage] : llvm::enumerate(kernel.stages)) {
    bool isOutput = static_cast<int>(index) == output.stage;
    if (stage.reduces() && !isOutput)
      addHelper(Helper::Kind::reduction, stage, nullptr, stage.func);
    if (stage.packed)
      addHelper(Helper::Kind::packed, stage, nullptr, stage.packed->func);
    for (LaneSum &sum : stage.elementSums)
      addHelper(Helper::Kind::elementSum, stage, &sum, sum.total);
    for (LaneSum &sum : stage.rowSums)
      addHelper(Helper::Kind::rowSum, stage, &sum, sum.total);
    for (Halide::Func &value : stage.rowValues)
      addHelper(Helper::Kind::rowValue, stage, nullptr, value);
  }
}

int OutputSchedule::lanesFor(int64_t extent) const {
  int bytes = 4;
  for (Halide::Type type : output.func.types())
    bytes = std::max(bytes, type.bytes());
  int lanes = std::max(shape.lanes * 4 / bytes, 1);
  while (lanes > extent)
    lanes /= 2;
  return std::max(lanes, 1);
}

//===-- rows ---------------------------------------------------------------------------------------===//

/// Vectors along the innermost dimension; a static extent that is no multiple recomputes at its end, a
/// dynamic one is predicated.
void OutputSchedule::vectorizeInnermost(Halide::Stage stage) {
  if (helpers.empty() && vectorizePackedResult(stage, output, shape, firstSerial))
    return;
  Var column = output.vars.back();
  std::optional<int64_t> extent = constantOf(output.extents.back());
  int lanes = lanesFor(extent.value_or(shape.lanes));
  if (lanes > 1)
    stage.vectorize(column, lanes, extent ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf);
}

/// Splits the outermost loops into tasks when there are enough elements for several: as many loops as it
/// takes for the others to be no more than a task. Where helpers are placed in a loop, that is the outermost.
void OutputSchedule::parallelizeRows() {
  int first = 0;
  while (first < rank - 1 && constantOf(output.extents[first]) == 1)
    ++first;
  auto within = [&](int position) { // elements for each index of a loop; 0 if not known
    int64_t elements = 1;
    for (const Expr &extent : ExprsRef(output.extents).drop_front(position + 1))
      elements *= constantOf(extent).value_or(0);
    return elements;
  };
  int last = first;
  while (helpers.empty() && last < rank - 2 && within(last) > kParallelElements)
    ++last;
  if (last >= rank - 1 || within(last) <= 0)
    return;
  int chunk = std::max<int64_t>(1, kParallelElements / within(last));
  Expr count = 1;
  for (int position = first; position <= last; ++position)
    count = count * output.extents[position];
  std::optional<int64_t> rows = constantOf(count);
  if (rows && *rows < 2 * chunk)
    return;
  firstSerial = last + 1;
  Var row = output.vars[last], task("task");
  Halide::Stage stage = rows ? Halide::Stage(output.func) : output.func.specialize(count >= 2 * chunk);
  if (!rows)
    vectorizeInnermost(stage);
  for (int position = last - 1; position >= first; --position)
    stage.fuse(row, output.vars[position], row);
  stage.split(row, task, row, chunk, TailStrategy::GuardWithIf).parallel(task);
}

Halide::LoopLevel OutputSchedule::rowLevel(const Helper &helper) const {
  int innermost = -1;
  for (int position : helper.positions)
    innermost = std::max(innermost, position);
  return innermost < 0 ? Halide::LoopLevel::root() : Halide::LoopLevel(output.func, output.vars[innermost]);
}

void OutputSchedule::placeInRow(Helper &helper, const Halide::LoopLevel &level) {
  if (helper.sum) {
    helper.sum->computeAt(level);
    return;
  }
  helper.func.compute_at(level).store_in(kStackStorage);
}

void OutputSchedule::scheduleRows() {
  if (rank > 0) {
    parallelizeRows();
    vectorizeInnermost(output.func);
  }
  for (Helper &helper : helpers)
    placeInRow(helper, rowLevel(helper));
}

/// A prefix sum: rows one after the other, features in vectors.
void OutputSchedule::scheduleScan(Stage &stage) {
  vectorizeInnermost(stage.func);
  Var feature = stage.vars.back(), lane("lane");
  int lanes = lanesFor(constantOf(stage.extents.back()).value_or(1));
  stage.func.update()
      .split(feature, feature, lane, lanes, TailStrategy::GuardWithIf)
      .reorder(lane, feature, stage.reductions.front())
      .vectorize(lane);
}

//===-- tiles --------------------------------------------------------------------------------------===//

/// Multiply-adds of an element; of unknown extents a small number is assumed.
int64_t OutputSchedule::termsPerElement() const {
  int64_t most = 1;
  for (const Helper &helper : helpers) {
    int64_t terms = 1;
    if (helper.kind == Helper::Kind::reduction || helper.kind == Helper::Kind::packed)
      for (const auto &variable : helper.func.function().update(0).schedule().rvars())
        terms *= constantOf(variable.extent).value_or(16);
    if (helper.kind == Helper::Kind::elementSum)
      terms = constantOf(helper.sum->extent).value_or(64);
    most = std::max(most, terms);
  }
  return most;
}

/// Whether one row (or column, where its number is what is known) is worth several threads.
bool OutputSchedule::isHeavy() const {
  std::optional<int64_t> elements = constantOf(output.extents.back());
  if (!elements && rowPosition >= 0)
    elements = constantOf(output.extents[rowPosition]);
  return elements.value_or(1) * termsPerElement() >= kParallelWork;
}

/// Column blocks of a task: enough for a call to be worth it with one row, and sixteen tasks if there are as
/// many.
int OutputSchedule::blocksPerTask(const Branch &branch) const {
  std::optional<int64_t> width = constantOf(output.extents.back());
  if (branch.isPacked || !width)
    return 1;
  int64_t enough = kTaskWork / (branch.columns * termsPerElement()), most = *width / branch.columns / 16;
  return std::max<int64_t>(1, std::min(enough, most));
}

/// Tiles for sizes that are only known at run time: whole ones if they fit, then smaller ones. `columns` and
/// `rows` fit where the extents are static. One row alone takes `wide` columns at once, as there are no other
/// rows to keep the arithmetic units busy.
SmallVector<Branch> OutputSchedule::branches(int columns, int rows, int wide) const {
  Expr width = output.extents.back();
  bool tallKnown = rowPosition < 0 || constantOf(output.extents[rowPosition]).has_value();
  Expr height = rowPosition < 0 ? Expr(1) : output.extents[rowPosition];
  SmallVector<Branch> result;
  if (!constantOf(width)) {
    Expr fits = width >= columns;
    result.push_back({tallKnown ? fits : fits && height >= rows, columns, rows});
    int narrow = std::min(columns, lanesFor(columns));
    if (narrow > 1 && (narrow < columns || !tallKnown)) // a condition must not be there twice
      result.push_back({width >= narrow, narrow, tallKnown ? rows : 1});
    result.push_back({Expr(), 1, tallKnown ? rows : 1});
    return result;
  }
  if (!tallKnown && rows > 1)
    result.push_back({height >= rows, columns, rows});
  bool severalRows = tallKnown && rowPosition >= 0 && rows > 1;
  result.push_back({Expr(), severalRows ? columns : wide, tallKnown ? rows : 1});
  return result;
}

/// The branch that reads packed operands comes first; it is the only one if there are always many rows.
void OutputSchedule::addPackedBranch(SmallVector<Branch> &all) const {
  auto packed =
      llvm::find_if(helpers, [](const Helper &helper) { return helper.kind == Helper::Kind::packed; });
  if (packed == helpers.end())
    return;
  const PackedVariant &variant = *packed->stage->packed;
  if (Halide::Internal::is_const_one(variant.condition))
    all = {{Expr(), variant.columns, variant.rows, /*isPacked=*/true}};
  else
    all.insert(all.begin(), {variant.condition, variant.columns, variant.rows, /*isPacked=*/true});
}

/// Loops of one branch, outermost first: other dimensions, column blocks (tasks), row blocks, the tile.
void OutputSchedule::applyTile(Halide::Stage stage, const Branch &branch) {
  Var column = output.vars.back();
  stage.split(column, columnOuter, columnInner, branch.columns, TailStrategy::ShiftInwards);
  std::vector<Halide::VarOrRVar> order{columnInner};
  if (rowPosition >= 0) {
    stage.split(output.vars[rowPosition], rowOuter, rowInner, branch.rows, TailStrategy::ShiftInwards);
    order.push_back(rowInner);
    order.push_back(rowOuter);
  }
  order.push_back(columnOuter);
  for (int position = rank - 2; position >= 0; --position)
    if (position != rowPosition)
      order.push_back(output.vars[position]);
  stage.reorder(order);
  int lanes = std::min(lanesFor(branch.columns), branch.columns);
  if (lanes > 1)
    stage.vectorize(columnInner, lanes);
  if (rowPosition >= 0)
    stage.unroll(rowInner);
  if (!isHeavy())
    return;
  int blocks = blocksPerTask(branch);
  if (blocks > 1)
    stage.split(columnOuter, columnTask, columnOuter, blocks, TailStrategy::GuardWithIf).parallel(columnTask);
  else
    stage.parallel(columnOuter);
}

namespace {
/// A long sum in two levels: blocks of terms, and the sum of the blocks.
struct BlockedSum {
  Halide::Func partial;
  Halide::RVar block, term;
  unsigned split; // which of the reductions is cut into blocks
};
} // namespace

/// How many steps of a loop make a block, where a step is `terms` terms: as many blocks as terms in each,
/// about, but no blocks so short that adding them up takes time. 0 if there is no such divisor.
static int stepsPerBlock(int extent, int terms) {
  constexpr int kShortest = 24, kLongest = 96;
  int best = 0;
  auto cost = [&](int steps) { return steps * terms + extent / steps; };
  for (int steps = 1; steps < extent; ++steps)
    if (extent % steps == 0 && steps * terms >= kShortest && steps * terms <= kLongest &&
        (!best || cost(steps) < cost(best)))
      best = steps;
  return best;
}

/// Rounding errors of a sum grow with the number of terms added one after the other; in blocks they grow with
/// the block and the number of blocks. None if the sum is short or not of floats.
static std::optional<BlockedSum> blockSum(Halide::Func func, const PackedVariant &packed) {
  // After its columns, the panel is indexed by the reductions in their order.
  auto extents = ArrayRef(packed.panelExtents).slice(1, packed.reductions.size());
  unsigned longest = llvm::max_element(extents) - extents.begin();
  int terms = 1;
  for (auto [index, extent] : llvm::enumerate(extents))
    terms *= index == longest ? 1 : extent;
  int steps = func.type() == Halide::Float(32) ? stepsPerBlock(extents[longest], terms) : 0;
  if (!steps)
    return std::nullopt;
  BlockedSum sum{Halide::Func(), Halide::RVar("block"), Halide::RVar("term"), longest};
  func.update().split(packed.reductions[longest], sum.block, sum.term, steps);
  sum.partial = func.update().rfactor(sum.block, Var("own"));
  return sum;
}

/// Accumulators of a tile: columns in vectors, everything unrolled, the reduction outermost.
void OutputSchedule::placeReduction(Helper &helper) {
  Stage &stage = *helper.stage;
  bool isPacked = helper.kind == Helper::Kind::packed;
  const auto &vars = isPacked ? stage.packed->vars : stage.vars;
  const auto &reductions = isPacked ? stage.packed->reductions : stage.reductions;
  std::vector<Var> arguments(vars.rbegin(), vars.rend());
  Var lane("lane");
  Halide::Func func = helper.func;
  std::vector<Halide::VarOrRVar> tile, rest;
  for (auto [index, position] : llvm::enumerate(helper.positions))
    (position == rank - 1 || (position >= 0 && position == rowPosition) ? tile : rest)
        .push_back(arguments[index]);
  Var column = arguments[llvm::find(helper.positions, rank - 1) - helper.positions.begin()];
  int lanes = lanesFor(constantOf(output.extents.back()).value_or(shape.lanes));
  auto schedule = [&](Halide::Stage definition, const std::vector<Halide::VarOrRVar> &loops) {
    definition.split(column, column, lane, lanes, TailStrategy::GuardWithIf);
    std::vector<Halide::VarOrRVar> order{lane};
    order.insert(order.end(), tile.begin(), tile.end());
    order.insert(order.end(), loops.begin(), loops.end());
    order.insert(order.end(), rest.begin(), rest.end());
    definition.reorder(order).vectorize(lane);
    for (const Halide::VarOrRVar &variable : tile)
      definition.unroll(variable);
  };
  func.compute_at(output.func, rowPosition >= 0 ? rowOuter : columnOuter).store_in(kStackStorage);
  schedule(func, {});
  std::vector<Halide::VarOrRVar> loops(reductions.begin(), reductions.end());
  // The order would depend on which contractions are packed, and that on registers.
  bool mayReorder = isPacked && !kernel.isDeterministic;
  if (std::optional<BlockedSum> blocked = mayReorder ? blockSum(func, *stage.packed) : std::nullopt) {
    blocked->partial.compute_at(func, blocked->block).store_in(kStackStorage);
    schedule(blocked->partial, {});
    loops[blocked->split] = blocked->term;
    schedule(blocked->partial.update(), loops);
    loops = {blocked->block};
  }
  schedule(func.update(), loops);
  if (isPacked)
    placePanel(*stage.packed);
}

/// A panel serves all rows of its columns.
void OutputSchedule::placePanel(PackedVariant &packed) {
  Var column = packed.panel.args().front();
  packed.panel.compute_at(output.func, columnOuter)
      .store_in(kStackStorage)
      .bound_extent(column, packed.columns)
      .vectorize(column, std::min(shape.lanes, packed.columns));
  for (auto [argument, extent] : llvm::zip_equal(packed.panel.args(), packed.panelExtents))
    packed.panel.bound_storage(argument, extent);
}

void OutputSchedule::placeElementSum(Helper &helper) {
  LaneSum &sum = *helper.sum;
  sum.computeAt(Halide::LoopLevel(output.func, rowPosition >= 0 ? rowOuter : columnOuter));
  std::vector<Halide::VarOrRVar> order{sum.lane};
  for (auto [index, position] : llvm::enumerate(helper.positions)) {
    if (position != rank - 1 && (position < 0 || position != rowPosition))
      continue;
    order.push_back(sum.rows[index]);
    sum.partial.unroll(sum.rows[index]);
    sum.partial.update().unroll(sum.rows[index]);
    sum.total.unroll(sum.rows[index]);
  }
  order.push_back(sum.step);
  sum.partial.update().reorder(order);
}

void OutputSchedule::placeInTile(Helper &helper) {
  if (!helper.reads(rank - 1))
    return placeInRow(helper, Halide::LoopLevel(output.func, rowPosition >= 0 ? rowOuter : columnOuter));
  if (helper.kind == Helper::Kind::elementSum)
    return placeElementSum(helper);
  placeReduction(helper);
}

void OutputSchedule::scheduleTiles() {
  bool sums = false, ragged = false;
  for (const Helper &helper : helpers) {
    sums |= helper.kind == Helper::Kind::elementSum;
    ragged |= helper.stage->isRagged;
    for (int position : helper.positions)
      if (position < rank - 1 && position >= 0 && constantOf(output.extents[position]) != 1)
        rowPosition = std::max(rowPosition, position);
  }
  std::optional<int64_t> width = constantOf(output.extents.back());
  int lanes = lanesFor(width.value_or(shape.lanes));
  // The accumulator of a sum is a vector for each column; else it is one for `lanes` columns.
  auto columnsOf = [&](int64_t accumulators) -> int {
    int64_t unit = sums ? 1 : lanes;
    return unit * (width ? std::min(accumulators, *width / unit) : accumulators);
  };
  int columns = columnsOf(sums ? 4 : shape.tileVectors), wide = columnsOf(kSingleRowAccumulators);
  int rows = sums ? shape.sumRows : shape.tileRows;
  if (rowPosition >= 0)
    rows = std::min<int64_t>(rows, constantOf(output.extents[rowPosition]).value_or(rows));
  // Rows that reduce over different ranges share no loop.
  if (ragged)
    rows = 1;
  SmallVector<Branch> all = branches(columns, rows, wide);
  addPackedBranch(all);
  for (const Branch &branch : all)
    applyTile(branch.condition.defined() ? output.func.specialize(branch.condition)
                                         : Halide::Stage(output.func),
              branch);
  for (Helper &helper : helpers)
    placeInTile(helper);
}

void OutputSchedule::run() {
  if (output.stage >= 0) {
    Stage &stage = kernel.stages[output.stage];
    if (stage.schedule)
      return stage.schedule(stage, shape);
    if (stage.isScan)
      return scheduleScan(stage);
  }
  if (scheduleLinear(kernel, output, shape))
    return;
  collectHelpers();
  bool tiled =
      rank > 0 && llvm::any_of(helpers, [&](const Helper &helper) { return helper.reads(rank - 1); });
  tiled ? scheduleTiles() : scheduleRows();
}

void halyard::kernels::scheduleForCpu(Kernel &kernel, const CpuShape &shape) {
  if (scheduleRowsTogether(kernel, shape))
    return;
  for (Output &output : kernel.outputs)
    OutputSchedule(kernel, output, shape).run();
}

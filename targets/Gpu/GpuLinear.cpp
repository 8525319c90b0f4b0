// Linear layers on a GPU. A block of threads computes a panel of columns of one row, or of a tile of rows.
// Threads stand in two dimensions, columns and blocks of terms: each thread sums the products of its block of
// terms for one column and all rows of the tile, in registers, and puts the sums into shared memory, where
// one thread for each result adds them up in the order of the blocks. The order is the same for one row and
// for many, so which tile computes a row makes no difference to its result.
//
// Where there are rows for tensor cores, a block of threads computes a larger block of rows and columns by
// functions of the device (TensorTile), and finishes its elements two rows at a time.
#include "targets/Gpu/GpuSchedule.h"

#include "targets/Common/Schedules/AccessPattern.h"

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::MemoryType;
using Halide::TailStrategy;
using Halide::Var;

/// Rows of a tile, where there are as many.
static constexpr int kTileRows = 8;
/// Blocks of terms that are summed side by side, at most.
static constexpr int kTermThreads = 16;

namespace {
class GpuLinear {
public:
  GpuLinear(LinearSum &sum, Output &output, int rowPosition)
      : sum(sum), output(output), rowPosition(rowPosition) {}

  void run();

private:
  void applyTile(Halide::Stage stage, int rows);
  void applyTensorTile(Halide::Stage stage);
  void placeBlocks(Halide::Stage stage, std::vector<Halide::VarOrRVar> inner);
  void placeTotals();
  void placeSums();
  void placeWidened(Halide::Func widened, const Halide::LoopLevel &level);
  void placeTensorTile();

  LinearSum &sum;
  Output &output;
  int rowPosition;
  Var panel{"panel"}, lane{"lane"}, tile{"tile"}, rowInner{"rowInner"}, turn{"turn"};
};
} // namespace

/// Loops of one branch, outermost first: other dimensions, tiles of rows, panels, the tile.
void GpuLinear::applyTile(Halide::Stage stage, int rows) {
  Var column = output.vars.back(), row = output.vars[rowPosition];
  stage.split(column, panel, lane, sum.lanes, TailStrategy::GuardWithIf)
      .split(row, tile, rowInner, rows, TailStrategy::GuardWithIf);
  placeBlocks(stage, {lane, rowInner});
}

/// Threads of which those beside each other take columns beside each other.
void GpuLinear::applyTensorTile(Halide::Stage stage) {
  Var column = output.vars.back(), row = output.vars[rowPosition];
  stage.split(column, panel, lane, TensorTile::kColumns, TailStrategy::GuardWithIf)
      .split(row, tile, rowInner, TensorTile::kRows, TailStrategy::GuardWithIf)
      .split(rowInner, turn, rowInner, TensorTile::kThreadsY);
  placeBlocks(stage, {turn, lane, rowInner});
}

/// `order` are the loops of a block, innermost first.
void GpuLinear::placeBlocks(Halide::Stage stage, std::vector<Halide::VarOrRVar> order) {
  order.insert(order.end(), {panel, tile});
  std::vector<Var> others;
  for (int position = output.vars.size() - 2; position >= 0; --position)
    if (position != rowPosition)
      others.push_back(output.vars[position]);
  order.insert(order.end(), others.begin(), others.end());
  stage.reorder(order);
  for (size_t index = 1; index < others.size(); ++index)
    stage.fuse(others.front(), others[index], others.front());
  stage.gpu_threads(lane, rowInner);
  others.empty() ? stage.gpu_blocks(panel, tile) : stage.gpu_blocks(panel, tile, others.front());
}

/// Sums of all blocks of terms, a thread for each.
void GpuLinear::placeTotals() {
  Halide::Func results = sum.total.in();
  results.compute_at(output.func, panel)
      .store_in(MemoryType::GPUShared)
      .bound_extent(sum.lane, sum.lanes)
      .split(sum.row, turn, rowInner, kTileRows, TailStrategy::GuardWithIf)
      .reorder(sum.lane, rowInner, turn, sum.vector)
      .gpu_threads(sum.lane, rowInner);
  sum.total.compute_at(results, sum.lane).store_in(MemoryType::Register);
}

void GpuLinear::placeSums() {
  Var terms = sum.partial.args().back();
  Halide::Func shared = sum.partial.in(sum.total);
  shared.compute_at(output.func, panel)
      .store_in(MemoryType::GPUShared)
      .bound_extent(sum.lane, sum.lanes)
      .split(terms, turn, terms, kTermThreads, TailStrategy::GuardWithIf);
  std::vector<Halide::VarOrRVar> order{sum.row, sum.vector, sum.lane, terms, turn};
  if (sum.half)
    order.insert(order.begin(), *sum.half);
  shared.reorder(order).gpu_threads(sum.lane, terms);
  // A thread has all rows of the tile in registers.
  sum.partial.compute_at(shared, sum.vector).store_in(MemoryType::Register);
  std::vector<Halide::VarOrRVar> inner{sum.row, sum.group};
  if (sum.half)
    inner.insert(inner.begin(), *sum.half);
  if (sum.term)
    inner.insert(inner.begin(), *sum.term);
  if (sum.nibble)
    inner.insert(inner.end() - 1, *sum.nibble);
  sum.partial.unroll(sum.row).update().reorder(inner).unroll(sum.row);
  for (Halide::Stage stage : {Halide::Stage(shared)})
    stage.unroll(sum.row);
  if (!sum.wideWeight)
    return;
  sum.partial.update().unroll(*sum.term);
  placeWidened(*sum.wideWeight, {sum.partial, sum.group});
  placeWidened(*sum.wideInput, {sum.partial, sum.row});
}

/// A group of terms, loaded in vectors.
void GpuLinear::placeWidened(Halide::Func widened, const Halide::LoopLevel &level) {
  constexpr int kVector = 4; // of f16, 64 bits, the longest that Halide has for GPUs
  Var term = widened.args().front(), part("part");
  widened.compute_at(level)
      .store_in(MemoryType::Register)
      .bound_extent(term, sum.terms)
      .split(term, part, term, kVector)
      .vectorize(term)
      .unroll(part);
}

/// Every thread of a block has its part, whatever the block's rows and columns.
void GpuLinear::placeTensorTile() {
  Halide::Func threads = sum.tensorTile->tile;
  std::vector<Var> arguments = threads.args();
  threads.compute_at(output.func, panel)
      .store_in(MemoryType::GPUShared)
      .bound(arguments[0], 0, TensorTile::kThreadsX)
      .bound(arguments[1], 0, TensorTile::kThreadsY)
      .bound_extent(arguments[2], 1)
      .bound_extent(arguments[3], 1)
      .gpu_threads(arguments[0], arguments[1]);
}

void GpuLinear::run() {
  Expr rows = output.extents[rowPosition];
  auto known = Halide::Internal::as_const_int(rows);
  if (sum.tensorTile) {
    placeTensorTile();
    if (Halide::Internal::is_const_one(sum.tensorTile->condition))
      return applyTensorTile(output.func);
    applyTensorTile(output.func.specialize(sum.tensorTile->condition));
  }
  if (!known)
    applyTile(output.func.specialize(rows >= kTileRows), kTileRows);
  applyTile(output.func, known && *known >= kTileRows ? kTileRows : 1);
  placeTotals();
  placeSums();
}

/// Halide decides what holds in a branch before it inlines. So what is inlined stands in the output's own
/// definition already, and no branch has what another one reads.
static void inlineStages(const Kernel &kernel, Output &output) {
  for (const Stage &stage : llvm::reverse(kernel.stages)) {
    if (stage.func.name() == output.func.name())
      continue;
    stage.func.function().lock_loop_levels(); // which have no others than to be inlined
    Halide::Internal::inline_function(output.func.function(), stage.func.function());
  }
}

bool halyard::kernels::scheduleGpuLinear(Kernel &kernel, Output &output) {
  for (Stage &stage : kernel.stages) {
    if (!stage.linear || output.vars.size() < 2)
      continue;
    auto access = accessPattern(output.func, stage.linear->total);
    if (!access && stage.linear->tensorTile)
      access = accessPattern(output.func, stage.linear->tensorTile->sums);
    if (!access)
      continue;
    Expr column = output.vars.back();
    const auto *row = access->back().as<Halide::Internal::Variable>();
    auto position =
        llvm::find_if(output.vars, [&](const Var &var) { return row && row->name == var.name(); });
    if (!Halide::Internal::equal((*access)[1], Halide::Internal::simplify(column / stage.linear->lanes)) ||
        position == output.vars.end() || position + 1 == output.vars.end())
      continue;
    if (stage.linear->tensorTile)
      inlineStages(kernel, output);
    GpuLinear(*stage.linear, output, position - output.vars.begin()).run();
    return true;
  }
  return false;
}

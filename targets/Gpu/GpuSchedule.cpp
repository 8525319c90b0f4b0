// What an output reads says how it is computed. If helpers hold values of a whole row (statistics), a block
// of threads computes one row, and helpers lie in its shared memory. Otherwise each thread computes one
// element, with all that this needs in its registers. Linear layers and attention have schedules of their
// own.
#include "targets/Gpu/GpuSchedule.h"

#include "targets/Common/Algorithms/AttentionOperands.h"
#include "targets/Common/Schedules/AccessPattern.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::MemoryType;
using Halide::TailStrategy;
using Halide::Var;

/// Threads of a block.
static constexpr int kThreads = 128;

namespace {
class GpuOutput {
public:
  GpuOutput(Kernel &kernel, Output &output) : kernel(kernel), output(output), rank(output.vars.size()) {}

  void run();

private:
  template <typename Place> void forEachHelper(Place &&place);
  bool readsWholeRows();
  void scheduleScan(Stage &stage);
  void scheduleRows();
  void scheduleElements();
  int threadsOf(const Expr &extent, int most) const;

  Kernel &kernel;
  Output &output;
  int rank;
  Var thread{"thread"}, block{"block"}, rowThread{"rowThread"}, rowBlock{"rowBlock"};
};
} // namespace

/// Calls `place(Func, LaneSum or null)` for every Func that is neither inlined nor this output, if it is
/// read.
template <typename Place> void GpuOutput::forEachHelper(Place &&place) {
  auto consider = [&](Halide::Func func, LaneSum *sum) {
    if (accessPattern(output.func, func))
      place(func, sum);
  };
  for (auto [index, stage] : llvm::enumerate(kernel.stages)) {
    if ((stage.reduces() || stage.isKeptPerRow) && static_cast<int>(index) != output.stage)
      consider(stage.func, nullptr);
    if (stage.linear) {
      consider(stage.linear->total, nullptr);
      consider(stage.linear->partial, nullptr);
    }
    for (LaneSum &sum : stage.rowSums)
      consider(sum.total, &sum);
    for (Halide::Func &value : stage.rowValues)
      consider(value, nullptr);
  }
}

/// The largest power of two that the extent fills, at most `most`; extents that are not known fill all.
int GpuOutput::threadsOf(const Expr &extent, int most) const {
  auto known = Halide::Internal::as_const_int(Halide::Internal::simplify(extent));
  int threads = 1;
  while (threads < most && (!known || threads < *known))
    threads *= 2;
  return threads;
}

bool GpuOutput::readsWholeRows() {
  bool found = false;
  for (Stage &stage : kernel.stages) {
    for (LaneSum &sum : stage.rowSums)
      found |= accessPattern(output.func, sum.total).has_value();
    for (Halide::Func &value : stage.rowValues)
      found |= accessPattern(output.func, value).has_value();
  }
  return found && rank > 0;
}

/// A prefix sum: a thread for each feature goes through the rows.
void GpuOutput::scheduleScan(Stage &stage) {
  Var feature = stage.vars.back();
  scheduleElements();
  stage.func.update()
      .split(feature, block, thread, kThreads, TailStrategy::GuardWithIf)
      .reorder(stage.reductions.front(), thread, block)
      .gpu_blocks(block)
      .gpu_threads(thread);
}

/// A block for each row. What is read across the threads lies in its shared memory.
void GpuOutput::scheduleRows() {
  Var innermost = output.vars.back(), row = rank > 1 ? output.vars[rank - 2] : Var(rowBlock);
  if (rank > 1) {
    int threads = threadsOf(output.extents.back(), kThreads);
    output.func.split(innermost, block, thread, threads, TailStrategy::GuardWithIf)
        .reorder(block, thread, row)
        .gpu_blocks(row)
        .gpu_threads(thread);
  } else {
    output.func.split(innermost, row, thread, 1).gpu_blocks(row).gpu_threads(thread);
  }
  Halide::LoopLevel level(output.func, row);
  forEachHelper([&](Halide::Func func, LaneSum *sum) {
    func.compute_at(level).store_in(MemoryType::GPUShared);
    if (!sum)
      return;
    sum->partial.compute_at(level).store_in(MemoryType::GPUShared).gpu_threads(sum->lane);
    sum->partial.update().reorder(sum->step, sum->lane).gpu_threads(sum->lane);
    if (func.num_update_definitions() > 1)
      func.update(1).unscheduled();
  });
}

/// A thread for each element. Threads beside each other have elements beside each other; short rows share a
/// block.
void GpuOutput::scheduleElements() {
  if (rank == 0) {
    output.func.gpu_single_thread();
    return;
  }
  Var innermost = output.vars.back();
  int threads = threadsOf(output.extents.back(), kThreads);
  output.func.split(innermost, block, thread, threads, TailStrategy::GuardWithIf);
  if (rank == 1) {
    output.func.gpu_blocks(block).gpu_threads(thread);
  } else {
    Var row = output.vars[rank - 2];
    int rows = threadsOf(output.extents[rank - 2], kThreads / threads);
    output.func.split(row, rowBlock, rowThread, rows, TailStrategy::GuardWithIf);
    std::vector<Halide::VarOrRVar> order{thread, rowThread, block, rowBlock};
    for (int position = rank - 3; position >= 0; --position)
      order.push_back(output.vars[position]);
    output.func.reorder(order);
    for (int position = rank - 4; position >= 0; --position)
      output.func.fuse(output.vars[rank - 3], output.vars[position], output.vars[rank - 3]);
    if (rank > 2)
      output.func.gpu_blocks(block, rowBlock, output.vars[rank - 3]);
    else
      output.func.gpu_blocks(block, rowBlock);
    output.func.gpu_threads(thread, rowThread);
  }
  forEachHelper([&](Halide::Func func, LaneSum *sum) {
    func.compute_at(output.func, thread).store_in(MemoryType::Register);
    if (sum)
      sum->partial.compute_at(output.func, thread).store_in(MemoryType::Register);
  });
}

void GpuOutput::run() {
  if (output.stage >= 0) {
    Stage &stage = kernel.stages[output.stage];
    if (isa<seq::AttentionOp>(stage.op))
      return stage.schedule(stage, CpuShape());
    if (stage.isScan)
      return scheduleScan(stage);
  }
  if (scheduleGpuLinear(kernel, output))
    return;
  readsWholeRows() ? scheduleRows() : scheduleElements();
}

/// What there are no schedules for is said before Halide stumbles over it.
static void checkKernel(const Kernel &kernel) {
  for (const Stage &stage : kernel.stages)
    if (stage.areResultsApart)
      throw Halide::CompileError("activations of 8 bits are not computed on GPUs yet; use --kv f32");
  for (const Output &output : kernel.outputs)
    for (Halide::Type type : output.func.types())
      if (type.is_bfloat())
        throw Halide::CompileError(
            "values of bf16 are not computed on GPUs yet; use --weights f32 and --kv f32");
}

void halyard::kernels::scheduleForGpu(Kernel &kernel, const CpuShape &) {
  checkKernel(kernel);
  for (Output &output : kernel.outputs)
    GpuOutput(kernel, output).run();
}

// What is kept of a row (normalised features, its largest element) lies on the stack while all results of the
// row are written from it.
#include "targets/Common/Schedules/RowSchedule.h"

#include "targets/Common/Schedules/StackStorage.h"

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::TailStrategy;
using Halide::Var;

/// Elements that one task computes.
static constexpr int64_t kTaskElements = 8192;

namespace {
class RowSchedule {
public:
  RowSchedule(Kernel &kernel, const CpuShape &shape)
      : kernel(kernel), shape(shape), leader(kernel.outputs.front()), level(leader.func, Var(kRow)) {}

  void run();

private:
  static constexpr const char *kRow = "row", *kTask = "task";

  void joinOutput(Output &output, int rowsPerTask);
  void keep(Stage &stage);
  void vectorize(Halide::Func func, Var innermost, const Expr &extent) const;

  Kernel &kernel;
  const CpuShape &shape;
  Output &leader;
  Halide::LoopLevel level;
};
} // namespace

/// Vectors along the features; a width that is no multiple recomputes at its end, or is predicated if it is
/// less than a vector.
void RowSchedule::vectorize(Halide::Func func, Var innermost, const Expr &extent) const {
  auto width = Halide::Internal::as_const_int(extent);
  bool fits = width && *width >= shape.lanes;
  func.vectorize(innermost, shape.lanes, fits ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf);
}

/// All outputs have the rows of the first, split alike, which lets their loops be one.
void RowSchedule::joinOutput(Output &output, int rowsPerTask) {
  std::vector<Halide::OutputImageParam> buffers = output.func.output_buffers();
  for (Halide::OutputImageParam &buffer : buffers)
    buffer.dim(output.vars.size() - 1).set_extent(leader.extents.front());
  if (output.vars.size() > 1)
    vectorize(output.func, output.vars.back(), output.extents.back());
  Var row(kRow), task(kTask);
  output.func.split(output.vars.front(), task, row, rowsPerTask, TailStrategy::GuardWithIf).parallel(task);
  if (&output != &leader)
    output.func.compute_with(leader.func, row);
}

/// Computes a stage's Func and its helpers once per row.
void RowSchedule::keep(Stage &stage) {
  for (LaneSum &sum : stage.rowSums) {
    sum.computeAt(level);
    sum.partial.bound_extent(sum.rows.front(), 1);
    sum.total.bound_extent(sum.rows.front(), 1);
  }
  for (Halide::Func &value : stage.rowValues)
    value.compute_at(level).store_in(kStackStorage).bound_extent(value.args().front(), 1);
  if (!stage.isKeptPerRow)
    return;
  stage.func.compute_at(level).store_in(kStackStorage).bound_extent(stage.vars.front(), 1);
  if (stage.vars.size() < 2)
    return;
  stage.func.bound(stage.vars.back(), 0, stage.extents.back());
  vectorize(stage.func, stage.vars.back(), stage.extents.back());
}

void RowSchedule::run() {
  int64_t widest = 1;
  for (const Output &output : kernel.outputs)
    if (output.vars.size() > 1)
      widest = std::max<int64_t>(widest, Halide::Internal::as_const_int(output.extents.back()).value_or(1));
  int rowsPerTask = std::max<int64_t>(1, kTaskElements / widest);
  for (Output &output : kernel.outputs)
    joinOutput(output, rowsPerTask);
  for (Stage &stage : kernel.stages)
    keep(stage);
}

bool halyard::kernels::scheduleRowsTogether(Kernel &kernel, const CpuShape &shape) {
  bool applies = llvm::any_of(kernel.stages, [](const Stage &stage) { return stage.areResultsApart; });
  if (applies)
    RowSchedule(kernel, shape).run();
  return applies;
}

// Binding times as a sparse forward dataflow analysis: the lattice is the chain const < source < step and the
// transfer function is the join over operands and over the values that an operation's regions capture
// (gathers from inside a linalg body).
#include "passes/Analysis/BindingTime.h"

#include "dialects/Seq/IR/Seq.h"
#include "mlir/Analysis/DataFlow/ConstantPropagationAnalysis.h"
#include "mlir/Analysis/DataFlow/DeadCodeAnalysis.h"
#include "mlir/Analysis/DataFlow/SparseAnalysis.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::dataflow;

namespace halyard {
namespace {

struct TimeValue {
  BindingTime time = BindingTime::constant;

  static TimeValue join(const TimeValue &a, const TimeValue &b) { return {std::max(a.time, b.time)}; }
  bool operator==(const TimeValue &other) const { return time == other.time; }
  void print(raw_ostream &os) const { os << stringify(time); }
};

using TimeLattice = Lattice<TimeValue>;

class Analysis : public SparseForwardDataFlowAnalysis<TimeLattice> {
public:
  Analysis(DataFlowSolver &solver, const DenseMap<Value, BindingTime> &seeds)
      : SparseForwardDataFlowAnalysis(solver), seeds(seeds) {}

  LogicalResult visitOperation(Operation *op, ArrayRef<const TimeLattice *> operands,
                               ArrayRef<TimeLattice *> results) override {
    TimeValue time{ownTime(op)};
    for (const TimeLattice *operand : operands)
      time = TimeValue::join(time, operand->getValue());
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    for (Value value : captured)
      time = TimeValue::join(time, getLatticeElementFor(getProgramPointAfter(op), value)->getValue());
    for (TimeLattice *result : results)
      propagateIfChanged(result, result->join(time));
    return success();
  }

  void setToEntryState(TimeLattice *lattice) override {
    auto seed = seeds.find(lattice->getAnchor());
    propagateIfChanged(lattice,
                       lattice->join(TimeValue{seed == seeds.end() ? BindingTime::constant : seed->second}));
  }

private:
  static BindingTime ownTime(Operation *op) {
    if (auto length = dyn_cast<seq::LengthOp>(op))
      return length.getAxis() == seq::Axis::source ? BindingTime::source : BindingTime::step;
    if (auto extents = dyn_cast<seq::ExtentsOp>(op)) {
      if (extents.getMap().isFunctionOfSymbol(1))
        return BindingTime::step;
      return extents.getMap().isFunctionOfSymbol(0) ? BindingTime::source : BindingTime::constant;
    }
    if (isa<seq::CacheAppendOp>(op))
      return BindingTime::step;
    return isa<seq::LoadOp>(op) ? BindingTime::source : BindingTime::constant;
  }

  const DenseMap<Value, BindingTime> &seeds;
};

} // namespace

llvm::StringRef stringify(BindingTime time) {
  switch (time) {
  case BindingTime::constant:
    return "const";
  case BindingTime::source:
    return "source";
  case BindingTime::step:
    return "step";
  }
  return "";
}

BindingTimes::BindingTimes(Operation *stage, ArrayRef<BindingTime> arguments) {
  DenseMap<Value, BindingTime> seeds;
  for (auto [argument, time] : llvm::zip_equal(stage->getRegion(0).getArguments(), arguments))
    seeds[argument] = time;
  DataFlowSolver solver;
  solver.load<DeadCodeAnalysis>();
  solver.load<SparseConstantPropagation>();
  solver.load<Analysis>(seeds);
  if (failed(solver.initializeAndRun(stage)))
    return;
  auto record = [&](Value value) {
    const auto *lattice = solver.lookupState<TimeLattice>(value);
    times[value] = lattice ? lattice->getValue().time : BindingTime::step;
  };
  llvm::for_each(stage->getRegion(0).getArguments(), record);
  stage->walk([&](Operation *op) { llvm::for_each(op->getResults(), record); });
}

BindingTime BindingTimes::of(Value value) const {
  auto found = times.find(value);
  return found == times.end() ? BindingTime::step : found->second;
}

BindingTime BindingTimes::of(Operation *op) const {
  BindingTime time = BindingTime::constant;
  for (Value value : op->getNumResults() ? ValueRange(op->getResults()) : ValueRange(op->getOperands()))
    time = std::max(time, of(value));
  return time;
}

} // namespace halyard

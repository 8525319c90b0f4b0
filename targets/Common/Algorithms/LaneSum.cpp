// A horizontal addition per vector of input would cost more than the addition itself, so lanes are only added
// up once per sum.
#include "targets/Common/Algorithms/LaneSum.h"
#include "targets/Common/Schedules/StackStorage.h"

using namespace halyard::kernels;
using Halide::Expr;

LaneSum::LaneSum(const std::string &name, const std::vector<Halide::Var> &rows, Expr extent, int lanes,
                 const Term &term, Kind kind)
    : partial(name + "_lanes"), total(name), lane(Halide::Internal::unique_name("lane")), rows(rows),
      lanes(lanes), extent(extent) {
  std::vector<Expr> rowIndices(rows.begin(), rows.end());
  std::vector<Expr> laneIndices{lane};
  laneIndices.insert(laneIndices.end(), rowIndices.begin(), rowIndices.end());

  auto add = [kind](Halide::FuncRef sum, const Expr &value) {
    sum = kind == Kind::sum ? Expr(sum) + value : Halide::max(Expr(sum), value);
  };
  Expr blocks = Halide::Internal::simplify(extent / lanes);
  Halide::RDom whole(0, blocks);
  step = whole.x;
  Expr value = term(rowIndices, whole.x * lanes + lane);
  partial(laneIndices) = Halide::cast(value.type(), 0);
  add(partial(laneIndices), value);

  Halide::RDom ofLanes(0, lanes);
  across = ofLanes.x;
  std::vector<Expr> acrossIndices{ofLanes.x};
  acrossIndices.insert(acrossIndices.end(), rowIndices.begin(), rowIndices.end());
  total(rowIndices) = Halide::cast(value.type(), 0);
  add(total(rowIndices), partial(acrossIndices));

  Expr rest = Halide::Internal::simplify(extent - blocks * lanes);
  if (Halide::Internal::is_const_zero(rest))
    return;
  Halide::RDom tail(blocks * lanes, rest);
  add(total(rowIndices), term(rowIndices, tail.x));
}

void LaneSum::computeAt(const Halide::LoopLevel &level) {
  total.compute_at(level).store_in(kStackStorage);
  partial.compute_at(level).store_in(kStackStorage).vectorize(lane);
  partial.update().reorder(lane, step).vectorize(lane);
  total.update().atomic().vectorize(across);
  if (total.num_update_definitions() > 1)
    total.update(1).unscheduled();
}

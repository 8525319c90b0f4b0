// A horizontal addition per vector of input would cost more than the addition itself, so lanes are only added
// up once per sum.
#include "targets/Common/Algorithms/LaneSum.h"
#include "targets/Common/Schedules/StackStorage.h"

using namespace halyard::kernels;
using Halide::Expr;

Expr halyard::kernels::inPairs(std::vector<Expr> values, const std::function<Expr(Expr, Expr)> &combine) {
  while (values.size() > 1) {
    std::vector<Expr> halves;
    for (size_t i = 0; i < values.size(); i += 2)
      halves.push_back(i + 1 < values.size() ? combine(values[i], values[i + 1]) : values[i]);
    values = std::move(halves);
  }
  return values.front();
}

LaneSum::LaneSum(const std::string &name, const std::vector<Halide::Var> &rows, Expr extent,
                 const CpuShape &shape, const Term &given, Kind kind)
    : partial(name + "_lanes"), total(name), lane(Halide::Internal::unique_name("lane")), rows(rows),
      lanes(shape.partialSums()), extent(extent), kind(kind) {
  std::vector<Expr> rowIndices(rows.begin(), rows.end());
  std::vector<Expr> laneIndices{lane};
  laneIndices.insert(laneIndices.end(), rowIndices.begin(), rowIndices.end());

  auto combined = [kind](Expr sum, Expr value) {
    return kind == Kind::sum ? sum + value : Halide::max(sum, value);
  };
  auto term = [&](const std::vector<Expr> &of, Expr k) {
    Expr value = given(of, std::move(k));
    return kind == Kind::sum ? value : Halide::reinterpret<int32_t>(value);
  };
  Expr value = term(rowIndices, lane);
  // As many vectors of sums again of what needs twice as many, where that leaves nothing over: an addition
  // has to wait for the one before it.
  auto count = Halide::Internal::as_const_int(Halide::Internal::simplify(extent));
  if (value.type().bits() == 64 && !shape.isDeterministic && count && *count % (2 * lanes) == 0)
    lanes *= 2;
  Expr blocks = Halide::Internal::simplify(extent / lanes);
  Halide::RDom whole(0, blocks);
  step = whole.x;
  value = term(rowIndices, whole.x * lanes + lane);
  partial(laneIndices) = Halide::cast(value.type(), 0);
  partial(laneIndices) = combined(partial(laneIndices), value);

  auto ofLane = [&](Expr index) -> Expr {
    std::vector<Expr> indices{std::move(index)};
    indices.insert(indices.end(), rowIndices.begin(), rowIndices.end());
    return partial(indices);
  };
  if (shape.isDeterministic) {
    std::vector<Expr> values;
    for (int i = 0; i < lanes; ++i)
      values.push_back(ofLane(i));
    total(rowIndices) = inPairs(values, combined);
  } else {
    Halide::RDom ofLanes(0, lanes);
    across = ofLanes.x;
    total(rowIndices) = Halide::cast(value.type(), 0);
    total(rowIndices) = combined(total(rowIndices), ofLane(ofLanes.x));
  }

  Expr rest = Halide::Internal::simplify(extent - blocks * lanes);
  if (Halide::Internal::is_const_zero(rest))
    return;
  Halide::RDom tail(blocks * lanes, rest);
  total(rowIndices) = combined(total(rowIndices), term(rowIndices, tail.x));
}

void LaneSum::computeAt(const Halide::LoopLevel &level) {
  total.compute_at(level).store_in(kStackStorage);
  partial.compute_at(level).store_in(kStackStorage).vectorize(lane);
  partial.update().reorder(lane, step).vectorize(lane);
  if (across)
    total.update().atomic().vectorize(*across);
  for (int tail = across ? 1 : 0; tail < total.num_update_definitions(); ++tail)
    total.update(tail).unscheduled();
}

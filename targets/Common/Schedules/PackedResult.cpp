// Two forms. In pairs of rows, what is read side by side is stored two elements apart: vectors of several
// rows are stored in turns. In pairs of features, a pair is read and stored at once, and the next one goes a
// panel of keys further: pairs are the innermost loop, unrolled, whose addresses are constants apart.
#include "targets/Common/Schedules/PackedResult.h"

#include "targets/Common/Schedules/AccessPattern.h"

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;
using Halide::Var;
using Halide::Internal::Interval;

/// Innermost extents that a vector is made of several of.
static constexpr int kNarrow = 4;
/// Steps of the loop over pairs that are unrolled at most.
static constexpr int kUnrolledSteps = 64;

static std::optional<int64_t> constantOf(const Expr &expr) {
  auto value = Halide::Internal::as_const_int(expr);
  return value ? std::optional<int64_t>(*value) : std::nullopt;
}

/// How far an index moves with each step of an output's variable; none if that is not constant. Within the
/// output's extents, as indices are made to lie within the argument.
static std::optional<int64_t> strideOf(const Expr &index, const Var &var, const Output &output) {
  Halide::Internal::Scope<Interval> bounds;
  for (auto [each, extent] : llvm::zip_equal(output.vars, output.extents)) {
    std::optional<int64_t> known = constantOf(extent);
    int64_t last = known.value_or(1) - (each.same_as(var) ? 2 : 1);
    bounds.push(each.name(), {0, known ? Expr(static_cast<int32_t>(last)) : Interval::pos_inf()});
  }
  Expr next = Halide::Internal::substitute(var.name(), Expr(var) + 1, index);
  return constantOf(Halide::Internal::simplify(next - index, /*remove_dead_code=*/true, bounds));
}

/// Pairs are the innermost loop.
static bool unrollPairs(Halide::Stage stage, const Output &output, const Expr &index, int64_t narrow,
                        int firstSerial) {
  const int last = static_cast<int>(output.vars.size()) - 1;
  for (int position = last - 1; position >= firstSerial; --position) {
    std::optional<int64_t> steps = constantOf(output.extents[position]);
    Var column = output.vars.back(), across = output.vars[position];
    if (!steps || *steps < 2 || *steps > kUnrolledSteps || strideOf(index, across, output) != narrow)
      continue;
    std::vector<Halide::VarOrRVar> order{column, across};
    for (int other = last - 1; other > position; --other)
      order.push_back(output.vars[other]);
    stage.reorder(order).vectorize(column).unroll(across);
    return true;
  }
  return false;
}

bool halyard::kernels::vectorizePackedResult(Halide::Stage stage, const Output &output, const CpuShape &shape,
                                             int firstSerial) {
  const int rank = static_cast<int>(output.vars.size());
  std::optional<int64_t> narrow = rank > 1 ? constantOf(output.extents.back()) : std::nullopt;
  if (rank - 2 < firstSerial || !narrow || *narrow < 2 || *narrow > kNarrow || shape.lanes <= *narrow ||
      output.func.outputs() != 1)
    return false;
  auto access = argumentAccess(output.func);
  if (!access || access->empty())
    return false;
  Expr index = access->front();
  Var column = output.vars.back(), next = output.vars[rank - 2];
  std::optional<int64_t> step = strideOf(index, column, output);
  if (step == 1)
    return unrollPairs(stage, output, index, *narrow, firstSerial);
  int64_t extent = constantOf(output.extents[rank - 2]).value_or(1);
  int lanes = std::min<int64_t>(extent, shape.lanes * 4 / output.func.type().bytes());
  if (step != 0 || lanes <= *narrow || extent % lanes != 0 || strideOf(index, next, output) != 1)
    return false;
  stage.reorder(column, next).vectorize(next, lanes).unroll(column);
  return true;
}

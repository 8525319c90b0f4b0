// A thread of a block does its part of the block's product, and everybody reads the sums after that.
#include "targets/Common/Algorithms/TensorTile.h"

using namespace halyard::kernels;
using Halide::Expr;
using Halide::Internal::Call;

/// Where the argument begins that an element was read from, through the Func that stands for it, and
/// converted.
static Expr beginOf(const Expr &element) {
  const Call *read = element.as<Halide::Internal::Cast>()->value.as<Call>();
  const Call *load = Halide::Internal::Function(read->func).values()[0].as<Call>();
  return Halide::Internal::Variable::make(Halide::Handle(), load->name, load->param);
}

/// Rows and columns beyond the last are computed from the last, and not read.
TensorTile halyard::kernels::defineTensorTile(const LinearSum &sum, const TensorView &input,
                                              const TensorView &weight, PanelCounts counts,
                                              const Expr &condition, const std::string &name) {
  TensorTile product{Halide::Func(name + "_sums"), Halide::Func(name + "_tile"), condition};
  Halide::Var x("x"), y("y"), columns("columns"), rows("rows");
  std::vector<Expr> arguments{beginOf(input.at({0, 0})),
                              beginOf(weight.at({0, 0, 0, 0})),
                              counts.groups,
                              input.extents[0],
                              counts.panels,
                              rows * TensorTile::kRows,
                              columns * TensorTile::kColumns,
                              x + y * TensorTile::kThreadsX};
  product.tile(x, y, columns, rows) = Call::make(Halide::Int(32), TensorTile::kTile, arguments, Call::Extern);
  Expr column = sum.vector * sum.lanes + sum.lane;
  Expr done = product.tile(0, 0, column / TensorTile::kColumns, sum.row / TensorTile::kRows);
  product.sums(sum.lane, sum.vector, sum.row) =
      Call::make(Halide::Float(32), TensorTile::kSum,
                 {done, sum.row % TensorTile::kRows, column % TensorTile::kColumns}, Call::PureExtern);
  return product;
}

// Recognition and translation of sums along a contiguous axis.
#include "targets/Common/Algorithms/SumOps.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;

/// The term of a body `yield(add(sum, term))`, or null.
static Value addedTerm(linalg::LinalgOp op) {
  if (op->getNumResults() != 1)
    return {};
  Operation *add = op.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  BlockArgument sum = op.getBlock()->getArguments().back();
  if (!add || !isa<arith::AddFOp, arith::AddIOp>(add) || !sum.hasOneUse())
    return {};
  if (add->getOperand(0) == sum)
    return add->getOperand(1);
  return add->getOperand(1) == sum ? add->getOperand(0) : Value();
}

bool halyard::kernels::isContiguousSum(linalg::LinalgOp op) {
  if (op.getNumReductionLoops() != 1 || !addedTerm(op))
    return false;
  SmallVector<unsigned> reductionDims;
  op.getReductionDims(reductionDims);
  AffineExpr axis = getAffineDimExpr(reductionDims.front(), op->getContext());
  AffineMap output = op.getIndexingMapsArray().back();
  AffineExpr innermost = output.getNumResults() ? output.getResults().back() : AffineExpr();
  if (!output.isProjectedPermutation(/*allowZeroInResults=*/true))
    return false;
  for (AffineMap map : ArrayRef(op.getIndexingMapsArray()).drop_back()) {
    if (map.getNumResults() == 0)
      continue;
    AffineExpr last = map.getResults().back();
    if (innermost && isa<AffineDimExpr>(innermost) &&
        last.isFunctionOfDim(cast<AffineDimExpr>(innermost).getPosition()))
      return false;
    if (map.isFunctionOfDim(reductionDims.front()) && last != axis)
      return false;
  }
  return true;
}

namespace {
/// Evaluates the term at given rows and position along the axis.
class SumTerm {
public:
  SumTerm(linalg::LinalgOp op, ArrayRef<TensorView> operands, ValueScope &outer)
      : op(op), operands(operands), outer(&outer), maps(op.getIndexingMapsArray()) {
    SmallVector<unsigned> dims;
    op.getReductionDims(dims);
    axis = dims.front();
  }

  Expr extent() const {
    Expr best;
    for (auto [map, view] : llvm::zip(maps, operands))
      for (auto [position, result] : llvm::enumerate(map.getResults()))
        if (auto dim = dyn_cast<AffineDimExpr>(result); dim && dim.getPosition() == axis)
          if (!best.defined() || Halide::Internal::is_const(view.extents[position]))
            best = view.extents[position];
    return best;
  }

  /// `rows` are the result's indices, innermost first. An undefined Expr if an error was emitted.
  Expr operator()(const std::vector<Expr> &rows, Expr k) {
    Exprs loops(op.getNumLoops(), Expr(0));
    for (auto [position, result] : llvm::enumerate(maps.back().getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(result))
        loops[dim.getPosition()] = rows[rows.size() - 1 - position];
    loops[axis] = k;
    ValueScope scope(outer->precision(), outer);
    scope.enterBody(op.getBlock(), loops);
    for (auto [index, argument] : llvm::enumerate(op.getBlock()->getArguments().drop_back())) {
      Exprs indices;
      for (AffineExpr result : maps[index].getResults())
        indices.push_back(translateAffine(result, loops, {}));
      if (!argument.use_empty())
        scope.define(argument, operands[index].at(indices));
    }
    FailureOr<Expr> value = scope.scalar(addedTerm(op));
    return succeeded(value) ? *value : Expr();
  }

private:
  linalg::LinalgOp op;
  ArrayRef<TensorView> operands;
  ValueScope *outer;
  SmallVector<AffineMap> maps;
  unsigned axis;
};
} // namespace

FailureOr<Stage> halyard::kernels::translateContiguousSum(linalg::LinalgOp op, ArrayRef<TensorView> operands,
                                                          ValueScope &outer, const CpuShape &shape,
                                                          const std::string &name) {
  SumTerm term(op, operands, outer);
  const TensorView &init = operands.back();
  Stage stage;
  stage.op = op;
  stage.func = Halide::Func(name);
  stage.extents = init.extents;
  for (int64_t dim = 0; dim < init.rank(); ++dim)
    stage.vars.emplace_back(Halide::Internal::unique_name("d" + std::to_string(dim)));
  Exprs indices(stage.vars.begin(), stage.vars.end());
  if (!term(reversed(indices), Expr(0)).defined())
    return failure();
  std::vector<Halide::Var> rows(stage.vars.rbegin(), stage.vars.rend());
  LaneSum sum(name + "_sum", rows, term.extent(), shape, term);
  stage.func(reversed(indices)) =
      toStorage(rounded(init.at(indices) + sum(reversed(indices)), init.elementType), init.elementType);
  stage.elementSums.push_back(sum);
  stage.results.push_back(viewOf(stage.func, 0, stage.extents, init.elementType));
  return stage;
}

// Translation of linalg operations. A reduction becomes a Func that starts as the init and is updated over an
// RDom by the body, whatever combiner the body holds; everything else is a pure definition.
#include "targets/Common/LinalgToHalide/LinalgOps.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;

namespace {
class LinalgTranslation {
public:
  LinalgTranslation(linalg::LinalgOp op, ArrayRef<TensorView> operands, ValueScope &outer,
                    Precision precision, const std::string &name, unsigned substituted,
                    const LoopReader &substitute)
      : op(op), operands(operands), outer(outer), precision(precision), maps(op.getIndexingMapsArray()),
        loops(op.getNumLoops()), loopExtents(op.getNumLoops()), func(name), substituted(substituted),
        substitute(substitute) {}

  FailureOr<Stage> run();

private:
  LogicalResult assignArguments();
  LogicalResult assignReductions();
  void findLoopExtents();
  Exprs indicesOf(unsigned operand) const;
  FailureOr<Exprs> body(bool isUpdate);
  Exprs inits();
  std::vector<Expr> arguments() const;
  void defineFunc(ArrayRef<Expr> values);
  Stage finish();

  linalg::LinalgOp op;
  ArrayRef<TensorView> operands;
  ValueScope &outer;
  Precision precision;
  SmallVector<AffineMap> maps;
  Exprs loops, loopExtents;
  Halide::Func func;
  SmallVector<Halide::Var, 4> vars;
  Exprs extents;
  SmallVector<Halide::RVar, 4> reductions;
  unsigned substituted;
  const LoopReader &substitute;
};
} // namespace

void LinalgTranslation::findLoopExtents() {
  for (auto [map, view] : llvm::zip(maps, operands)) {
    for (auto [position, result] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(result);
      if (!dim || !view.extents[position].defined())
        continue;
      Expr &extent = loopExtents[dim.getPosition()];
      if (!extent.defined() ||
          (!Halide::Internal::is_const(extent) && Halide::Internal::is_const(view.extents[position])))
        extent = view.extents[position];
    }
  }
}

/// The arguments of the Func are the results of the inits' map: loop variables, or 0 where an extent of 1 is
/// kept.
LogicalResult LinalgTranslation::assignArguments() {
  unsigned firstInit = op.getNumDpsInputs();
  AffineMap map = maps[firstInit];
  for (AffineMap other : ArrayRef(maps).drop_front(firstInit))
    if (other != map)
      return op.emitOpError(
          "has results that are indexed differently; a kernel computes them in separate operations");
  for (auto [position, result] : llvm::enumerate(map.getResults())) {
    Halide::Var var(Halide::Internal::unique_name("d" + std::to_string(position)));
    vars.push_back(var);
    auto dim = dyn_cast<AffineDimExpr>(result);
    if (dim && !loops[dim.getPosition()].defined()) {
      loops[dim.getPosition()] = var;
      extents.push_back(loopExtents[dim.getPosition()]);
    } else if (isa<AffineConstantExpr>(result)) {
      extents.push_back(Expr(1));
    } else {
      return op.emitOpError("has an init indexed by ")
             << AffineMapAttr::get(AffineMap::get(map.getNumDims(), 0, result))
             << "; a kernel needs a loop of its own for each dimension";
    }
  }
  return success();
}

LogicalResult LinalgTranslation::assignReductions() {
  std::vector<Halide::Range> ranges;
  SmallVector<unsigned> dims;
  for (int64_t dim = loops.size() - 1; dim >= 0; --dim) {
    if (loops[dim].defined())
      continue;
    if (!loopExtents[dim].defined())
      return op.emitOpError("has loop ") << dim << " whose extent no operand tells";
    ranges.emplace_back(Expr(0), loopExtents[dim]);
    dims.push_back(dim);
  }
  if (ranges.empty())
    return success();
  Halide::RDom domain(ranges);
  for (auto [position, dim] : llvm::enumerate(dims)) {
    loops[dim] = domain[position];
    reductions.push_back(domain[position]);
  }
  return success();
}

Exprs LinalgTranslation::indicesOf(unsigned operand) const {
  Exprs indices;
  for (AffineExpr result : maps[operand].getResults())
    indices.push_back(translateAffine(result, loops, {}));
  return indices;
}

std::vector<Expr> LinalgTranslation::arguments() const { return {vars.rbegin(), vars.rend()}; }

/// What the body yields, in storage types. In an update its init arguments are the Func itself.
FailureOr<Exprs> LinalgTranslation::body(bool isUpdate) {
  ValueScope scope(precision, &outer);
  scope.enterBody(op.getBlock(), loops);
  unsigned inputs = op.getNumDpsInputs();
  for (auto [index, argument] : llvm::enumerate(op.getBlock()->getArguments())) {
    if (argument.use_empty())
      continue;
    Type type = argument.getType();
    if (isUpdate && index >= inputs) {
      unsigned result = index - inputs;
      Halide::FuncRef self = func(arguments());
      scope.define(argument, fromStorage(func.outputs() == 1 ? Expr(self) : Expr(self[result]), type));
      continue;
    }
    bool isSubstituted = substitute && index == substituted;
    scope.define(argument, isSubstituted ? substitute(loops) : operands[index].at(indicesOf(index)));
  }
  Exprs values;
  for (Value yielded : op.getBlock()->getTerminator()->getOperands()) {
    FailureOr<Expr> value = scope.scalar(yielded);
    if (failed(value))
      return failure();
    values.push_back(toStorage(*value, yielded.getType()));
  }
  return values;
}

Exprs LinalgTranslation::inits() {
  Exprs values;
  Exprs indices(vars.begin(), vars.end());
  for (const TensorView &view : operands.drop_front(op.getNumDpsInputs()))
    values.push_back(toStorage(view.at(indices), view.elementType));
  return values;
}

void LinalgTranslation::defineFunc(ArrayRef<Expr> values) {
  std::vector<Expr> args = arguments();
  if (values.size() == 1)
    func(args) = values.front();
  else
    func(args) = Halide::Tuple(std::vector<Expr>(values.begin(), values.end()));
}

Stage LinalgTranslation::finish() {
  Stage stage;
  stage.op = op;
  stage.func = func;
  stage.vars = vars;
  stage.extents = extents;
  stage.reductions = reductions;
  for (auto [index, result] : llvm::enumerate(op->getResults()))
    stage.results.push_back(
        viewOf(func, index, extents, cast<RankedTensorType>(result.getType()).getElementType()));
  return stage;
}

FailureOr<Stage> LinalgTranslation::run() {
  findLoopExtents();
  if (failed(assignArguments()) || failed(assignReductions()))
    return failure();
  if (reductions.empty()) {
    FailureOr<Exprs> values = body(/*isUpdate=*/false);
    if (failed(values))
      return failure();
    defineFunc(*values);
    return finish();
  }
  defineFunc(inits());
  FailureOr<Exprs> values = body(/*isUpdate=*/true);
  if (failed(values))
    return failure();
  defineFunc(*values);
  return finish();
}

/// True if the body rounds anything: what it does is more than to compare and to choose.
static bool computesFloats(linalg::LinalgOp op) {
  return llvm::any_of(op.getBlock()->without_terminator(), [](Operation &inner) {
    bool chooses = isa<arith::SelectOp, arith::ConstantOp, arith::MaximumFOp, arith::MinimumFOp,
                       arith::MaxNumFOp, arith::MinNumFOp>(inner);
    return !chooses && llvm::any_of(inner.getResultTypes(), llvm::IsaPred<FloatType>);
  });
}

FailureOr<Stage> halyard::kernels::translateLinalg(linalg::LinalgOp op, ArrayRef<TensorView> operands,
                                                   ValueScope &outer, Precision precision,
                                                   const std::string &name, unsigned substituted,
                                                   const LoopReader &substitute) {
  if (op.getNumReductionLoops() > 0 && op->getNumResults() > 1) {
    if (precision == Precision::deterministic && computesFloats(op))
      return op.emitOpError("has no form that gives the same bits on every target"), failure();
    precision = Precision::relaxed;
  }
  return LinalgTranslation(op, operands, outer, precision, name, substituted, substitute).run();
}

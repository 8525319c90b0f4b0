// Which contractions are packed, and their second Func.
#include "targets/Common/Algorithms/PackedContraction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/Common/LinalgToHalide/ScalarOps.h"

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;

/// Rows from which packing pays.
static constexpr int kManyRows = 32;
/// A panel stays in the second-level cache, and on the stack of any thread.
static constexpr int64_t kPanelBytes = 256 * 1024;

static std::optional<int64_t> constantOf(const Expr &expr) {
  auto value = Halide::Internal::as_const_int(expr);
  return value ? std::optional<int64_t>(*value) : std::nullopt;
}

namespace {
class Packing {
public:
  Packing(linalg::LinalgOp op, ArrayRef<TensorView> operands, const CpuShape &shape, Stage &stage)
      : op(op), operands(operands), shape(shape), stage(stage), maps(op.getIndexingMapsArray()) {}

  bool applies();
  LogicalResult add(ValueScope &outer);

private:
  SmallVector<unsigned> definePanel(PackedVariant &packed);
  bool findLoops();
  bool choosePanel();
  Expr extentOf(unsigned loop) const;

  linalg::LinalgOp op;
  ArrayRef<TensorView> operands;
  const CpuShape &shape;
  Stage &stage;
  SmallVector<AffineMap> maps;
  unsigned columnLoop = 0, rowLoop = 0, packedOperand = 0;
  SmallVector<unsigned> reductionLoops;
  int vectors = 0;
};
} // namespace

Expr Packing::extentOf(unsigned loop) const {
  Expr best;
  for (auto [map, view] : llvm::zip(maps, operands))
    for (auto [position, result] : llvm::enumerate(map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(result); dim && dim.getPosition() == loop)
        if (!best.defined() || constantOf(view.extents[position]))
          best = view.extents[position];
  return best;
}

/// Columns are the innermost loop of the result, rows the next outer one that has more than one index.
bool Packing::findLoops() {
  AffineMap output = maps.back();
  if (output.getNumResults() < 2 || !output.isProjectedPermutation(/*allowZeroInResults=*/true))
    return false;
  auto innermost = dyn_cast<AffineDimExpr>(output.getResults().back());
  if (!innermost)
    return false;
  columnLoop = innermost.getPosition();
  for (int64_t position = output.getNumResults() - 2; position >= 0; --position) {
    auto dim = dyn_cast<AffineDimExpr>(output.getResult(position));
    if (!dim || constantOf(extentOf(dim.getPosition())) == 1)
      continue;
    rowLoop = dim.getPosition();
    for (unsigned operand : {0u, 1u}) {
      AffineMap packed = maps[operand], other = maps[1 - operand];
      if (packed.isFunctionOfDim(columnLoop) && !packed.isFunctionOfDim(rowLoop) &&
          other.isFunctionOfDim(rowLoop) && !other.isFunctionOfDim(columnLoop)) {
        packedOperand = operand;
        return true;
      }
    }
    return false;
  }
  return false;
}

/// As many vectors of columns as a panel may have.
bool Packing::choosePanel() {
  int64_t terms = 1;
  op.getReductionDims(reductionLoops);
  for (unsigned loop : reductionLoops) {
    std::optional<int64_t> extent = constantOf(extentOf(loop));
    if (!extent)
      return false;
    terms *= *extent;
  }
  std::optional<int64_t> width = constantOf(extentOf(columnLoop));
  vectors = shape.tileVectors;
  auto tooLarge = [&] {
    return terms * vectors * shape.lanes * 4 > kPanelBytes || (width && *width < vectors * shape.lanes);
  };
  while (vectors > 1 && tooLarge())
    vectors /= 2;
  std::optional<int64_t> height = constantOf(extentOf(rowLoop));
  return !tooLarge() && terms >= 4 && (!height || *height >= kManyRows);
}

bool Packing::applies() {
  if (shape.packedAccumulators == 0 || op->getNumResults() != 1 || op.getNumDpsInputs() != 2 ||
      op.getNumReductionLoops() == 0)
    return false;
  Operation *add = op.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  bool isSum = add && isa<arith::AddFOp, arith::AddIOp>(add);
  return isSum && findLoops() && choosePanel();
}

/// Defines the panel: the packed operand indexed by the loops it depends on, columns first. Returns these
/// loops.
SmallVector<unsigned> Packing::definePanel(PackedVariant &packed) {
  SmallVector<unsigned> loops{columnLoop};
  for (unsigned loop : llvm::reverse(reductionLoops))
    loops.push_back(loop);
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (maps[packedOperand].isFunctionOfDim(loop) && !llvm::is_contained(loops, loop))
      loops.push_back(loop);
  std::vector<Halide::Var> vars;
  Exprs allLoops(op.getNumLoops(), Expr(0));
  for (unsigned loop : loops) {
    vars.emplace_back(Halide::Internal::unique_name("p" + std::to_string(loop)));
    allLoops[loop] = vars.back();
    bool isReduction = llvm::is_contained(reductionLoops, loop);
    packed.panelExtents.push_back(loop == columnLoop ? packed.columns
                                  : isReduction      ? *constantOf(extentOf(loop))
                                                     : 1);
  }
  Exprs indices;
  for (AffineExpr result : maps[packedOperand].getResults())
    indices.push_back(translateAffine(result, allLoops, {}));
  packed.panel(vars) = operands[packedOperand].at(indices);
  return loops;
}

LogicalResult Packing::add(ValueScope &outer) {
  PackedVariant packed;
  packed.columns = vectors * shape.lanes;
  packed.rows = std::max(shape.packedAccumulators / vectors, 1);
  std::string name = stage.func.name() + "_packed";
  packed.panel = Halide::Func(name + "_panel");
  LoopReader read = [panel = packed.panel, loops = definePanel(packed)](ExprsRef all) -> Expr {
    std::vector<Expr> arguments;
    for (unsigned loop : loops)
      arguments.push_back(all[loop]);
    return panel(arguments);
  };
  FailureOr<Stage> second =
      translateLinalg(op, operands, outer, outer.precision(), name, packedOperand, read);
  if (failed(second))
    return failure();
  packed.func = second->func;
  packed.vars = second->vars;
  packed.reductions = second->reductions;
  Expr width = extentOf(columnLoop), height = extentOf(rowLoop);
  packed.condition = Halide::Internal::simplify(height >= kManyRows && width >= packed.columns);

  TensorView &direct = stage.results.front();
  TensorView alternative = second->results.front();
  if (Halide::Internal::is_const_one(packed.condition))
    direct.at = alternative.at;
  else
    direct.at = [direct = direct.at, alternative, condition = packed.condition](ExprsRef indices) {
      return Halide::select(condition, alternative.at(indices), direct(indices));
    };
  stage.packed = std::move(packed);
  return success();
}

LogicalResult halyard::kernels::addPackedVariant(linalg::LinalgOp op, ArrayRef<TensorView> operands,
                                                 ValueScope &outer, const CpuShape &shape, Stage &stage) {
  Packing packing(op, operands, shape, stage);
  return packing.applies() ? packing.add(outer) : success();
}

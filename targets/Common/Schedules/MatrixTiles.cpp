// Halide knows tile registers, but not how to keep several of them busy: of two rows of tiles and two columns
// every one that is loaded is used twice. That is a function of the runtime's (runtime/core/MatrixTiles.cpp),
// and a pass over the lowered loops finds where the sums of a tile of rows are computed and calls it instead.
#include "targets/Common/Schedules/MatrixTiles.h"

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/Schedules/FirstLoad.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using namespace Halide::Internal;
using Halide::Expr;

namespace {
/// A call of the runtime in place of what computes a Func. Both operands are given by where their buffers
/// begin and the bytes from there to the first element that is read.
struct TileCall {
  std::string result, left, right, function;
  /// What stands between the two operands, and after them.
  Expr leftRowBytes;
  std::vector<Expr> sizes;
};

class MatrixTileCalls : public IRMutator {
public:
  explicit MatrixTileCalls(std::vector<TileCall> calls) : calls(std::move(calls)) {}

private:
  using IRMutator::visit;
  Stmt visit(const ProducerConsumer *op) override;

  std::vector<TileCall> calls;
};
} // namespace

static Expr addressOf(const std::string &buffer) { return Variable::make(Halide::Handle(), buffer); }

/// Bytes from the start of a buffer to its first element that `loops` read.
static Expr firstByte(const Stmt &loops, const std::string &buffer) {
  FirstLoad first(buffer);
  loops.accept(&first);
  if (!first.index.defined())
    throw Halide::InternalError("the sums of tiles read nothing of " + buffer);
  return Halide::cast<int64_t>(simplify(substitute(first.starts, first.index))) * first.elementBytes;
}

Stmt MatrixTileCalls::visit(const ProducerConsumer *op) {
  for (const TileCall &call : calls) {
    if (!op->is_producer || op->name != call.result)
      continue;
    std::vector<Expr> arguments{addressOf(call.result),         addressOf(call.left),
                                firstByte(op->body, call.left), call.leftRowBytes,
                                addressOf(call.right),          firstByte(op->body, call.right)};
    arguments.insert(arguments.end(), call.sizes.begin(), call.sizes.end());
    Expr value = Call::make(Halide::Int(32), call.function, arguments, Call::Extern);
    return ProducerConsumer::make(op->name, true, Evaluate::make(value));
  }
  return IRMutator::visit(op);
}

static std::string argumentName(Value value) {
  return "arg" + std::to_string(cast<BlockArgument>(value).getArgNumber());
}

static TileCall callOf(seq::LinearOp linear, const MatrixTiles &tiles) {
  auto type = cast<RankedTensorType>(linear.getWeight().getType());
  int groups = type.getDimSize(1), columns = type.getDimSize(2);
  int64_t rowBytes = groups * type.getDimSize(3);
  return {tiles.sums.name(),
          argumentName(linear.getInput()),
          argumentName(linear.getWeight()),
          tiles.rows == MatrixTiles::kMany ? "halyard_tiles_multiply_bytes"
                                           : "halyard_tiles_multiply_few_bytes",
          make_const(Halide::Int(64), rowBytes),
          {columns, groups, tiles.groupsAtOnce}};
}

void halyard::kernels::addMatrixTiles(Halide::Pipeline &pipeline, const Kernel &kernel) {
  constexpr int kBfloatBytes = 2;
  std::vector<TileCall> calls;
  for (const Stage &stage : kernel.stages) {
    for (const MatrixTiles &tiles : stage.linear ? stage.linear->matrixTiles : std::vector<MatrixTiles>())
      calls.push_back(callOf(cast<seq::LinearOp>(stage.op), tiles));
    for (const MatrixProduct &product : stage.products)
      calls.push_back({product.result,
                       product.left,
                       product.right,
                       "halyard_tiles_multiply_bfloats",
                       make_const(Halide::Int(64), product.terms * kBfloatBytes),
                       {product.rows, product.terms}});
  }
  if (!calls.empty())
    pipeline.add_custom_lowering_pass(new MatrixTileCalls(std::move(calls)));
}

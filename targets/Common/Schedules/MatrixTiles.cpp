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
/// The sums of one layer, and what they are made of.
struct Layer {
  std::string sums, input, weight;
  int groups, groupsAtOnce, columns, rowBytes;
};

class MatrixTileCalls : public IRMutator {
public:
  explicit MatrixTileCalls(std::vector<Layer> layers) : layers(std::move(layers)) {}

private:
  using IRMutator::visit;
  Stmt visit(const ProducerConsumer *op) override;

  std::vector<Layer> layers;
};
} // namespace

static Expr addressOf(const std::string &buffer) { return Variable::make(Halide::Handle(), buffer); }

/// Bytes from the start of a buffer of bytes to its first element that `loops` read.
static Expr firstByte(const Stmt &loops, const std::string &buffer) {
  FirstLoad first(buffer);
  loops.accept(&first);
  if (!first.index.defined())
    throw Halide::InternalError("the sums of tiles read nothing of " + buffer);
  return Halide::cast<int64_t>(simplify(substitute(first.starts, first.index)));
}

Stmt MatrixTileCalls::visit(const ProducerConsumer *op) {
  for (const Layer &layer : layers) {
    if (!op->is_producer || op->name != layer.sums)
      continue;
    std::vector<Expr> arguments{addressOf(layer.sums),
                                addressOf(layer.input),
                                firstByte(op->body, layer.input),
                                make_const(Halide::Int(64), layer.rowBytes),
                                addressOf(layer.weight),
                                firstByte(op->body, layer.weight),
                                layer.columns,
                                layer.groups,
                                layer.groupsAtOnce};
    return ProducerConsumer::make(
        op->name, true,
        Evaluate::make(Call::make(Halide::Int(32), "halyard_tiles_multiply_bytes", arguments, Call::Extern)));
  }
  return IRMutator::visit(op);
}

static std::string argumentName(Value value) {
  return "arg" + std::to_string(cast<BlockArgument>(value).getArgNumber());
}

void halyard::kernels::addMatrixTiles(Halide::Pipeline &pipeline, const Kernel &kernel) {
  std::vector<Layer> layers;
  for (const Stage &stage : kernel.stages) {
    auto linear = dyn_cast<seq::LinearOp>(stage.op);
    if (!linear || !stage.linear->matrixTiles)
      continue;
    const MatrixTiles &tiles = *stage.linear->matrixTiles;
    auto type = cast<RankedTensorType>(linear.getWeight().getType());
    int groups = type.getDimSize(1), columns = type.getDimSize(2), terms = type.getDimSize(3);
    layers.push_back({tiles.sums.name(), argumentName(linear.getInput()), argumentName(linear.getWeight()),
                      groups, tiles.groupsAtOnce, columns, groups * terms});
  }
  if (!layers.empty())
    pipeline.add_custom_lowering_pass(new MatrixTileCalls(std::move(layers)));
}

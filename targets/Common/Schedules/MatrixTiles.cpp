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
  /// If defined, rows of the left operand in all. Of those from the first that is read on, at most `mostRows`
  /// are multiplied, which is the last argument.
  Expr rows = {};
  int mostRows = 0;
};

class MatrixTileCalls : public IRMutator {
public:
  explicit MatrixTileCalls(std::vector<TileCall> calls) : calls(std::move(calls)) {}

private:
  using IRMutator::visit;
  Stmt visit(const ProducerConsumer *op) override;
  Stmt visit(const For *loop) override;

  std::vector<TileCall> calls;
  /// Whether there are calls for registers that somebody else has configured.
  bool needsRegisters = false;
};
} // namespace

/// Multiply with registers as halyard_tiles_begin configures them: bf16, and parts of floats.
static constexpr const char *kColumnProduct = "halyard_tiles_multiply_column",
                            *kColumnProductOfParts = "halyard_tiles_multiply_column_of_floats";

static Stmt callStatement(const std::string &function, const std::vector<Expr> &arguments) {
  return Evaluate::make(Call::make(Halide::Int(32), function, arguments, Call::Extern));
}

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
    Expr leftByte = firstByte(op->body, call.left);
    std::vector<Expr> arguments{
        addressOf(call.result), addressOf(call.left),  leftByte,
        call.leftRowBytes,      addressOf(call.right), firstByte(op->body, call.right)};
    arguments.insert(arguments.end(), call.sizes.begin(), call.sizes.end());
    if (call.rows.defined())
      arguments.push_back(
          min(call.rows - Halide::cast<int32_t>(leftByte / call.leftRowBytes), call.mostRows));
    needsRegisters |= call.function == kColumnProduct || call.function == kColumnProductOfParts;
    return ProducerConsumer::make(op->name, true, callStatement(call.function, arguments));
  }
  return IRMutator::visit(op);
}

/// Configuring registers takes as long as a dozen products: it is done once for a task.
Stmt MatrixTileCalls::visit(const For *loop) {
  Stmt body = mutate(loop->body);
  if (loop->for_type == ForType::Parallel && needsRegisters) {
    body = Halide::Internal::Block::make(
        {callStatement("halyard_tiles_begin", {}), body, callStatement("halyard_tiles_end", {})});
    needsRegisters = false;
  }
  return body.same_as(loop->body) ? Stmt(loop)
                                  : For::make(loop->name, loop->min, loop->extent, loop->for_type,
                                              loop->partition_policy, loop->device_api, body);
}

static std::string argumentName(Value value) {
  return "arg" + std::to_string(cast<BlockArgument>(value).getArgNumber());
}

/// Rows of a buffer that is an argument.
static Expr rowsOf(const std::string &buffer) {
  return Call::make(Halide::Int(32), Call::buffer_get_extent, {addressOf(buffer + ".buffer"), 1},
                    Call::Extern);
}

static constexpr int kBfloatBytes = 2;

/// Of many rows, those that there are; the panel after this one is fetched meanwhile.
static TileCall callOf(seq::LinearOp linear, const MatrixTiles &tiles) {
  constexpr int kGroupBytes = 4;
  auto type = cast<RankedTensorType>(linear.getWeight().getType());
  int groups = type.getDimSize(1), columns = type.getDimSize(2);
  std::string weight = argumentName(linear.getWeight());
  if (Value parts = linear.getParts())
    return {tiles.sums.name(),
            argumentName(parts),
            weight,
            "halyard_tiles_multiply_floats",
            make_const(Halide::Int(64), seq::SplitOp::width(groups) * kBfloatBytes),
            {columns, groups, static_cast<int32_t>(seq::SplitOp::termsOfPart(groups))},
            rowsOf(argumentName(parts)),
            tiles.rows};
  std::string input = argumentName(linear.getInput());
  Expr rowBytes = make_const(Halide::Int(64), int64_t(groups) * kGroupBytes);
  if (!tiles.hasMany())
    return {tiles.sums.name(),
            input,
            weight,
            "halyard_tiles_multiply_few_bytes",
            rowBytes,
            {columns, groups, tiles.groupsAtOnce, tiles.rows}};
  const char *function =
      type.getElementType().isBF16() ? "halyard_tiles_multiply_bfloats" : "halyard_tiles_multiply_bytes";
  return {tiles.sums.name(), input,     weight,
          function,          rowBytes,  {columns, groups, tiles.groupsAtOnce, groups * columns * kGroupBytes},
          rowsOf(input),     tiles.rows};
}

void halyard::kernels::addMatrixTiles(Halide::Pipeline &pipeline, const Kernel &kernel) {
  std::vector<TileCall> calls;
  for (const Stage &stage : kernel.stages) {
    for (const MatrixTiles &tiles : stage.linear ? stage.linear->matrixTiles : std::vector<MatrixTiles>())
      calls.push_back(callOf(cast<seq::LinearOp>(stage.op), tiles));
    for (const MatrixProduct &product : stage.products)
      calls.push_back({product.result,
                       product.left,
                       product.right,
                       product.parts > 1 ? kColumnProductOfParts : kColumnProduct,
                       make_const(Halide::Int(64), product.parts * product.terms * kBfloatBytes),
                       {product.terms / 2, product.rows}});
  }
  if (!calls.empty())
    pipeline.add_custom_lowering_pass(new MatrixTileCalls(std::move(calls)));
}

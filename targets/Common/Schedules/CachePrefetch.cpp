// A head's keys lie in pieces, one after the other only within a block of rows, and processors stop fetching
// ahead at the end of each. So each turn of the loops over keys fetches what a later turn reads, at the end
// of the loop a turn of the next head, whose piece of the first block follows. Halide's directive takes
// bounds of a whole argument apart into loops of their own, so this is a pass over the lowered loops. Behind
// the last block lies something else, or nothing; fetching that is harmless.
#include "targets/Common/Schedules/CachePrefetch.h"

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/Schedules/FetchLine.h"
#include "targets/Common/Schedules/FirstLoad.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using namespace Halide::Internal;
using Halide::Expr;

/// How many bytes are fetched ahead.
static constexpr int kAheadBytes = 8192;

namespace {
/// A cache as it lies in memory.
struct Pieces {
  std::string buffer;
  Halide::Type type;
  /// Elements that one turn of a loop reads.
  int elements;
  /// Elements of a head's piece.
  int headElements;
};

class CachePrefetch : public IRMutator {
public:
  explicit CachePrefetch(std::vector<Pieces> caches) : caches(std::move(caches)) {}

private:
  using IRMutator::visit;
  Stmt visit(const For *loop) override {
    Stmt changed = IRMutator::visit(loop);
    const For *result = changed.as<For>();
    if (!result)
      return changed;
    Stmt body = result->body;
    for (const Pieces &pieces : caches) {
      FirstLoad load(pieces.buffer);
      loop->body.accept(&load);
      if (load.index.defined() && !load.isInLoop && expr_uses_var(load.index, loop->name))
        body = Halide::Internal::Block::make(fetch(pieces, load.index, *result), body);
    }
    if (body.same_as(result->body))
      return changed;
    return For::make(result->name, result->min, result->extent, result->for_type, result->partition_policy,
                     result->device_api, body);
  }

  static Stmt fetch(const Pieces &pieces, const Expr &index, const For &loop) {
    int bytes = pieces.elements * pieces.type.bytes();
    Expr ahead = min(std::max(kAheadBytes / bytes, 1), loop.extent);
    Expr turn = Variable::make(Halide::Int(32), loop.name) + ahead, isNext = turn >= loop.extent;
    Expr target = simplify(substitute(loop.name, Halide::select(isNext, turn - loop.extent, turn), index));
    target += Halide::select(isNext, pieces.headElements, 0);
    return fetchLines(pieces.buffer, Halide::cast<int64_t>(target) * pieces.type.bytes(), bytes / kLineBytes);
  }

  std::vector<Pieces> caches;
};
} // namespace

void halyard::kernels::addCachePrefetch(Halide::Pipeline &pipeline, const Kernel &kernel) {
  std::vector<Pieces> caches;
  for (const Stage &stage : kernel.stages) {
    auto attention = dyn_cast<seq::AttentionOp>(stage.op);
    if (!attention || !stage.keysOfTurn)
      continue;
    for (Value operand : {Value(attention.getKey()), Value(attention.getValue())}) {
      auto argument = dyn_cast<BlockArgument>(operand);
      auto type = cast<seq::CacheType>(operand.getType());
      if (!argument || !type.getBlocks())
        continue;
      int width = type.getFeatures() / type.getBlocks().getHeads();
      Pieces pieces{"arg" + std::to_string(argument.getArgNumber()), storageType(type.getElementType()),
                    stage.keysOfTurn * width, static_cast<int>(type.getBlocks().getRows()) * width};
      if (pieces.elements * pieces.type.bytes() >= kLineBytes)
        caches.push_back(pieces);
    }
  }
  if (!caches.empty())
    pipeline.add_custom_lowering_pass(new CachePrefetch(std::move(caches)));
}

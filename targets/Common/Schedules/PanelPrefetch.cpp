// A panel is read from memory while the first rows pass it, and the processor waits for it; the other rows
// find it in the cache, and memory waits for them. So that both work all the time, each tile of rows fetches
// its share of the next panel, evenly over the tile's blocks of terms if it has some: many at a time would
// take the buffers that the tile's own loads need. Halide's own prefetch
// directive can only fetch what a loop's next iteration reads as a whole, so this is a pass over the lowered
// loops.
#include "targets/Common/Schedules/PanelPrefetch.h"

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/Schedules/FirstLoad.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using namespace Halide::Internal;
using Halide::Expr;

/// Bytes that are fetched at a time.
static constexpr int kLineBytes = 64;

namespace {
/// The weight of a layer as it lies in memory.
struct Panels {
  std::string buffer;
  Halide::Type type;
  /// Elements of a panel.
  int elements;
  /// Tiles of rows, in all and of a task, which goes over a panel for them.
  Expr tiles, ofTask;
};

class PanelPrefetch : public IRMutator {
public:
  explicit PanelPrefetch(std::vector<Panels> layers) : layers(std::move(layers)) {}

private:
  using IRMutator::visit;
  Stmt visit(const For *loop) override;
  const Panels *enterTiles(const For *loop);
  Stmt withShare(const Stmt &body, const Expr &number, const Expr &count);

  std::vector<Panels> layers;
  /// Which share of the next panel a tile fetches, of how many.
  Expr visits() const;
  Expr share() const;

  /// The loop over panels and tasks at hand if there may be many rows, those over parts of a panel and over
  /// tiles; the panels that they read, and where the panel at hand begins.
  const For *panels = nullptr, *parts = nullptr, *tiles = nullptr;
  const Panels *current = nullptr;
  Expr start;
};
} // namespace

/// The panels that a loop over tiles reads; sets `start`.
const Panels *PanelPrefetch::enterTiles(const For *loop) {
  for (const Panels &panels : layers) {
    FirstLoad first(panels.buffer);
    loop->body.accept(&first);
    if (!first.index.defined())
      continue;
    first.starts[loop->name] = loop->min;
    if (parts)
      first.starts[parts->name] = parts->min;
    // The load may be anywhere in the panel: lets outside of the loop say where.
    Expr index = substitute(first.starts, first.index);
    start = simplify(index / panels.elements * panels.elements);
    return &panels;
  }
  return nullptr;
}

/// The body after fetching share `number` of `count` of the panel that follows the one at hand. Behind the
/// last panel lies something else, or nothing; fetching that is harmless. A function of the runtime fetches:
/// Halide's own instruction would bring lines no further than where the panel at hand soon displaces them.
Stmt PanelPrefetch::withShare(const Stmt &body, const Expr &number, const Expr &count) {
  int bytes = current->type.bytes(), lines = current->elements * bytes / kLineBytes;
  Expr each = simplify((lines + count - 1) / count), left = lines - number * each;
  Expr offset = Halide::cast<int64_t>(start + current->elements) * bytes +
                Halide::cast<int64_t>(number * each) * kLineBytes;
  Expr fetch = Call::make(Halide::Int(32), "halyard_prefetch",
                          {Variable::make(Halide::Handle(), current->buffer), simplify(offset),
                           simplify(Halide::min(each, left))},
                          Call::Extern);
  return Halide::Internal::Block::make(Evaluate::make(fetch), body);
}

static Expr variable(const For *loop) { return Variable::make(Halide::Int(32), loop->name); }

Expr PanelPrefetch::visits() const { return parts ? current->tiles * parts->extent : current->tiles; }

/// Tasks are the inner part of the loop over panels. The last one may have fewer tiles.
Expr PanelPrefetch::share() const {
  Expr tasks = (current->tiles + current->ofTask - 1) / current->ofTask;
  Expr before = (variable(panels) - panels->min) % tasks * current->ofTask;
  if (!parts)
    return before + variable(tiles);
  Expr own = Halide::min(current->ofTask, current->tiles - before);
  return before * parts->extent + own * variable(parts) + variable(tiles);
}

Stmt PanelPrefetch::visit(const For *loop) {
  if (ends_with(loop->name, ".panels")) {
    ScopedValue<const For *> inside(panels, loop);
    return IRMutator::visit(loop);
  }
  if (!panels)
    return IRMutator::visit(loop);
  if (ends_with(loop->name, ".part")) {
    ScopedValue<const For *> inside(parts, loop);
    return IRMutator::visit(loop);
  }
  if (ends_with(loop->name, ".tile")) {
    ScopedValue<const For *> inside(tiles, loop);
    ScopedValue<const Panels *> reading(current, enterTiles(loop));
    Stmt changed = IRMutator::visit(loop);
    const For *result = changed.as<For>();
    // Layers of one block of terms have no loop over them.
    if (!current || !result || !changed.same_as(loop))
      return changed;
    return For::make(result->name, result->min, result->extent, result->for_type, result->partition_policy,
                     result->device_api, withShare(result->body, share(), visits()));
  }
  if (current && loop->name.find("_blocks") != std::string::npos) {
    Expr count = visits() * loop->extent, number = share() * loop->extent + variable(loop);
    return For::make(loop->name, loop->min, loop->extent, loop->for_type, loop->partition_policy,
                     loop->device_api, withShare(loop->body, number, count));
  }
  return IRMutator::visit(loop);
}

void halyard::kernels::addPanelPrefetch(Halide::Pipeline &pipeline, const Kernel &kernel) {
  std::vector<Panels> layers;
  for (const Stage &stage : kernel.stages) {
    auto linear = dyn_cast<seq::LinearOp>(stage.op);
    auto weight = linear ? dyn_cast<BlockArgument>(linear.getWeight()) : BlockArgument();
    if (!weight || !stage.linear->tiles.defined())
      continue;
    auto type = cast<RankedTensorType>(weight.getType());
    int elements = type.getNumElements() / type.getDimSize(0);
    layers.push_back({"arg" + std::to_string(weight.getArgNumber()), storageType(type.getElementType()),
                      elements, stage.linear->tiles, stage.linear->tilesOfTask});
  }
  if (!layers.empty())
    pipeline.add_custom_lowering_pass(new PanelPrefetch(std::move(layers)));
}

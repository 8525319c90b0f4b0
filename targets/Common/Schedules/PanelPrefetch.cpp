// A panel is read from memory while the first rows pass it, and the processor waits for it; the other rows
// find it in the cache, and memory waits for them. So that both work all the time, each tile of rows fetches
// its share of the next panel, a line after every few groups of terms: many at a time would take the buffers
// that the tile's own loads need. Halide's own prefetch directive can only fetch what a loop's next iteration
// reads as a whole, and into the first-level cache, so this is a pass over the lowered loops.
#include "targets/Common/Schedules/PanelPrefetch.h"

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/Schedules/FetchLine.h"
#include "targets/Common/Schedules/FirstLoad.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using namespace Halide::Internal;
using Halide::Expr;

namespace {
/// The weight of a layer as it lies in memory.
struct Panels {
  std::string buffer;
  Halide::Type type;
  /// Elements of a panel.
  int elements;
  /// Tiles of rows that pass a panel before the next one, and those of a task.
  Expr tiles, ofTask;
  /// Blocks are groups of 4-bit codes: too few terms to fetch something for each.
  bool hasShortBlocks;
};

/// Knows the loops of a layer that panels are read in.
class PanelLoops : public IRMutator {
protected:
  explicit PanelLoops(const std::vector<Panels> &layers) : layers(layers) {}

  using IRMutator::visit;
  Stmt visit(const For *loop) override;
  /// Loops over tiles, over blocks of terms in such a loop, and over terms in it.
  virtual Stmt visitTiles(const For *loop) { return IRMutator::visit(loop); }
  virtual Stmt visitBlocks(const For *loop) { return IRMutator::visit(loop); }
  virtual Stmt visitTerms(const For *loop) { return IRMutator::visit(loop); }
  /// The panels that a loop over tiles reads; sets `start`.
  const Panels *enterTiles(const For *loop);

  std::vector<Panels> layers;
  /// The loops at hand over parts of a panel and over tiles; the panels that they read, and where the panel
  /// at hand begins.
  const For *parts = nullptr, *tiles = nullptr;
  const Panels *current = nullptr;
  Expr start;
};

/// What few tiles of rows share. The first tile would wait for memory, and memory for the others; a whole
/// share at a time, they would wait all the more. So the first two tiles fetch half of the next panel each,
/// with every group of terms a few lines, and the only tile all of it.
class SharedPanelPrefetch : public PanelLoops {
public:
  explicit SharedPanelPrefetch(const std::vector<Panels> &layers) : PanelLoops(layers) {}

private:
  Stmt visitBlocks(const For *loop) override;
  Stmt visitTerms(const For *loop) override;

  const For *blocks = nullptr;
};

class PanelPrefetch : public PanelLoops {
public:
  explicit PanelPrefetch(const std::vector<Panels> &layers) : PanelLoops(layers) {}

private:
  using PanelLoops::visit;
  Stmt visit(const For *loop) override;
  Stmt visitTiles(const For *loop) override;
  Stmt visitBlocks(const For *loop) override;
  Stmt visitTerms(const For *loop) override;
  Stmt withShare(const Stmt &body);
  /// Which share of the next panel a tile fetches, of how many.
  Expr visits() const;
  Expr share() const;
  int panelLines() const { return current->elements * current->type.bytes() / kLineBytes; }
  /// Bytes from the beginning of the weights to a line of the panel that follows the one at hand.
  Expr offsetOf(const Expr &line) const {
    return simplify(Halide::cast<int64_t>(start + current->elements) * current->type.bytes() +
                    Halide::cast<int64_t>(line) * kLineBytes);
  }

  /// The loops at hand over panels and tasks, if there may be many rows, and over blocks of terms.
  const For *panels = nullptr, *blocks = nullptr;
};
} // namespace

const Panels *PanelLoops::enterTiles(const For *loop) {
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

Stmt PanelLoops::visit(const For *loop) {
  if (ends_with(loop->name, ".part")) {
    ScopedValue<const For *> inside(parts, loop);
    return IRMutator::visit(loop);
  }
  if (ends_with(loop->name, ".tile")) {
    ScopedValue<const For *> inside(tiles, loop);
    ScopedValue<const Panels *> reading(current, enterTiles(loop));
    return visitTiles(loop);
  }
  if (current && loop->name.find("_blocks") != std::string::npos)
    return visitBlocks(loop);
  if (current && loop->name.find("_terms") != std::string::npos)
    return visitTerms(loop);
  return IRMutator::visit(loop);
}

static Expr variable(const For *loop) { return Variable::make(Halide::Int(32), loop->name); }

static Stmt withBody(const For *loop, const Stmt &body) {
  return For::make(loop->name, loop->min, loop->extent, loop->for_type, loop->partition_policy,
                   loop->device_api, body);
}

/// A loop over groups of terms, three times: for the only tile, for the first of several, and for others.
Stmt SharedPanelPrefetch::visitTerms(const For *loop) {
  auto parts = Halide::Internal::as_const_int(this->parts ? this->parts->extent : Expr(1));
  auto blocks = Halide::Internal::as_const_int(this->blocks ? this->blocks->extent : Expr(1));
  auto groups = Halide::Internal::as_const_int(loop->extent);
  const int bytes = current->type.bytes(), panelLines = current->elements * bytes / kLineBytes;
  if (!parts || !blocks || !groups)
    return loop;
  // Of many narrow parts, every second one fetches, or fewer.
  int fetching = *parts;
  while (fetching > 1 && panelLines < fetching * *blocks * *groups)
    fetching = (fetching + 1) / 2;
  const int visits = fetching * *blocks * *groups, lines = panelLines / visits;
  if (lines == 0 || panelLines % visits != 0 || *parts % fetching != 0)
    return loop;
  const int every = *parts / fetching;
  Expr group = variable(loop) - loop->min;
  if (this->blocks)
    group += variable(this->blocks) * static_cast<int32_t>(*groups);
  Expr part = this->parts ? variable(this->parts) : Expr(0), tile = variable(tiles);
  auto fetchingLoop = [&](int shares) {
    Expr share = part / every * shares + tile;
    Expr line = (share * static_cast<int32_t>(*blocks * *groups) + group) * (lines / shares);
    Expr offset =
        Halide::cast<int64_t>(start + current->elements) * bytes + Halide::cast<int64_t>(line) * kLineBytes;
    Stmt fetch = fetchLines(current->buffer, simplify(offset), lines / shares);
    return withBody(loop, Halide::Internal::Block::make(fetch, loop->body));
  };
  const int shares = lines % 2 == 0 ? 2 : 1;
  Expr fetches = part % every == 0, isAlone = tiles->extent == 1;
  Stmt shared = IfThenElse::make(simplify(fetches && !isAlone && tile < shares), fetchingLoop(shares), loop);
  return IfThenElse::make(simplify(fetches && isAlone), fetchingLoop(1), shared);
}

Stmt SharedPanelPrefetch::visitBlocks(const For *loop) {
  ScopedValue<const For *> inside(blocks, loop);
  return IRMutator::visit(loop);
}

/// The body after fetching a tile's share. Behind the last panel lies something else, or nothing; fetching
/// that is harmless. A function of the runtime fetches, as the number of lines is not known; between tiles no
/// sums are in registers.
Stmt PanelPrefetch::withShare(const Stmt &body) {
  Expr number = share(), count = visits();
  Expr each = simplify((panelLines() + count - 1) / count), left = panelLines() - number * each;
  Expr fetch = Call::make(Halide::Int(32), "halyard_prefetch",
                          {Variable::make(Halide::Handle(), current->buffer), offsetOf(number * each),
                           simplify(Halide::min(each, left))},
                          Call::Extern);
  return Halide::Internal::Block::make(Evaluate::make(fetch), body);
}

Expr PanelPrefetch::visits() const { return parts ? current->tiles * parts->extent : current->tiles; }

/// Tasks of the same panel are the inner part of the loop over panels. The last one may have fewer tiles.
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
  if (ends_with(loop->name, ".sharedPanels"))
    return SharedPanelPrefetch(layers).mutate(loop);
  return panels ? PanelLoops::visit(loop) : IRMutator::visit(loop);
}

Stmt PanelPrefetch::visitTiles(const For *loop) {
  Stmt changed = current && current->hasShortBlocks ? loop : IRMutator::visit(loop);
  return current && changed.same_as(loop) ? withBody(loop, withShare(loop->body)) : changed;
}

Stmt PanelPrefetch::visitBlocks(const For *loop) {
  ScopedValue<const For *> inside(blocks, loop);
  return IRMutator::visit(loop);
}

/// A line after every group of terms, or after every 2, 4 or 8 of them, which processors foresee, until the
/// panel is there. Beginning with its second line: where visits fetched whole pairs of lines, layers
/// took 1.08 times as long on one processor.
Stmt PanelPrefetch::visitTerms(const For *loop) {
  Expr number = share(), count = visits(), groups = loop->extent, group = variable(loop) - loop->min;
  if (blocks) {
    count *= blocks->extent;
    number = number * blocks->extent + variable(blocks);
  }
  Expr needed = simplify((panelLines() + count - 1) / count);
  Expr shift = Halide::select(needed * 8 <= groups, 3, needed * 4 <= groups, 2, needed * 2 <= groups, 1, 0);
  // What divides is computed before the loop, as no compiler moves a division out of a branch.
  const std::string firstName = unique_name("first"), shiftName = unique_name("shift");
  Expr first = Variable::make(Halide::Int(32), firstName), by = Variable::make(Halide::Int(32), shiftName);
  Expr turn = group & ((1 << by) - 1), fetching = Halide::select(first < panelLines(), 0, -1);
  Stmt fetch =
      IfThenElse::make(turn == fetching, fetchLines(current->buffer, offsetOf(first + (group >> by) + 1), 1));
  Stmt fetchingLoop = withBody(loop, Halide::Internal::Block::make(fetch, loop->body));
  return LetStmt::make(shiftName, simplify(shift),
                       LetStmt::make(firstName, simplify(number * (groups >> by)), fetchingLoop));
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
                      elements, stage.linear->tiles, stage.linear->tilesOfTask,
                      linear.getGroup().has_value()});
  }
  if (!layers.empty())
    pipeline.add_custom_lowering_pass(new PanelPrefetch(layers));
}

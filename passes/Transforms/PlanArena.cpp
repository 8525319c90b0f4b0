// plan-arena: every buffer gets its offset in the arena.
//
// The arena holds the runtime's header, the persistent regions, and scratch. Buffers of a function are placed
// one by one, largest first, each at the lowest offset where it overlaps no placed buffer that is alive at
// the same time. Functions run one at a time, so their scratch begins at the same place. A buffer's size is
// its size at the limits: function arguments carry the largest value they take as `rt.maximum`, and extents
// grow with lengths.
#include "dialects/Runtime/IR/Runtime.h"
#include "passes/Analysis/LargestIndex.h"
#include "passes/Transforms/Passes.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_PLANARENA
#include "passes/Transforms/Passes.h.inc"

namespace {

/// A buffer to place: alive from the first to the last position of the function's operations that touches it.
struct Lifetime {
  rt::AllocOp alloc;
  int64_t bytes = 0, first = 0, last = 0, offset = -1;
  bool overlaps(const Lifetime &other) const { return first <= other.last && other.first <= last; }
};

int64_t bytesOf(rt::AllocOp alloc) {
  auto type = cast<MemRefType>(alloc.getResult().getType());
  int64_t bytes = rt::bytesOfElement(type.getElementType());
  auto extent = alloc.getExtents().begin();
  for (int64_t size : type.getShape())
    bytes *= ShapedType::isDynamic(size) ? largestIndex(*extent++) : size;
  return llvm::alignTo(std::max<int64_t>(bytes, 1), rt::kAlignment);
}

/// Last position at which a buffer, or a view of it, is used. A loop that uses what is made outside needs it
/// up to its end.
int64_t lastUse(Value buffer, const DenseMap<Operation *, int64_t> &positions) {
  int64_t last = 0;
  SmallVector<Value> aliases{buffer};
  while (!aliases.empty()) {
    for (Operation *user : aliases.pop_back_val().getUsers()) {
      Operation *outermost = buffer.getParentBlock()->findAncestorOpInBlock(*user);
      outermost->walk([&](Operation *op) { last = std::max(last, positions.lookup(op)); });
      if (isa<rt::ViewOp, rt::SlotOp>(user))
        aliases.push_back(user->getResult(0));
    }
  }
  return last;
}

SmallVector<Lifetime> lifetimesOf(func::FuncOp function) {
  DenseMap<Operation *, int64_t> positions;
  SmallVector<Lifetime> lifetimes;
  // A buffer made inside a loop is used only there.
  function.walk<WalkOrder::PreOrder>([&](Operation *op) { positions[op] = positions.size(); });
  function.walk([&](rt::AllocOp alloc) {
    int64_t first = positions[alloc];
    lifetimes.push_back(
        {alloc, bytesOf(alloc), first, std::max(first, lastUse(alloc.getResult(), positions))});
  });
  return lifetimes;
}

/// Gives each buffer an offset from `base`; returns the end of the highest one.
int64_t place(MutableArrayRef<Lifetime> lifetimes, int64_t base) {
  SmallVector<Lifetime *> order;
  for (Lifetime &lifetime : lifetimes)
    order.push_back(&lifetime);
  llvm::sort(order, [](Lifetime *a, Lifetime *b) {
    return std::tuple(-a->bytes, a->first) < std::tuple(-b->bytes, b->first);
  });
  SmallVector<Lifetime *> placed; // by offset
  int64_t end = base;
  for (Lifetime *next : order) {
    int64_t offset = base;
    for (Lifetime *other : placed) {
      if (!other->overlaps(*next))
        continue;
      if (offset + next->bytes <= other->offset)
        break;
      offset = std::max(offset, other->offset + other->bytes);
    }
    next->offset = offset;
    end = std::max(end, offset + next->bytes);
    placed.insert(
        llvm::upper_bound(placed, next, [](Lifetime *a, Lifetime *b) { return a->offset < b->offset; }),
        next);
  }
  return end;
}

struct PlanArena : impl::PlanArenaBase<PlanArena> {
  void runOnOperation() override {
    rt::ProgramOp program = getOperation();
    int64_t base = placeRegions(program), end = base;
    for (func::FuncOp function : program.getBody().getOps<func::FuncOp>()) {
      if (function.isPrivate())
        continue; // a kernel
      SmallVector<Lifetime> lifetimes = lifetimesOf(function);
      end = std::max(end, place(lifetimes, base));
      for (Lifetime &lifetime : lifetimes)
        replace(lifetime, function.getArgument(0));
    }
    program.setArenaBytes(end);
  }

  /// Regions that have an offset already belong to the runtime's header; the others follow the header.
  int64_t placeRegions(rt::ProgramOp program) {
    int64_t offset = program.getHeaderBytes();
    for (rt::RegionOp region : program.getBody().getOps<rt::RegionOp>()) {
      if (region.getOffset())
        continue;
      auto type = cast<MemRefType>(region.getType());
      region.setOffset(offset);
      offset +=
          llvm::alignTo(type.getNumElements() * rt::bytesOfElement(type.getElementType()), rt::kAlignment);
    }
    return offset;
  }

  void replace(const Lifetime &lifetime, Value arena) {
    rt::AllocOp alloc = lifetime.alloc;
    OpBuilder builder(alloc);
    auto buffer = rt::BufferOp::create(builder, alloc.getLoc(), alloc.getResult().getType(), arena,
                                       builder.getI64IntegerAttr(lifetime.offset), alloc.getExtents());
    alloc.getResult().replaceAllUsesWith(buffer.getResult());
    alloc.erase();
  }
};

} // namespace
} // namespace halyard

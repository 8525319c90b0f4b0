// Blocks, warps, barriers and branches; see the header.
#include "Interpreter.h"

#include <algorithm>

namespace halyard::emulator {

Warp::Warp(const Kernel &kernel, const Memory &memory, const std::vector<uint8_t> &parameters,
           std::vector<uint8_t> &shared, Lanes there)
    : kernel(kernel), memory(memory), parameters(parameters), shared(shared),
      local(static_cast<size_t>(kernel.localBytes) * kLanes),
      registers(static_cast<size_t>(kernel.registers) * kLanes), there(there) {}

/// The lanes for which the instruction's predicate holds.
Lanes Warp::guarded(const Instruction &instruction, Lanes lanes) {
  if (instruction.guard < 0)
    return lanes;
  const uint64_t *predicate = reg(instruction.guard);
  Lanes holds = 0;
  forEach(lanes, [&](int lane) {
    if ((predicate[lane] != 0) != instruction.isGuardNegated)
      holds |= Lanes(1) << lane;
  });
  return holds;
}

/// One instruction for the lanes that are at it.
void Warp::step(const Instruction &instruction, uint32_t pc, Lanes lanes) {
  Lanes active = guarded(instruction, lanes);
  forEach(lanes, [&](int lane) { next[lane] = pc + 1; });
  switch (instruction.flow) {
  case Flow::next:
    if (active)
      instruction.run(*this, instruction, active);
    return;
  case Flow::branch:
    forEach(active, [&](int lane) { next[lane] = instruction.target; });
    return;
  case Flow::barrier:
    waiting |= active;
    return;
  case Flow::end:
    ended |= active;
    return;
  }
}

void Warp::run() {
  while (Lanes live = there & ~ended & ~waiting) {
    // The lanes that are least far, and where the others are.
    uint32_t pc = ~0u, others = ~0u;
    forEach(live, [&](int lane) { pc = std::min(pc, next[lane]); });
    Lanes lanes = 0;
    forEach(live, [&](int lane) {
      if (next[lane] == pc)
        lanes |= Lanes(1) << lane;
      else
        others = std::min(others, next[lane]);
    });
    // On until they may meet, or part.
    do {
      if (pc >= kernel.code.size())
        throw Error("the end of " + kernel.name + " has no 'ret'");
      const Instruction &instruction = kernel.code[pc];
      if (instruction.flow != Flow::next || instruction.guard >= 0) {
        step(instruction, pc, lanes);
        break;
      }
      instruction.run(*this, instruction, lanes);
      ++pc;
      if (pc == others || pc == kernel.code.size() || kernel.code[pc].flow != Flow::next ||
          kernel.code[pc].guard >= 0)
        forEach(lanes, [&](int lane) { next[lane] = pc; });
    } while (pc < others);
  }
}

uint8_t *Warp::at(const Instruction &instruction, Space space, uint64_t address, int lane) {
  auto bytes = static_cast<uint64_t>(instruction.bytes) * static_cast<uint64_t>(instruction.elements);
  address += static_cast<uint64_t>(instruction.offset);
  auto fail = [&](const char *where) {
    throw Error("an access outside of " + std::string(where) + " at " + std::to_string(address) + " by '" +
                instruction.text + "' in " + kernel.name);
  };
  if (address & (bytes - 1)) // sizes are powers of two
    fail("what is aligned");
  switch (space) {
  case Space::shared:
    if (address < kSharedBegin || address + bytes > shared.size())
      fail("shared memory");
    return &shared[address];
  case Space::local:
    if (address + bytes > static_cast<uint64_t>(kernel.localBytes))
      fail("local memory");
    return &local[static_cast<size_t>(lane) * static_cast<size_t>(kernel.localBytes) + address];
  case Space::param:
    if (address + bytes > parameters.size())
      fail("parameters");
    return const_cast<uint8_t *>(&parameters[address]);
  default:
    if (address < instruction.begin || address + bytes > instruction.end)
      if (!memory.find(address, instruction.begin, instruction.end) || address + bytes > instruction.end)
        fail("memory");
    return reinterpret_cast<uint8_t *>(address);
  }
}

namespace {

/// The blocks of a launch, one after the other: all warps of a block, from barrier to barrier.
class Block {
public:
  Block(const Kernel &kernel, const Grid &grid, const std::vector<uint8_t> &parameters, const Memory &memory)
      : kernel(kernel), grid(grid), parameters(parameters), memory(memory),
        threads(grid.threads[0] * grid.threads[1] * grid.threads[2]) {
    warps.reserve((threads + kLanes - 1) / kLanes);
    for (unsigned first = 0; first < threads; first += kLanes)
      addWarp(first);
  }

  void run(unsigned x, unsigned y, unsigned z);

private:
  void addWarp(unsigned first);

  const Kernel &kernel;
  const Grid &grid;
  const std::vector<uint8_t> &parameters;
  const Memory &memory;
  unsigned threads;
  std::vector<uint8_t> shared;
  std::vector<Warp> warps;
};

} // namespace

/// A warp, with the registers that stay the same in all blocks.
void Block::addWarp(unsigned first) {
  unsigned count = std::min(threads - first, unsigned(kLanes));
  Lanes there = count == kLanes ? ~Lanes(0) : (Lanes(1) << count) - 1;
  warps.emplace_back(kernel, memory, parameters, shared, there);
  Warp &warp = warps.back();
  for (unsigned lane = 0; lane < unsigned(kLanes); ++lane) {
    unsigned thread = first + lane;
    warp.reg(kTidX)[lane] = thread % grid.threads[0];
    warp.reg(kTidY)[lane] = thread / grid.threads[0] % grid.threads[1];
    warp.reg(kTidZ)[lane] = thread / grid.threads[0] / grid.threads[1];
    warp.reg(kLaneId)[lane] = lane;
    for (int dim = 0; dim < 3; ++dim) {
      warp.reg(kNtidX + dim)[lane] = grid.threads[dim];
      warp.reg(kNctaidX + dim)[lane] = grid.blocks[dim];
    }
  }
}

void Block::run(unsigned x, unsigned y, unsigned z) {
  // Memory that nothing was written to holds what no result should depend on.
  shared.assign(static_cast<size_t>(kernel.sharedBytes) + grid.sharedBytes, 0xff);
  const unsigned block[3] = {x, y, z};
  for (Warp &warp : warps) {
    warp.begin();
    for (int dim = 0; dim < 3; ++dim)
      std::fill_n(warp.reg(kCtaidX + dim), kLanes, block[dim]);
  }
  for (bool isRunning = true; isRunning;) {
    isRunning = false;
    for (Warp &warp : warps) {
      warp.run();
      isRunning |= !warp.hasEnded();
    }
    for (Warp &warp : warps)
      warp.passBarrier();
  }
}

void launch(const Kernel &kernel, const Grid &grid, const std::vector<uint8_t> &parameters,
            const Memory &memory) {
  Block block(kernel, grid, parameters, memory);
  for (unsigned z = 0; z < grid.blocks[2]; ++z)
    for (unsigned y = 0; y < grid.blocks[1]; ++y)
      for (unsigned x = 0; x < grid.blocks[0]; ++x)
        block.run(x, y, z);
}

} // namespace halyard::emulator

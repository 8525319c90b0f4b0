// Runs kernels: block by block, the warps of a block in turn up to the next barrier, the threads of a warp in
// step. Threads of a warp that went different ways are taken on from wherever they are least far in the text;
// so they meet again where their ways join.
#ifndef HALYARD_TEST_CUDA_EMULATOR_INTERPRETER_H
#define HALYARD_TEST_CUDA_EMULATOR_INTERPRETER_H

#include "Ptx.h"

#include <atomic>
#include <cstring>

namespace halyard::emulator {

/// The size of a launch.
struct Grid {
  unsigned blocks[3], threads[3];
  unsigned sharedBytes;
};

/// Which memory kernels may touch.
class Memory {
public:
  virtual ~Memory() = default;
  /// The allocation that holds an address; false if there is none.
  virtual bool find(uint64_t address, uint64_t &begin, uint64_t &end) const = 0;
};

class Warp {
public:
  Warp(const Kernel &kernel, const Memory &memory, const std::vector<uint8_t> &parameters,
       std::vector<uint8_t> &shared, Lanes there);

  /// Puts all threads at the beginning, for another block.
  void begin() {
    std::memset(next, 0, sizeof(next));
    ended = waiting = 0;
  }
  /// Runs until all threads wait or have ended.
  void run();
  bool hasEnded() const { return !(there & ~ended); }
  void passBarrier() { waiting = 0; }

  uint64_t *reg(int index) { return &registers[static_cast<size_t>(index) * kLanes]; }
  const uint64_t *read(const Operand &operand) {
    return operand.reg < 0 ? operand.fixed->data() : reg(operand.reg);
  }
  uint64_t *written(const Operand &operand) { return reg(operand.reg); }
  /// Memory of a thread at an instruction's address. Throws Error outside of what there is.
  uint8_t *at(const Instruction &instruction, Space space, uint64_t address, int lane);

private:
  void step(const Instruction &instruction, uint32_t pc, Lanes lanes);
  Lanes guarded(const Instruction &instruction, Lanes lanes);

  const Kernel &kernel;
  const Memory &memory;
  const std::vector<uint8_t> &parameters;
  std::vector<uint8_t> &shared;
  std::vector<uint8_t> local;
  std::vector<uint64_t> registers;
  uint32_t next[kLanes] = {};
  Lanes there, ended = 0, waiting = 0;
};

/// Calls `action(lane)` for each of the lanes.
template <typename Action> inline void forEach(Lanes lanes, Action &&action) {
  if (lanes == ~Lanes(0)) {
    for (int lane = 0; lane < kLanes; ++lane)
      action(lane);
    return;
  }
  for (; lanes; lanes &= lanes - 1)
    action(__builtin_ctz(lanes));
}

/// A register's bits as a number of another type, and back.
template <typename T> inline T as(uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
template <typename T> inline uint64_t bitsOf(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}

/// Instructions of tensor cores that were run by any thread.
extern std::atomic<long> matrixProducts;

/// Runs all blocks. `parameters` is laid out as the kernel says. Throws Error.
void launch(const Kernel &kernel, const Grid &grid, const std::vector<uint8_t> &parameters,
            const Memory &memory);

} // namespace halyard::emulator

#endif

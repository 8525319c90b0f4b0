// Products of matrices by the threads of a warp together.
//
// Of mma.m16n8k16, thread 4 g + t has these elements, two to a register, by the PTX ISA:
//
//   a0 a1 a2 a3   A(g, 2t) A(g + 8, 2t) A(g, 2t + 8) A(g + 8, 2t + 8), and the next column of each
//   b0 b1         B(2t, g) B(2t + 8, g), and the next row of each
//   c0 c1 c2 c3   C(g, 2t) C(g, 2t + 1) C(g + 8, 2t) C(g + 8, 2t + 1); the result likewise
#include "Interpreter.h"

namespace halyard::emulator {

std::atomic<long> matrixProducts{0};

namespace {

constexpr int kRows = 16, kColumns = 8, kTerms = 16;

template <typename T> float wide(uint16_t bits) { return static_cast<float>(as<T>(bits)); }

/// bf16, the upper half of f32.
struct BFloat {
  uint16_t bits;
  explicit operator float() const { return as<float>(uint64_t(bits) << 16); }
};

/// Calls `action(register, row, column)` for the registers of a thread's fragment of a result.
template <typename Action> void forEachSum(int lane, Action &&action) {
  for (int i = 0; i < 4; ++i)
    action(i, lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2);
}

/// mma.sync of {d0, d1, d2, d3}, {a0, a1, a2, a3}, {b0, b1}, {c0, c1, c2, c3}: every product is exact, and so
/// are the sums until they are rounded.
template <typename T> void multiply(Warp &warp, const Instruction &instruction, Lanes lanes) {
  if (lanes != ~Lanes(0))
    throw Error("'" + instruction.text + "' without all threads of the warp");
  ++matrixProducts;
  constexpr size_t kLeft = 4, kRight = 8, kSums = 10;
  auto value = [&](size_t operand, int lane) { return warp.read(instruction.operands[operand])[lane]; };
  auto pair = [&](size_t operand, int lane, float &first, float &second) {
    auto bits = static_cast<uint32_t>(value(operand, lane));
    first = wide<T>(static_cast<uint16_t>(bits));
    second = wide<T>(static_cast<uint16_t>(bits >> 16));
  };
  float left[kRows][kTerms], right[kColumns][kTerms];
  double sums[kRows][kColumns];
  for (int lane = 0; lane < kLanes; ++lane) {
    int line = lane / 4, term = lane % 4 * 2;
    for (int i = 0; i < 4; ++i) {
      float *to = &left[line + i % 2 * 8][term + i / 2 * 8];
      pair(kLeft + static_cast<size_t>(i), lane, to[0], to[1]);
    }
    for (int i = 0; i < 2; ++i) {
      float *to = &right[line][term + i * 8];
      pair(kRight + static_cast<size_t>(i), lane, to[0], to[1]);
    }
    forEachSum(lane, [&](int i, int row, int column) {
      sums[row][column] = double(as<float>(value(kSums + static_cast<size_t>(i), lane)));
    });
  }
  for (int row = 0; row < kRows; ++row)
    for (int column = 0; column < kColumns; ++column)
      for (int term = 0; term < kTerms; ++term)
        sums[row][column] += double(left[row][term]) * double(right[column][term]);
  for (int lane = 0; lane < kLanes; ++lane)
    forEachSum(lane, [&](int i, int row, int column) {
      warp.written(instruction.operands[static_cast<size_t>(i)])[lane] =
          bitsOf(static_cast<float>(sums[row][column]));
    });
}

} // namespace

bool decodeMatrix(Instruction &instruction) {
  const std::string shape = "mma.sync.aligned.m16n8k16.row.col.";
  if (instruction.opcode == shape + "f32.f16.f16.f32")
    instruction.run = multiply<_Float16>;
  else if (instruction.opcode == shape + "f32.bf16.bf16.f32")
    instruction.run = multiply<BFloat>;
  else
    return false;
  return true;
}

} // namespace halyard::emulator

// PTX as the emulator runs it: the subset that Halide and MLIR emit for Halyard's kernels. What is not in it
// is an error that names it.
#ifndef HALYARD_TEST_CUDA_EMULATOR_PTX_H
#define HALYARD_TEST_CUDA_EMULATOR_PTX_H

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace halyard::emulator {

constexpr int kLanes = 32;
/// One bit for each thread of a warp.
using Lanes = uint32_t;

/// Where shared memory that kernels may use begins: before it lies the system's.
constexpr int kSharedBegin = 1024;

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A register, which each thread has, or a value that all have.
struct Operand {
  int reg = -1;
  uint64_t value = 0;
  /// The value for every lane, if it is no register.
  std::shared_ptr<std::vector<uint64_t>> fixed;
};

enum class Space { generic, global, shared, local, param };

class Warp;
struct Instruction;
using Handler = void (*)(Warp &, const Instruction &, Lanes);

enum class Flow { next, branch, barrier, end };

struct Instruction {
  std::string text;   // as written, for errors
  std::string opcode; // with its suffixes
  Handler run = nullptr;
  Flow flow = Flow::next;
  int guard = -1; // a predicate's register
  bool isGuardNegated = false;
  std::vector<Operand> operands; // in their order, vectors element by element
  size_t written = 1;            // elements of the first
  int64_t offset = 0;            // of an address
  uint32_t target = 0;           // of a branch
  std::string label;
  // What the opcode says of memory and conversions.
  Space space = Space::generic;
  int bytes = 0, elements = 1;
  bool isSigned = false;
  /// Where the last address lay: begin and end of an allocation.
  mutable uint64_t begin = 0, end = 0;
};

/// Registers that are not in the text.
enum Special {
  kTidX,
  kTidY,
  kTidZ,
  kNtidX,
  kNtidY,
  kNtidZ,
  kCtaidX,
  kCtaidY,
  kCtaidZ,
  kNctaidX,
  kNctaidY,
  kNctaidZ,
  kLaneId,
  kSpecials
};

struct Kernel {
  std::string name;
  std::vector<int> parameterBytes, parameterOffsets;
  int parameterEnd = 0;
  int registers = kSpecials;
  int localBytes = 0, sharedBytes = kSharedBegin; // static
  std::vector<Instruction> code;
};

struct Module {
  std::map<std::string, Kernel> kernels;
};

/// Throws Error.
Module parse(const std::string &text);

/// Completes an instruction from its opcode. Throws Error if it is not known.
void decode(Instruction &instruction);
/// Makes of an instruction one that copies its second operand to the first, a register.
void makeMove(Instruction &instruction);
/// The parts of `decode`: true if the opcode belongs to them.
bool decodeArithmetic(Instruction &instruction);
bool decodeComparison(Instruction &instruction);
bool decodeConversion(Instruction &instruction);
bool decodeMemory(Instruction &instruction);
bool decodeMatrix(Instruction &instruction);

/// "mul.wide.s32" as {"mul", "wide", "s32"}.
std::vector<std::string> partsOf(const std::string &opcode);

} // namespace halyard::emulator

#endif

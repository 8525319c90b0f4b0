// Loads, stores, addresses, and what threads of a warp tell each other.
#include "Interpreter.h"

namespace halyard::emulator {
namespace {

const std::map<std::string, Space> &spaces() {
  static const std::map<std::string, Space> all = {
      {"global", Space::global}, {"shared", Space::shared}, {"local", Space::local}, {"param", Space::param}};
  return all;
}

uint64_t loaded(const uint8_t *from, int bytes, bool isSigned) {
  uint64_t value = 0;
  std::memcpy(&value, from, static_cast<size_t>(bytes));
  if (!isSigned || bytes == 8)
    return value;
  // Registers are of 32 bits or of 64; the sign fills either.
  int unused = 64 - 8 * bytes;
  return static_cast<uint64_t>(static_cast<int64_t>(value << unused) >> unused);
}

void load(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const uint64_t *address = warp.read(instruction.operands[static_cast<size_t>(instruction.elements)]);
  forEach(lanes, [&](int lane) {
    const uint8_t *from = warp.at(instruction, instruction.space, address[lane], lane);
    for (int i = 0; i < instruction.elements; ++i)
      warp.written(instruction.operands[static_cast<size_t>(i)])[lane] =
          loaded(from + i * instruction.bytes, instruction.bytes, instruction.isSigned);
  });
}

void store(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const uint64_t *address = warp.read(instruction.operands[0]);
  forEach(lanes, [&](int lane) {
    uint8_t *to = warp.at(instruction, instruction.space, address[lane], lane);
    for (int i = 0; i < instruction.elements; ++i)
      std::memcpy(to + i * instruction.bytes,
                  &warp.read(instruction.operands[static_cast<size_t>(i) + 1])[lane],
                  static_cast<size_t>(instruction.bytes));
  });
}

/// Addresses of a space are the same as without it.
void move(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const uint64_t *a = warp.read(instruction.operands[1]);
  uint64_t *to = warp.written(instruction.operands[0]);
  forEach(lanes, [&](int lane) { to[lane] = a[lane]; });
}

/// The lane that a lane's value comes from; its own if that is out of range.
int sourceLane(const std::string &kind, int lane, uint64_t by, uint64_t clamp) {
  int most = static_cast<int>(clamp & 31), segment = static_cast<int>(clamp >> 8 & 31);
  int last = (lane & segment) | (most & ~segment), first = lane & segment;
  if (kind == "bfly") {
    int from = lane ^ static_cast<int>(by & 31);
    return from <= last ? from : lane;
  }
  if (kind == "down") {
    int from = lane + static_cast<int>(by & 31);
    return from <= last ? from : lane;
  }
  if (kind == "up") {
    int from = lane - static_cast<int>(by & 31);
    return from >= last ? from : lane;
  }
  int from = first | (static_cast<int>(by & 31) & ~segment);
  return from <= last ? from : lane;
}

/// shfl.sync.KIND.b32 to, value, by, clamp, members. With a predicate after `to` there is one operand more.
void shuffle(Warp &warp, const Instruction &instruction, Lanes lanes) {
  size_t first = instruction.operands.size() - 4;
  std::string kind = partsOf(instruction.opcode)[2];
  uint64_t values[kLanes];
  std::memcpy(values, warp.read(instruction.operands[first]), sizeof(values));
  const uint64_t *by = warp.read(instruction.operands[first + 1]);
  const uint64_t *clamp = warp.read(instruction.operands[first + 2]);
  uint64_t *to = warp.written(instruction.operands[0]);
  forEach(lanes, [&](int lane) {
    int from = sourceLane(kind, lane, by[lane], clamp[lane]);
    if (!(lanes >> from & 1))
      throw Error("'" + instruction.text + "' reads a thread that is not there");
    to[lane] = values[from];
  });
}

void nothing(Warp &, const Instruction &, Lanes) {}

bool decodeAccess(Instruction &instruction, const std::vector<std::string> &parts) {
  for (size_t i = 1; i + 1 < parts.size(); ++i) {
    auto space = spaces().find(parts[i]);
    if (space != spaces().end())
      instruction.space = space->second;
    else if (parts[i] == "v2" || parts[i] == "v4")
      instruction.elements = parts[i][1] - '0';
    else if (parts[i] != "nc" && parts[i] != "volatile")
      return false;
  }
  const std::string &type = parts.back();
  instruction.bytes = std::stoi(type.substr(type.find_first_of("0123456789"))) / 8;
  instruction.isSigned = type[0] == 's';
  instruction.run = parts.front() == "ld" ? load : store;
  return true;
}

} // namespace

void makeMove(Instruction &instruction) { instruction.run = move; }

bool decodeMemory(Instruction &instruction) {
  std::vector<std::string> parts = partsOf(instruction.opcode);
  if (parts.front() == "ld" || parts.front() == "st")
    return decodeAccess(instruction, parts);
  if (parts.front() == "cvta") {
    instruction.run = move;
    return true;
  }
  if (parts.front() == "shfl" && parts.size() == 4 && parts[1] == "sync" && parts[3] == "b32") {
    instruction.run = shuffle;
    return true;
  }
  if (parts.front() == "membar" || parts.front() == "fence" ||
      (parts.front() == "bar" && parts.size() > 1 && parts[1] == "warp")) {
    instruction.run = nothing;
    return true;
  }
  return false;
}

} // namespace halyard::emulator

// Arithmetic, logic and moves. Rounding is to nearest, which is all that compilers ask for here.
#include "Interpreter.h"

#include <cmath>
#include <functional>

namespace halyard::emulator {
namespace {

/// A handler for an operation of one, two or three operands of type T, with a result of type R.
template <typename T, typename R, R (*operation)(T)>
void unary(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const uint64_t *a = warp.read(instruction.operands[1]);
  uint64_t *to = warp.written(instruction.operands[0]);
  forEach(lanes, [&](int lane) { to[lane] = bitsOf<R>(operation(as<T>(a[lane]))); });
}

template <typename T, typename R, R (*operation)(T, T)>
void binary(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const uint64_t *a = warp.read(instruction.operands[1]), *b = warp.read(instruction.operands[2]);
  uint64_t *to = warp.written(instruction.operands[0]);
  forEach(lanes, [&](int lane) { to[lane] = bitsOf<R>(operation(as<T>(a[lane]), as<T>(b[lane]))); });
}

/// The third operand has the type of the result.
template <typename T, typename R, R (*operation)(T, T, R)>
void ternary(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const uint64_t *a = warp.read(instruction.operands[1]), *b = warp.read(instruction.operands[2]);
  const uint64_t *c = warp.read(instruction.operands[3]);
  uint64_t *to = warp.written(instruction.operands[0]);
  forEach(lanes,
          [&](int lane) { to[lane] = bitsOf<R>(operation(as<T>(a[lane]), as<T>(b[lane]), as<R>(c[lane]))); });
}

template <typename T> T add(T a, T b) { return static_cast<T>(a + b); }
template <typename T> T sub(T a, T b) { return static_cast<T>(a - b); }
template <typename T> T mul(T a, T b) { return static_cast<T>(a * b); }
template <typename T> T mad(T a, T b, T c) { return static_cast<T>(a * b + c); }
template <typename T, typename R> R mulWide(T a, T b) { return static_cast<R>(R(a) * R(b)); }
template <typename T, typename R> R madWide(T a, T b, R c) { return static_cast<R>(R(a) * R(b) + c); }
template <typename T, typename W> T mulHigh(T a, T b) {
  return static_cast<T>(W(a) * W(b) >> (8 * sizeof(T)));
}
template <typename T> T divide(T a, T b) { return b ? static_cast<T>(a / b) : static_cast<T>(-1); }
template <typename T> T remainder(T a, T b) { return b ? static_cast<T>(a % b) : a; }
template <typename T> T floatDivide(T a, T b) { return a / b; }
template <typename T> T least(T a, T b) { return b < a ? b : a; }
template <typename T> T most(T a, T b) { return a < b ? b : a; }
/// Of a number and none, the number.
template <typename T> T floatLeast(T a, T b) { return std::fmin(a, b); }
template <typename T> T floatMost(T a, T b) { return std::fmax(a, b); }
template <typename T> T fused(T a, T b, T c) { return std::fma(a, b, c); }
template <typename T> T negative(T a) { return static_cast<T>(-a); }
template <typename T> T absolute(T a) { return a < 0 ? static_cast<T>(-a) : a; }
template <typename T> T floatAbsolute(T a) { return std::fabs(a); }
template <typename T> T root(T a) { return std::sqrt(a); }
template <typename T> T inverse(T a) { return 1 / a; }
template <typename T> T inverseRoot(T a) { return static_cast<T>(1 / std::sqrt(double(a))); }
template <typename T> T bitAnd(T a, T b) { return a & b; }
template <typename T> T bitOr(T a, T b) { return a | b; }
template <typename T> T bitXor(T a, T b) { return a ^ b; }
template <typename T> T bitNot(T a) { return static_cast<T>(~a); }
bool notPredicate(bool a) { return !a; }
template <typename T> T same(T a) { return a; }
/// Amounts are of 32 bits, and all bits are gone from the width on.
template <typename T> T shiftLeft(T a, T amount) {
  return static_cast<uint32_t>(amount) < 8 * sizeof(T) ? static_cast<T>(a << static_cast<uint32_t>(amount))
                                                       : T(0);
}
template <typename T> T shiftRight(T a, T amount) {
  uint32_t by = static_cast<uint32_t>(amount), most = 8 * sizeof(T) - 1;
  if (by > most)
    return a < 0 ? static_cast<T>(-1) : T(0);
  return static_cast<T>(a >> by);
}
float powerOfTwo(float a) { return static_cast<float>(std::exp2(double(a))); }
float logarithm(float a) { return static_cast<float>(std::log2(double(a))); }
float sine(float a) { return static_cast<float>(std::sin(double(a))); }
float cosine(float a) { return static_cast<float>(std::cos(double(a))); }
float hyperbolicTangent(float a) { return static_cast<float>(std::tanh(double(a))); }
uint32_t onesOf(uint32_t a) { return static_cast<uint32_t>(__builtin_popcount(a)); }
uint32_t zerosBefore(uint32_t a) { return a ? static_cast<uint32_t>(__builtin_clz(a)) : 32; }

template <typename T> T extract(T a, uint32_t position, uint32_t length) {
  constexpr uint32_t bits = 8 * sizeof(T);
  if (length == 0 || position >= bits)
    return 0;
  length = std::min(length, bits - position);
  T upper = static_cast<T>(std::make_unsigned_t<T>(a) << (bits - position - length));
  return static_cast<T>(upper >> (bits - length));
}

template <typename T> void extractBits(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const uint64_t *a = warp.read(instruction.operands[1]), *position = warp.read(instruction.operands[2]);
  const uint64_t *length = warp.read(instruction.operands[3]);
  uint64_t *to = warp.written(instruction.operands[0]);
  forEach(lanes, [&](int lane) {
    to[lane] = bitsOf<T>(
        extract<T>(as<T>(a[lane]), static_cast<uint8_t>(position[lane]), static_cast<uint8_t>(length[lane])));
  });
}

/// Bytes picked out of two words.
void permute(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const uint64_t *a = warp.read(instruction.operands[1]), *b = warp.read(instruction.operands[2]);
  const uint64_t *selector = warp.read(instruction.operands[3]);
  uint64_t *to = warp.written(instruction.operands[0]);
  forEach(lanes, [&](int lane) {
    uint64_t bytes = (b[lane] << 32) | (a[lane] & 0xffffffffu), result = 0;
    for (int i = 0; i < 4; ++i) {
      uint64_t pick = selector[lane] >> (4 * i) & 0xf, byte = bytes >> (8 * (pick & 7)) & 0xff;
      if (pick & 8) // its sign
        byte = byte & 0x80 ? 0xff : 0;
      result |= byte << (8 * i);
    }
    to[lane] = result;
  });
}

/// Four products of bytes and a sum.
template <typename A, typename B, typename Sum> Sum dotOfBytes(uint32_t a, uint32_t b, Sum c) {
  for (int i = 0; i < 4; ++i)
    c = static_cast<Sum>(c + Sum(static_cast<A>(a >> (8 * i))) * Sum(static_cast<B>(b >> (8 * i))));
  return c;
}

/// A word taken apart, or put together.
void unpackHalves(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const int bits = 4 * instruction.bytes;
  uint64_t *low = warp.written(instruction.operands[0]), *high = warp.written(instruction.operands[1]);
  const uint64_t *a = warp.read(instruction.operands[2]), mask = (uint64_t(1) << bits) - 1;
  forEach(lanes, [&](int lane) {
    uint64_t word = a[lane];
    low[lane] = word & mask;
    high[lane] = word >> bits & mask;
  });
}

void packHalves(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const int bits = 4 * instruction.bytes;
  const uint64_t *low = warp.read(instruction.operands[1]), *high = warp.read(instruction.operands[2]);
  const uint64_t mask = (uint64_t(1) << bits) - 1;
  uint64_t *to = warp.written(instruction.operands[0]);
  forEach(lanes, [&](int lane) { to[lane] = (low[lane] & mask) | (high[lane] & mask) << bits; });
}

void select(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const uint64_t *a = warp.read(instruction.operands[1]), *b = warp.read(instruction.operands[2]);
  const uint64_t *predicate = warp.read(instruction.operands[3]);
  uint64_t *to = warp.written(instruction.operands[0]);
  const uint64_t mask = instruction.bytes == 8 ? ~uint64_t(0) : 0xffffffffu;
  forEach(lanes, [&](int lane) { to[lane] = (predicate[lane] ? a[lane] : b[lane]) & mask; });
}

using Table = std::map<std::string, Handler>;

template <typename T, typename Wide> void addIntegers(Table &table, const std::string &type) {
  table["add." + type] = binary<T, T, add<T>>;
  table["sub." + type] = binary<T, T, sub<T>>;
  table["mul.lo." + type] = binary<T, T, mul<T>>;
  table["mad.lo." + type] = ternary<T, T, mad<T>>;
  if constexpr (sizeof(Wide) <= sizeof(uint64_t)) {
    table["mul.wide." + type] = binary<T, Wide, mulWide<T, Wide>>;
    table["mad.wide." + type] = ternary<T, Wide, madWide<T, Wide>>;
  }
  table["mul.hi." + type] = binary<T, T, mulHigh<T, Wide>>;
  table["div." + type] = binary<T, T, divide<T>>;
  table["rem." + type] = binary<T, T, remainder<T>>;
  table["min." + type] = binary<T, T, least<T>>;
  table["max." + type] = binary<T, T, most<T>>;
  table["neg." + type] = unary<T, T, negative<T>>;
  table["abs." + type] = unary<T, T, absolute<T>>;
  table["shr." + type] = binary<T, T, shiftRight<T>>;
  table["bfe." + type] = extractBits<T>;
  table["mov." + type] = unary<T, T, same<T>>;
}

template <typename T> void addBits(Table &table, const std::string &type) {
  table["and." + type] = binary<T, T, bitAnd<T>>;
  table["or." + type] = binary<T, T, bitOr<T>>;
  table["xor." + type] = binary<T, T, bitXor<T>>;
  table["not." + type] = unary<T, T, bitNot<T>>;
  table["shl." + type] = binary<T, T, shiftLeft<T>>;
  table["shr." + type] = binary<T, T, shiftRight<T>>;
  table["mov." + type] = unary<T, T, same<T>>;
}

/// Numbers too small for all of their digits are kept, with .ftz too: no result of the kernels depends on it.
template <typename T> void addFloats(Table &table, const std::string &type) {
  for (const std::string suffix : {"", ".rn", ".ftz", ".rn.ftz"}) {
    std::string end = suffix + "." + type;
    table["add" + end] = binary<T, T, add<T>>;
    table["sub" + end] = binary<T, T, sub<T>>;
    table["mul" + end] = binary<T, T, mul<T>>;
    table["min" + end] = binary<T, T, floatLeast<T>>;
    table["max" + end] = binary<T, T, floatMost<T>>;
    table["neg" + end] = unary<T, T, negative<T>>;
    table["abs" + end] = unary<T, T, floatAbsolute<T>>;
  }
  for (const std::string suffix : {".rn", ".rn.ftz", ".approx", ".approx.ftz", ".full", ".full.ftz"}) {
    std::string end = suffix + "." + type;
    table["fma" + end] = ternary<T, T, fused<T>>;
    table["div" + end] = binary<T, T, floatDivide<T>>;
    table["rcp" + end] = unary<T, T, inverse<T>>;
    table["sqrt" + end] = unary<T, T, root<T>>;
    table["rsqrt" + end] = unary<T, T, inverseRoot<T>>;
  }
  table["mov." + type] = unary<T, T, same<T>>;
}

Table makeTable() {
  Table table;
  addIntegers<int16_t, int32_t>(table, "s16");
  addIntegers<uint16_t, uint32_t>(table, "u16");
  addIntegers<int32_t, int64_t>(table, "s32");
  addIntegers<uint32_t, uint64_t>(table, "u32");
  addIntegers<int64_t, __int128>(table, "s64");
  addIntegers<uint64_t, unsigned __int128>(table, "u64");
  addBits<uint16_t>(table, "b16");
  addBits<uint32_t>(table, "b32");
  addBits<uint64_t>(table, "b64");
  table["and.pred"] = binary<bool, bool, bitAnd<bool>>;
  table["or.pred"] = binary<bool, bool, bitOr<bool>>;
  table["xor.pred"] = binary<bool, bool, bitXor<bool>>;
  table["not.pred"] = unary<bool, bool, notPredicate>;
  table["mov.pred"] = unary<bool, bool, same<bool>>;
  addFloats<float>(table, "f32");
  addFloats<double>(table, "f64");
  for (const std::string suffix : {".approx.f32", ".approx.ftz.f32"}) {
    table["ex2" + suffix] = unary<float, float, powerOfTwo>;
    table["lg2" + suffix] = unary<float, float, logarithm>;
    table["sin" + suffix] = unary<float, float, sine>;
    table["cos" + suffix] = unary<float, float, cosine>;
  }
  table["tanh.approx.f32"] = unary<float, float, hyperbolicTangent>;
  table["popc.b32"] = unary<uint32_t, uint32_t, onesOf>;
  table["clz.b32"] = unary<uint32_t, uint32_t, zerosBefore>;
  table["prmt.b32"] = permute;
  table["dp4a.s32.s32"] = ternary<uint32_t, int32_t, dotOfBytes<int8_t, int8_t, int32_t>>;
  table["dp4a.u32.s32"] = ternary<uint32_t, int32_t, dotOfBytes<uint8_t, int8_t, int32_t>>;
  table["dp4a.s32.u32"] = ternary<uint32_t, int32_t, dotOfBytes<int8_t, uint8_t, int32_t>>;
  table["dp4a.u32.u32"] = ternary<uint32_t, uint32_t, dotOfBytes<uint8_t, uint8_t, uint32_t>>;
  for (const char *type : {"b16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64"})
    table[std::string("selp.") + type] = select;
  return table;
}

} // namespace

bool decodeArithmetic(Instruction &instruction) {
  static const Table table = makeTable();
  auto found = table.find(instruction.opcode);
  if (found == table.end())
    return false;
  instruction.run = found->second;
  instruction.bytes = instruction.opcode.find("64") == std::string::npos ? 4 : 8;
  if (instruction.opcode.rfind("mov.", 0) == 0 && instruction.operands.size() != 2) {
    if (instruction.operands.size() != 3)
      return false;
    instruction.run = instruction.written == 2 ? unpackHalves : packHalves;
  }
  return true;
}

} // namespace halyard::emulator

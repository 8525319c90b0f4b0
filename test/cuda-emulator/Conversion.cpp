// Comparisons, and conversions between types of numbers.
#include "Interpreter.h"

#include <cmath>
#include <limits>

namespace halyard::emulator {
namespace {

//===-- comparisons --------------------------------------------------------------------------------===//

template <typename T, bool (*holds)(T, T)>
void compare(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const uint64_t *a = warp.read(instruction.operands[1]), *b = warp.read(instruction.operands[2]);
  uint64_t *to = warp.written(instruction.operands[0]);
  forEach(lanes, [&](int lane) { to[lane] = holds(as<T>(a[lane]), as<T>(b[lane])); });
}

template <typename T> bool equal(T a, T b) { return a == b; }
template <typename T> bool unequal(T a, T b) { return a < b || a > b; } // not so if one is no number
template <typename T> bool less(T a, T b) { return a < b; }
template <typename T> bool lessEqual(T a, T b) { return a <= b; }
template <typename T> bool greater(T a, T b) { return a > b; }
template <typename T> bool greaterEqual(T a, T b) { return a >= b; }
/// The same, or one is no number.
template <typename T> bool orNone(T a, T b) { return std::isnan(a) || std::isnan(b); }
template <typename T> bool equalOrNone(T a, T b) { return orNone(a, b) || a == b; }
template <typename T> bool unequalOrNone(T a, T b) { return !(a == b); }
template <typename T> bool lessOrNone(T a, T b) { return !(a >= b); }
template <typename T> bool lessEqualOrNone(T a, T b) { return !(a > b); }
template <typename T> bool greaterOrNone(T a, T b) { return !(a <= b); }
template <typename T> bool greaterEqualOrNone(T a, T b) { return !(a < b); }
template <typename T> bool areNumbers(T a, T b) { return !orNone(a, b); }

using Table = std::map<std::string, Handler>;

template <typename T> void addComparisons(Table &table, const std::string &type) {
  table["setp.eq." + type] = compare<T, equal<T>>;
  table["setp.ne." + type] = compare<T, unequal<T>>;
  table["setp.lt." + type] = compare<T, less<T>>;
  table["setp.le." + type] = compare<T, lessEqual<T>>;
  table["setp.gt." + type] = compare<T, greater<T>>;
  table["setp.ge." + type] = compare<T, greaterEqual<T>>;
}

template <typename T> void addFloatComparisons(Table &table, const std::string &type) {
  addComparisons<T>(table, type);
  table["setp.equ." + type] = compare<T, equalOrNone<T>>;
  table["setp.neu." + type] = compare<T, unequalOrNone<T>>;
  table["setp.ltu." + type] = compare<T, lessOrNone<T>>;
  table["setp.leu." + type] = compare<T, lessEqualOrNone<T>>;
  table["setp.gtu." + type] = compare<T, greaterOrNone<T>>;
  table["setp.geu." + type] = compare<T, greaterEqualOrNone<T>>;
  table["setp.num." + type] = compare<T, areNumbers<T>>;
  table["setp.nan." + type] = compare<T, orNone<T>>;
}

Table makeComparisons() {
  Table table;
  addComparisons<int16_t>(table, "s16");
  addComparisons<uint16_t>(table, "u16");
  addComparisons<uint16_t>(table, "b16");
  addComparisons<int32_t>(table, "s32");
  addComparisons<uint32_t>(table, "u32");
  addComparisons<uint32_t>(table, "b32");
  addComparisons<int64_t>(table, "s64");
  addComparisons<uint64_t>(table, "u64");
  addComparisons<uint64_t>(table, "b64");
  addFloatComparisons<float>(table, "f32");
  addFloatComparisons<double>(table, "f64");
  return table;
}

//===-- conversions --------------------------------------------------------------------------------===//

enum class Rounding { none, nearest, zero, down, up };

float fromHalf(uint16_t bits) { return static_cast<float>(as<_Float16>(bits)); }
float fromBFloat(uint16_t bits) { return as<float>(uint64_t(bits) << 16); }
uint16_t toBFloat(float value) {
  auto bits = static_cast<uint32_t>(bitsOf(value));
  if (std::isnan(value))
    return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

double rounded(double value, Rounding rounding) {
  switch (rounding) {
  case Rounding::nearest:
    return std::nearbyint(value);
  case Rounding::down:
    return std::floor(value);
  case Rounding::up:
    return std::ceil(value);
  case Rounding::zero:
    return std::trunc(value);
  case Rounding::none:
    return value;
  }
  return value;
}

/// What lies outside of the type becomes its nearest value, and no number 0.
template <typename T> T toInteger(double value) {
  if (std::isnan(value))
    return 0;
  if (value >= static_cast<double>(std::numeric_limits<T>::max()))
    return std::numeric_limits<T>::max();
  if (value <= static_cast<double>(std::numeric_limits<T>::min()))
    return std::numeric_limits<T>::min();
  return static_cast<T>(value);
}

struct FloatType {
  double (*read)(uint64_t bits);
  uint64_t (*write)(double value);
};

const std::map<std::string, FloatType> &floatTypes() {
  static const std::map<std::string, FloatType> all = {
      {"f16",
       {[](uint64_t bits) { return double(fromHalf(static_cast<uint16_t>(bits))); },
        [](double value) { return bitsOf(static_cast<_Float16>(value)); }}},
      {"bf16",
       {[](uint64_t bits) { return double(fromBFloat(static_cast<uint16_t>(bits))); },
        [](double value) { return uint64_t(toBFloat(static_cast<float>(value))); }}},
      {"f32",
       {[](uint64_t bits) { return double(as<float>(bits)); },
        [](double value) { return bitsOf(static_cast<float>(value)); }}},
      {"f64", {[](uint64_t bits) { return as<double>(bits); }, [](double value) { return bitsOf(value); }}}};
  return all;
}

/// Integers are read as 64 bits, so that there is one function to each pair of a kind.
struct IntegerType {
  int64_t (*read)(uint64_t bits);
  uint64_t (*fromDouble)(double value);
  bool isSigned;
  int bytes;
};

template <typename T> IntegerType integerType() {
  return {[](uint64_t bits) { return static_cast<int64_t>(as<T>(bits)); },
          [](double value) { return bitsOf(toInteger<T>(value)); }, std::is_signed_v<T>, sizeof(T)};
}

const std::map<std::string, IntegerType> &integerTypes() {
  static const std::map<std::string, IntegerType> all = {
      {"s8", integerType<int8_t>()},    {"u8", integerType<uint8_t>()},  {"s16", integerType<int16_t>()},
      {"u16", integerType<uint16_t>()}, {"s32", integerType<int32_t>()}, {"u32", integerType<uint32_t>()},
      {"s64", integerType<int64_t>()},  {"u64", integerType<uint64_t>()}};
  return all;
}

/// What a `cvt` does, found from its parts once.
struct Conversion {
  const FloatType *fromFloat = nullptr, *toFloat = nullptr;
  const IntegerType *fromInteger = nullptr, *toInteger = nullptr;
  Rounding rounding = Rounding::none;

  uint64_t operator()(uint64_t bits) const {
    if (fromInteger && toInteger) {
      uint64_t value = static_cast<uint64_t>(fromInteger->read(bits));
      return toInteger->bytes == 8 ? value : value & ((uint64_t(1) << (8 * toInteger->bytes)) - 1);
    }
    if (fromInteger) {
      int64_t value = fromInteger->read(bits);
      bool isLarge = !fromInteger->isSigned && fromInteger->bytes == 8;
      // Twice rounded only from 64 bits to 32, which kernels do not do with numbers so large.
      return toFloat->write(isLarge ? static_cast<double>(static_cast<uint64_t>(value))
                                    : static_cast<double>(value));
    }
    double value = rounded(fromFloat->read(bits), rounding);
    return toInteger ? toInteger->fromDouble(value) : toFloat->write(value);
  }
};

/// By the opcode, which instructions name.
std::map<std::string, Conversion> &conversions() {
  static std::map<std::string, Conversion> all;
  return all;
}

void convert(Warp &warp, const Instruction &instruction, Lanes lanes) {
  const Conversion &conversion = *reinterpret_cast<const Conversion *>(instruction.begin);
  const uint64_t *a = warp.read(instruction.operands[1]);
  uint64_t *to = warp.written(instruction.operands[0]);
  forEach(lanes, [&](int lane) { to[lane] = conversion(a[lane]); });
}

} // namespace

bool decodeComparison(Instruction &instruction) {
  static const Table table = makeComparisons();
  auto found = table.find(instruction.opcode);
  if (found == table.end())
    return false;
  instruction.run = found->second;
  return true;
}

bool decodeConversion(Instruction &instruction) {
  std::vector<std::string> parts = partsOf(instruction.opcode);
  if (parts.front() != "cvt" || parts.size() < 3)
    return false;
  static const std::map<std::string, Rounding> roundings = {
      {"rni", Rounding::nearest}, {"rzi", Rounding::zero}, {"rmi", Rounding::down},
      {"rpi", Rounding::up},      {"rn", Rounding::none},  {"ftz", Rounding::none}};
  Conversion conversion;
  for (size_t i = 1; i + 2 < parts.size(); ++i) {
    auto rounding = roundings.find(parts[i]);
    if (rounding == roundings.end())
      return false;
    if (rounding->second != Rounding::none)
      conversion.rounding = rounding->second;
  }
  auto lookup = [](const std::string &name, const FloatType *&asFloat, const IntegerType *&asInteger) {
    auto real = floatTypes().find(name);
    auto whole = integerTypes().find(name);
    asFloat = real == floatTypes().end() ? nullptr : &real->second;
    asInteger = whole == integerTypes().end() ? nullptr : &whole->second;
    return asFloat || asInteger;
  };
  if (!lookup(parts[parts.size() - 2], conversion.toFloat, conversion.toInteger) ||
      !lookup(parts.back(), conversion.fromFloat, conversion.fromInteger))
    return false;
  auto made = conversions().try_emplace(instruction.opcode, conversion);
  instruction.begin = reinterpret_cast<uint64_t>(&made.first->second);
  instruction.run = convert;
  return true;
}

} // namespace halyard::emulator

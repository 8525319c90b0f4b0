// Commands set numbers, by which an operation then knows its tensors. The one operation that there is here is
// a convolution of a single position, from signed bytes to 32 bits without scaling; whatever would make it
// another one is an error. Names are those that Vela prints.
#include "Commands.h"
#include "WeightStream.h"

#include <initializer_list>
#include <new>
#include <string.h>

namespace ethosu {

namespace {

enum Number : uint16_t { // what a command sets
  IFM_PAD_TOP = 0x100,
  IFM_PAD_LEFT = 0x101,
  IFM_PAD_RIGHT = 0x102,
  IFM_PAD_BOTTOM = 0x103,
  IFM_DEPTH_M1 = 0x104,
  IFM_PRECISION = 0x105,
  IFM_UPSCALE = 0x107,
  IFM_ZERO_POINT = 0x109,
  IFM_REGION = 0x10f,
  OFM_WIDTH_M1 = 0x111,
  OFM_HEIGHT_M1 = 0x112,
  OFM_DEPTH_M1 = 0x113,
  OFM_PRECISION = 0x114,
  OFM_BLK_DEPTH_M1 = 0x117,
  OFM_ZERO_POINT = 0x118,
  OFM_REGION = 0x11f,
  KERNEL_WIDTH_M1 = 0x120,
  KERNEL_HEIGHT_M1 = 0x121,
  KERNEL_STRIDE = 0x122,
  WEIGHT_REGION = 0x128,
  SCALE_REGION = 0x129,
  WEIGHT_FORMAT = 0x12e,
};
enum Address : uint16_t { // and those that are longer
  IFM_BASE0 = 0x000,
  IFM_STRIDE_X = 0x004,
  OFM_BASE0 = 0x010,
  OFM_STRIDE_X = 0x014,
  WEIGHT_BASE = 0x020,
  WEIGHT_LENGTH = 0x021,
  SCALE_BASE = 0x022,
  SCALE_LENGTH = 0x023,
};
enum Operation : uint16_t { OP_STOP = 0x000, OP_CONV = 0x002 };
constexpr uint16_t kFirstNumber = 0x100;

constexpr uint32_t kMagic = 0x31504f43; // "COP1"
enum Action : uint8_t { CONFIGURATION = 1, COMMANDS = 2, NOTHING = 5 };
constexpr size_t kConfigurationWords = 3;
constexpr uint32_t kU85 = 2; // the product of a configuration

constexpr int32_t kUnit = 8;            // of features and outputs that are multiplied together
constexpr uint16_t kPositionsFirst = 4; // a bit of KERNEL_STRIDE

/// In which order codes stand: features of one output that follow one another, and how many positions of a
/// kernel there is room for, of which a linear layer has one.
struct Order {
  int32_t features, positions;
};

/// Codes of a layer as they were before they were put in order.
struct Matrix {
  uint64_t stream; // by which it is known: a hash
  Array<int8_t> codes;
  Matrix *before;
};

uint64_t hashOf(const uint8_t *bytes, size_t count) {
  uint64_t hash = 14695981039346656037u;
  for (size_t at = 0; at < count; ++at)
    hash = (hash ^ bytes[at]) * 1099511628211u;
  return hash;
}

class Machine {
public:
  Machine(const Region *regions, int count) : regions(regions), count(count) {}

  const char *run(const uint32_t *words, size_t left) {
    while (left) {
      const uint32_t word = *words;
      const size_t taken = actionWords(word);
      if (!taken || taken > left)
        return "an action of the driver";
      if (uint8_t(word) == CONFIGURATION)
        product = words[1] >> 28;
      if (uint8_t(word) == COMMANDS)
        if (const char *problem = runCommands(words + 1, taken - 1))
          return problem;
      words += taken;
      left -= taken;
    }
    return nullptr;
  }

private:
  static size_t actionWords(uint32_t word) {
    switch (uint8_t(word)) {
    case CONFIGURATION:
      return kConfigurationWords;
    case COMMANDS:
      return 1 + (word >> 16 | (word & 0xff00) << 8);
    case NOTHING:
      return 1;
    default:
      return 0;
    }
  }

  const char *runCommands(const uint32_t *words, size_t left) {
    for (; left; ++words, --left) {
      const uint16_t code = *words & 0x3ff, parameter = *words >> 16;
      if (*words & 0x4000) { // a second word follows
        if (left < 2)
          return "a command that is cut off";
        addresses[code] = uint64_t(parameter) << 32 | words[1];
        ++words, --left;
      } else if (code >= kFirstNumber) {
        numbers[code] = parameter;
      } else if (code == OP_STOP) {
        return nullptr;
      } else if (code != OP_CONV) {
        return "an operation that is no convolution";
      } else if (const char *problem = convolve()) {
        return problem;
      }
    }
    return "commands without an end";
  }

  bool isLinear() const {
    for (Number zero : {IFM_PAD_TOP, IFM_PAD_LEFT, IFM_PAD_RIGHT, IFM_PAD_BOTTOM, IFM_UPSCALE, IFM_ZERO_POINT,
                        OFM_ZERO_POINT, OFM_HEIGHT_M1, KERNEL_WIDTH_M1, KERNEL_HEIGHT_M1})
      if (numbers[zero])
        return false;
    if (numbers[KERNEL_STRIDE] & ~kPositionsFirst)
      return false;
    constexpr uint16_t kSignedBytes = 1,
                       kSignedWords = 5; // one pixel after the other, without a common scale
    return numbers[IFM_PRECISION] == kSignedBytes && numbers[OFM_PRECISION] == kSignedWords;
  }

  const char *convolve() {
    if (!isLinear())
      return "a convolution that is no linear layer";
    features = numbers[IFM_DEPTH_M1] + 1, outputs = numbers[OFM_DEPTH_M1] + 1;
    if (!hasUnitScales())
      return "sums that are scaled";
    const Matrix *matrix = weights();
    if (!matrix)
      return "a stream of weights";
    const int32_t rows = numbers[OFM_WIDTH_M1] + 1;
    for (int32_t row = 0; row < rows; ++row) {
      const uint8_t *from =
          part(numbers[IFM_REGION], addresses[IFM_BASE0] + row * addresses[IFM_STRIDE_X], features);
      uint8_t *to = part(numbers[OFM_REGION], addresses[OFM_BASE0] + row * addresses[OFM_STRIDE_X],
                         size_t(outputs) * sizeof(int32_t));
      if (!from || !to)
        return "a tensor outside its region";
      multiply(*matrix, reinterpret_cast<const int8_t *>(from), reinterpret_cast<int32_t *>(to));
    }
    return nullptr;
  }

  void multiply(const Matrix &matrix, const int8_t *codes, int32_t *sums) const {
    for (int32_t output = 0; output < outputs; ++output) {
      const int8_t *weight = matrix.codes.data() + size_t(output) * features;
      int32_t sum = 0;
      for (int32_t i = 0; i < features; ++i)
        sum += codes[i] * weight[i];
      sums[output] = sum;
    }
  }

  /// For each output a bias, a factor and how far the product is shifted, in ten bytes. The bias has 40 bits,
  /// or 32 on an Ethos-U85.
  bool hasUnitScales() const {
    constexpr size_t kBytes = 10;
    uint8_t unit[kBytes] = {};
    unit[product == kU85 ? 4 : 5] = 1;
    const size_t bytes = kBytes * outputs;
    const uint8_t *scales = part(numbers[SCALE_REGION], addresses[SCALE_BASE], bytes);
    if (!scales || addresses[SCALE_LENGTH] < bytes)
      return false;
    for (size_t at = 0; at < bytes; at += kBytes)
      if (memcmp(scales + at, unit, kBytes))
        return false;
    return true;
  }

  const Matrix *weights() const {
    static Matrix *last = nullptr; // decoding takes longer than multiplying
    const size_t bytes = addresses[WEIGHT_LENGTH];
    const uint8_t *stream = part(numbers[WEIGHT_REGION], addresses[WEIGHT_BASE], bytes);
    if (!stream || numbers[WEIGHT_FORMAT] > 1)
      return nullptr;
    const uint64_t hash = hashOf(stream, bytes);
    for (const Matrix *matrix = last; matrix; matrix = matrix->before)
      if (matrix->stream == hash && matrix->codes.size() == size_t(outputs) * features)
        return matrix;
    Array<int16_t> ordered;
    const bool isFast = numbers[WEIGHT_FORMAT] == 1;
    if (!(isFast ? readWeights(stream, bytes, orderedCodes(), ordered)
                 : decodeWeights(stream, bytes, ordered)) ||
        ordered.size() != orderedCodes())
      return nullptr;
    Matrix *matrix = new (malloc(sizeof(Matrix))) Matrix{hash, {}, last};
    restore(ordered, matrix->codes);
    return last = matrix;
  }

  Order order() const {
    if (numbers[KERNEL_STRIDE] == kPositionsFirst)
      return product == kU85 ? Order{16, 5} : Order{8, 4};
    return {product == kU85 ? 64 : 32, 1};
  }
  static int32_t roundUp(int32_t value, int32_t to) { return (value + to - 1) / to * to; }
  size_t orderedCodes() const {
    const Order block = order();
    return size_t(roundUp(outputs, kUnit)) * roundUp(features, block.features) * block.positions;
  }

  /// Blocks of outputs, in them blocks of features, in these outputs and features by units. On an Ethos-U85
  /// every other block of outputs begins with the last features, which it then has at hand. What is beyond
  /// the matrix is zero.
  void restore(const Array<int16_t> &ordered, Array<int8_t> &codes) const {
    codes.add(0, size_t(outputs) * features);
    const Order block = order();
    const int32_t most = numbers[OFM_BLK_DEPTH_M1] + 1,
                  blocks = roundUp(features, block.features) / block.features;
    const int16_t *from = ordered.data();
    for (int32_t first = 0; first < outputs; first += most)
      for (int32_t i = 0; i < blocks; ++i) {
        const bool turns = product == kU85 && first / most % 2;
        const int32_t end = first + most < outputs ? first + most : outputs;
        from = placeBlock(from, first, end, (turns ? blocks - 1 - i : i) * block.features, codes);
      }
  }

  /// One block of outputs and features; returns where the next one is.
  const int16_t *placeBlock(const int16_t *from, int32_t first, int32_t end, int32_t terms,
                            Array<int8_t> &codes) const {
    const Order block = order();
    for (int32_t unit = first; unit < end; unit += kUnit) {
      for (int32_t term = 0; term < block.features; term += kUnit, from += kUnit * kUnit)
        place(from, unit, terms + term, codes);
      from += (block.positions - 1) * block.features * kUnit;
    }
    return from;
  }

  void place(const int16_t *from, int32_t unit, int32_t term, Array<int8_t> &codes) const {
    for (int32_t i = 0; i < kUnit; ++i)
      for (int32_t k = 0; k < kUnit; ++k)
        if (unit + i < outputs && term + k < features)
          codes[size_t(unit + i) * features + term + k] = int8_t(from[i * kUnit + k]);
  }

  uint8_t *part(uint16_t region, uint64_t at, size_t bytes) const {
    if (region >= count || at > regions[region].bytes || bytes > regions[region].bytes - at)
      return nullptr;
    return regions[region].base + at;
  }

  const Region *regions;
  int count;
  uint32_t product = 0;
  int32_t features = 0, outputs = 0;
  uint16_t numbers[0x400] = {};
  uint64_t addresses[0x400] = {};
};

} // namespace

const char *run(const void *payload, size_t bytes, const Region *regions, int count) {
  const uint32_t *words = static_cast<const uint32_t *>(payload);
  if (bytes < sizeof(uint32_t) || bytes % sizeof(uint32_t) || *words != kMagic)
    return "no commands of a driver";
  return Machine(regions, count).run(words + 1, bytes / sizeof(uint32_t) - 1);
}

} // namespace ethosu

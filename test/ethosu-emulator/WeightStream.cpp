// The compressed stream is cut into slices. A slice gives numbers of zeros beside values that are not zero,
// if zeros are many, or else values alone. Both are written as Golomb-Rice codes: quotients in unary, several
// of them together in a chunk of fixed size, and remainders, which follow one chunk later. A value is an
// index into a palette or, beyond it, a magnitude and a sign.
#include "WeightStream.h"

namespace ethosu {

namespace {

class Bits {
public:
  Bits(const uint8_t *data, size_t bytes) : data(data), count(8 * bytes) {}

  uint32_t take(int bits) {
    uint32_t value = 0;
    for (int i = 0; i < bits; ++i, ++at)
      if (at < count)
        value |= uint32_t(data[at / 8] >> (at % 8) & 1) << i;
      else
        ended = true;
    return value;
  }
  void align() { at = (at + 7) / 8 * 8; }
  bool atEnd() const { return at >= count; }
  bool wasShort() const { return ended; }

private:
  const uint8_t *data;
  size_t count, at = 0;
  bool ended = false;
};

/// Quotients that chunks complete, and the numbers that they and their remainders make.
class Numbers {
public:
  explicit Numbers(size_t wanted) : wanted(wanted) {}

  /// One more place of a chunk: `units` are added to what is open, which ends here or goes on.
  void add(int units, bool ends) {
    open += units;
    if (!ends)
      return;
    quotients.add(open);
    open = 0;
  }
  /// Marks the end of a chunk; remainders of the one before are read then.
  void readRemainders(Bits &bits, int width) {
    for (size_t i = 0; i < last && values.size() < wanted; ++i)
      values.add((quotients[values.size()] << width) + bits.take(width));
    last = quotients.size() - before;
    before = quotients.size();
  }
  size_t begun() const { return quotients.size(); }
  bool wantsMore() const { return quotients.size() < wanted; }
  bool isDone() const { return values.size() >= wanted; }
  uint32_t operator[](size_t at) const { return values[at]; }

private:
  size_t wanted, before = 0, last = 0;
  uint32_t open = 0;
  Array<uint32_t> quotients, values;
};

constexpr uint32_t kNoZeroRuns = 6, kEndOfStream = 7; // instead of the width of a zero run's remainder
constexpr uint32_t kUncompressed = 7;                 // instead of the width of a value's remainder

class Decoder {
public:
  Decoder(const uint8_t *stream, size_t bytes, Array<int16_t> &codes) : bits(stream, bytes), codes(codes) {}

  bool run() {
    while (!bits.atEnd()) {
      uint32_t zeroWidth = bits.take(3);
      if (zeroWidth == kEndOfStream) {
        bits.align();
        continue;
      }
      if (zeroWidth > 3 && zeroWidth != kNoZeroRuns)
        return false;
      if (!readSlice(zeroWidth))
        return false;
    }
    return !bits.wasShort();
  }

private:
  bool readSlice(uint32_t zeroWidth) {
    hasZeroRuns = zeroWidth != kNoZeroRuns;
    zeroBits = int(zeroWidth);
    const size_t count = bits.take(15) + 1;
    uint32_t width = bits.take(3);
    isTruncated = bits.take(1);
    const bool isNew = bits.take(1);
    if (isNew)
      readPalette();
    isUncompressed = width == kUncompressed;
    valueBits = isUncompressed ? indexBits() : int(width);
    Numbers values(count), runs(hasZeroRuns ? count + isNew : 0);
    while (!values.isDone() || !runs.isDone()) {
      if (bits.wasShort())
        return false;
      readChunk(values, runs);
    }
    size_t run = 0;
    auto zeros = [&] { codes.add(0, hasZeroRuns ? runs[run++] : 0); };
    if (isNew)
      zeros();
    for (size_t i = 0; i < count; ++i) {
      codes.add(code(values[i]));
      zeros();
    }
    return true;
  }

  void readPalette() {
    offset = bits.take(5);
    uint32_t size = bits.take(5);
    paletteBits = int(bits.take(3)) + 2;
    palette.clear();
    for (uint32_t i = 0; i < (size ? size + 1 : 0); ++i)
      palette.add(bits.take(paletteBits));
  }

  int indexBits() const {
    if (!palette.size())
      return paletteBits;
    int width = 0;
    while (size_t(1) << width < palette.size())
      ++width;
    return width;
  }

  /// Values and zero runs take turns, so that neither gets far ahead of the other.
  void readChunk(Numbers &values, Numbers &runs) {
    const int64_t ahead = hasZeroRuns ? int64_t(values.begun()) - int64_t(runs.begun()) : 0;
    const bool takesValues = ahead < 8 && values.wantsMore(), takesRuns = ahead >= 0 && runs.wantsMore();
    const uint32_t first = takesValues && !isUncompressed ? bits.take(12) : 0;
    if (takesRuns)
      readRuns(runs);
    if (takesValues)
      readValues(values, first);
    values.readRemainders(bits, valueBits);
    runs.readRemainders(bits, zeroBits);
  }

  void readRuns(Numbers &runs) {
    const int places = zeroBits < 3 ? 12 : 8;
    const uint32_t unary = bits.take(places);
    for (int i = 0; i < places; ++i)
      runs.add(unary >> i & 1, !(unary >> i & 1));
  }

  /// A place is 0, or 1 and a second bit, which say 1 and 2; a number goes on after a 2.
  void readValues(Numbers &values, uint32_t first) {
    const int places = isUncompressed && valueBits > 5 ? 8 : 12;
    for (int i = 0; i < places; ++i) {
      const int units = first >> i & 1 ? 1 + int(bits.take(1)) : 0;
      values.add(units, units < 2 || isTruncated);
    }
  }

  int16_t code(uint32_t index) const {
    const uint32_t word = index < palette.size() ? palette[index] : index - uint32_t(palette.size()) + offset;
    const int magnitude = int(word >> 1);
    return int16_t(word & 1 ? -magnitude : magnitude);
  }

  Bits bits;
  Array<int16_t> &codes;
  Array<uint32_t> palette;
  uint32_t offset = 0;
  int paletteBits = 0, valueBits = 0, zeroBits = 0;
  bool hasZeroRuns = false, isTruncated = false, isUncompressed = false;
};

} // namespace

bool decodeWeights(const uint8_t *stream, size_t bytes, Array<int16_t> &codes) {
  codes.clear();
  return Decoder(stream, bytes, codes).run();
}

bool readWeights(const uint8_t *stream, size_t bytes, size_t count, Array<int16_t> &codes) {
  constexpr size_t kHeader = 32;
  if (bytes != kHeader + count)
    return false;
  codes.clear();
  for (size_t i = 0; i < count; ++i)
    codes.add(static_cast<int8_t>(stream[kHeader + i]));
  return true;
}

} // namespace ethosu

/* Arithmetic of doubles in integers, for processors that add them but neither multiply, divide nor take
 * roots. Numbers are given as their bits; results are those of IEEE 754, to nearest, ties to even.
 */
#ifndef HALYARD_BAREMETAL_SOFTDOUBLE_H
#define HALYARD_BAREMETAL_SOFTDOUBLE_H

#include <stdint.h>

namespace halyard::soft {

constexpr uint64_t kSign = uint64_t(1) << 63, kInfinity = uint64_t(0x7ff) << 52,
                   kNotANumber = kInfinity | 1ull << 51, kHidden = uint64_t(1) << 52;

/* A finite number other than zero is fraction * 2^(exponent - 52), with the fraction's bit 52 set. */
struct Parts {
  uint64_t fraction;
  int32_t exponent;
};

inline Parts partsOf(uint64_t magnitude) {
  int32_t exponent = static_cast<int32_t>(magnitude >> 52);
  uint64_t fraction = magnitude & (kHidden - 1);
  if (exponent)
    return {fraction | kHidden, exponent - 1023};
  exponent = -1022;
  for (; !(fraction & kHidden); fraction <<= 1)
    --exponent;
  return {fraction, exponent};
}

/* The double nearest to fraction * 2^(exponent - 54), where bits below the fraction's count as its lowest bit
 * and bit 54 is set. */
inline uint64_t rounded(uint64_t fraction, int32_t exponent, uint64_t sign) {
  if (exponent > 1023)
    return sign | kInfinity;
  uint64_t biased = 0;
  if (exponent < -1022) { // too small for the hidden bit
    int32_t shift = -1022 - exponent;
    fraction = shift > 60 ? 1 : fraction >> shift | ((fraction & ((uint64_t(1) << shift) - 1)) != 0);
  } else {
    biased = static_cast<uint64_t>(exponent + 1022) << 52; // the hidden bit adds one
  }
  uint64_t kept = fraction >> 2, rest = fraction & 3;
  // A carry out of the fraction makes the exponent one larger, as it should.
  return sign | (biased + kept + (rest > 2 || (rest == 2 && (kept & 1))));
}

inline uint64_t multiply(uint64_t a, uint64_t b) {
  uint64_t sign = (a ^ b) & kSign;
  a &= ~kSign, b &= ~kSign;
  if (a > kInfinity || b > kInfinity)
    return kNotANumber;
  if (a == kInfinity || b == kInfinity)
    return a && b ? sign | kInfinity : kNotANumber;
  if (!a || !b)
    return sign;
  Parts x = partsOf(a), y = partsOf(b);
  // 106 bits: of the product's upper and lower 64, one fraction of 55 bits and whether something is left.
  uint64_t xl = x.fraction & 0xffffffffu, xh = x.fraction >> 32, yl = y.fraction & 0xffffffffu,
           yh = y.fraction >> 32;
  uint64_t low = xl * yl, middle = xh * yl + (low >> 32), other = xl * yh + (middle & 0xffffffffu);
  uint64_t high = xh * yh + (middle >> 32) + (other >> 32);
  low = (other << 32) | (low & 0xffffffffu);
  int32_t exponent = x.exponent + y.exponent, shift = 50; // of 2^104 to 2^54
  if (high >> 41) {                                       // the product is 2 or more
    ++exponent;
    ++shift;
  }
  uint64_t fraction = high << (64 - shift) | low >> shift;
  return rounded(fraction | ((low & ((uint64_t(1) << shift) - 1)) != 0), exponent, sign);
}

inline uint64_t divide(uint64_t a, uint64_t b) {
  uint64_t sign = (a ^ b) & kSign;
  a &= ~kSign, b &= ~kSign;
  if (a > kInfinity || b > kInfinity || (a == b && (!a || a == kInfinity)))
    return kNotANumber;
  if (a == kInfinity || !b)
    return sign | kInfinity;
  if (!a || b == kInfinity)
    return sign;
  Parts x = partsOf(a), y = partsOf(b);
  int32_t exponent = x.exponent - y.exponent;
  uint64_t rest = x.fraction, fraction = 0;
  if (rest < y.fraction) {
    rest <<= 1;
    --exponent;
  }
  for (int bit = 0; bit < 55; ++bit) {
    fraction <<= 1;
    if (rest >= y.fraction) {
      rest -= y.fraction;
      fraction |= 1;
    }
    rest <<= 1;
  }
  return rounded(fraction | (rest != 0), exponent, sign);
}

inline uint64_t squareRoot(uint64_t a) {
  uint64_t magnitude = a & ~kSign;
  if (!magnitude || a == kInfinity)
    return a;
  if (a & kSign || a > kInfinity)
    return kNotANumber;
  Parts x = partsOf(a);
  // An even exponent, so that the fraction lies from 1 to 4.
  uint64_t fraction = x.fraction << (x.exponent & 1), root = 0, rest = 0;
  int32_t exponent = (x.exponent - (x.exponent & 1)) / 2;
  for (int bit = 0; bit < 55; ++bit) {
    rest = rest << 2 | (fraction >> 52 & 3);
    fraction = bit < 27 ? (fraction << 2) & ((uint64_t(1) << 54) - 1) : 0;
    uint64_t trial = root << 2 | 1;
    root <<= 1;
    if (rest >= trial) {
      rest -= trial;
      root |= 1;
    }
  }
  return rounded(root | (rest != 0), exponent, 0);
}

} // namespace halyard::soft

#endif

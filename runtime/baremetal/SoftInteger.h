/* Division of integers by shifting and subtracting, for processors that do not divide. */
#ifndef HALYARD_BAREMETAL_SOFTINTEGER_H
#define HALYARD_BAREMETAL_SOFTINTEGER_H

#include <stdint.h>

namespace halyard::soft {

template <typename Unsigned> struct Division {
  Unsigned quotient, rest;
};

/// A bit at a time, from the highest that can be set on.
template <typename Unsigned> Division<Unsigned> divideUnsigned(Unsigned a, Unsigned b) {
  if (b == 0 || a < b)
    return {0, a};
  int shift = sizeof(Unsigned) == 8
                  ? __builtin_clzll(b) - __builtin_clzll(a)
                  : __builtin_clz(static_cast<uint32_t>(b)) - __builtin_clz(static_cast<uint32_t>(a));
  Unsigned quotient = 0;
  for (b <<= shift; shift >= 0; --shift, b >>= 1) {
    quotient <<= 1;
    if (a >= b) {
      a -= b;
      quotient |= 1;
    }
  }
  return {quotient, a};
}

/// Rounds towards zero; the rest has the sign of `a`.
template <typename Signed, typename Unsigned> Division<Unsigned> divideSigned(Signed a, Signed b) {
  auto magnitude = [](Signed value) {
    return value < 0 ? -static_cast<Unsigned>(value) : static_cast<Unsigned>(value);
  };
  Division<Unsigned> result = divideUnsigned<Unsigned>(magnitude(a), magnitude(b));
  if ((a < 0) != (b < 0))
    result.quotient = -result.quotient;
  if (a < 0)
    result.rest = -result.rest;
  return result;
}

} // namespace halyard::soft

#endif

/* The few functions of a C library that kernels and beam search call, for systems that have none. Computed in
 * double and rounded once: half a unit in the last place, nearly.
 */
#ifndef HALYARD_BAREMETAL_MATH_H
#define HALYARD_BAREMETAL_MATH_H

#include <stdint.h>

namespace halyard::soft {

template <typename To, typename From> To bitsAs(From value) {
  static_assert(sizeof(To) == sizeof(From), "the same bits");
  To result;
  __builtin_memcpy(&result, &value, sizeof(result));
  return result;
}

/* 2^exponent, from 2^-1022 on. */
inline double powerOfTwo(int32_t exponent) {
  return bitsAs<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

/* The integer nearest to a number within int32, ties away from zero. */
inline int32_t nearest(double value) { return static_cast<int32_t>(value < 0 ? value - 0.5 : value + 0.5); }

inline float floorOf(float value) {
  if (!(value > -8388608.0f && value < 8388608.0f)) // whole already, infinite or not a number
    return value;
  float whole = static_cast<float>(static_cast<int32_t>(value));
  if (whole == value)
    return value; // keeps the sign of a zero
  return value < whole ? whole - 1 : whole;
}

/* A polynomial, highest coefficient first. */
template <int count> double polynomial(const double (&coefficients)[count], double at) {
  double sum = coefficients[0];
  for (int i = 1; i < count; ++i)
    sum = sum * at + coefficients[i];
  return sum;
}

/* e^value to 10 digits and more, for values between -110 and 90. */
inline double exponentialWithin(double value) {
  constexpr double log2e = 1.4426950408889634, ln2 = 0.69314718055994531;
  constexpr double taylor[] = {1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120,
                               1.0 / 24,     1.0 / 6,     1.0 / 2,    1,         1};
  int32_t power = nearest(value * log2e);
  return polynomial(taylor, value - power * ln2) * powerOfTwo(power);
}

inline float exponential(double value) {
  if (value > -110 && value < 90)
    return static_cast<float>(exponentialWithin(value));
  return value < 0 ? 0.0f : static_cast<float>(value) + __builtin_inff();
}

/* The logarithm to 10 digits and more of a positive finite number that is not among the smallest. */
inline double logarithmWithin(double value) {
  constexpr double ln2 = 0.69314718055994531;
  uint64_t bits = bitsAs<uint64_t>(value);
  int32_t power = static_cast<int32_t>(bits >> 52) - 1023;
  double fraction = bitsAs<double>((bits & ((uint64_t(1) << 52) - 1)) | uint64_t(1023) << 52);
  if (fraction > 1.4142135623730951) {
    fraction *= 0.5;
    ++power;
  }
  // ln(f) = 2 atanh((f - 1) / (f + 1))
  constexpr double series[] = {2.0 / 15, 2.0 / 13, 2.0 / 11, 2.0 / 9, 2.0 / 7, 2.0 / 5, 2.0 / 3, 2};
  double ratio = (fraction - 1) / (fraction + 1);
  return polynomial(series, ratio * ratio) * ratio + power * ln2;
}

inline float logarithm(float value) {
  if (value == 0)
    return -__builtin_inff();
  if (!(value > 0))
    return __builtin_nanf("");
  return value == __builtin_inff() ? value : static_cast<float>(logarithmWithin(value));
}

/* base^exponent for positive bases and results that a float can hold. */
inline double power(double base, double exponent) {
  double value = logarithmWithin(base) * exponent;
  return value > -110 && value < 90 ? exponentialWithin(value) : exponential(value);
}

/* sin(value + quarters * pi/2), for values up to a million: beyond, the error grows with the value. */
inline float sineOf(float value, int32_t quarters) {
  if (!(value > -1e9f && value < 1e9f))
    return __builtin_nanf("");
  // pi/2 in two numbers, of which the first times a count of quarters is exact.
  constexpr double first = 1.5707963267341256, second = 6.0771005065061922e-11;
  constexpr double ofSine[] = {-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1};
  constexpr double ofCosine[] = {
      1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -1.0 / 2, 1};
  int32_t count = nearest(value * 0.63661977236758134);
  double angle = (value - count * first) - count * second, square = angle * angle;
  uint32_t quarter = static_cast<uint32_t>(count) + static_cast<uint32_t>(quarters);
  double result = quarter & 1 ? polynomial(ofCosine, square) : polynomial(ofSine, square) * angle;
  return static_cast<float>(quarter & 2 ? -result : result);
}

} // namespace halyard::soft

#endif

// Arithmetic for processors and systems that lack it, beside this machine's.
#include "runtime/baremetal/Math.h"
#include "runtime/baremetal/SoftDouble.h"
#include "runtime/baremetal/SoftInteger.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace halyard::soft;

namespace {
double valueOf(uint64_t bits) { return bitsAs<double>(bits); }

/// The same number, or both none.
void expectSame(const char *what, uint64_t got, double want, uint64_t a, uint64_t b) {
  bool same = std::isnan(want) ? std::isnan(valueOf(got)) : got == bitsAs<uint64_t>(want);
  EXPECT_TRUE(same) << what << " of " << std::hexfloat << valueOf(a) << " and " << valueOf(b) << ": "
                    << valueOf(got) << ", expected " << want;
}

void expectSameOf(uint64_t a, uint64_t b) {
  expectSame("product", multiply(a, b), valueOf(a) * valueOf(b), a, b);
  expectSame("quotient", divide(a, b), valueOf(a) / valueOf(b), a, b);
  expectSame("root", squareRoot(a), std::sqrt(valueOf(a)), a, 0);
}

/// Bits of doubles: of any kind, near one in magnitude, short fractions, and too small for the hidden bit.
uint64_t drawn(std::mt19937_64 &random, int kind) {
  uint64_t bits = random();
  switch (kind % 4) {
  case 1:
    return (bits & ~kInfinity) | (1023 - 530 + random() % 1060) << 52;
  case 2:
    return bits & ~uint64_t(0xffffffff);
  case 3:
    return bits & (kSign | (kHidden - 1));
  }
  return bits;
}

/// Distance in units of the last place of what is expected.
double unitsApart(float got, double want) {
  auto nearest = static_cast<float>(std::fabs(want));
  return std::fabs(got - want) / (std::nextafter(nearest, HUGE_VALF) - nearest);
}
} // namespace

TEST(SoftDouble, TreatsSpecialNumbersAsThisMachineDoes) {
  const uint64_t numbers[] = {0,
                              kSign,
                              kInfinity,
                              kSign | kInfinity,
                              kNotANumber,
                              1,
                              kSign | 1,
                              kHidden,
                              kHidden - 1,
                              bitsAs<uint64_t>(1.0),
                              bitsAs<uint64_t>(-3.0),
                              bitsAs<uint64_t>(0.1),
                              bitsAs<uint64_t>(1.7976931348623157e308)};
  for (uint64_t a : numbers)
    for (uint64_t b : numbers)
      expectSameOf(a, b);
}

TEST(SoftDouble, RoundsAsThisMachineDoes) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000 && !testing::Test::HasFailure(); ++i) {
    uint64_t a = drawn(random, i);
    expectSameOf(a, drawn(random, i / 4));
  }
}

TEST(SoftMath, FloorIsExact) {
  std::mt19937 random(2);
  for (int i = 0; i < 200000; ++i) {
    auto value = bitsAs<float>(static_cast<uint32_t>(random()));
    if (!std::isnan(value)) {
      ASSERT_EQ(bitsAs<uint32_t>(floorOf(value)), bitsAs<uint32_t>(std::floor(value))) << value;
    }
  }
  EXPECT_TRUE(std::signbit(floorOf(-0.0f)));
}

TEST(SoftMath, FunctionsAreWithinAUnitOfTheLastPlace) {
  constexpr double most = 0.51;
  std::mt19937 random(3);
  std::uniform_real_distribution<float> exponents(-80, 88), angles(-1000, 1000), factors(1e-3f, 1e3f);
  for (int i = 0; i < 100000; ++i) {
    float exponent = exponents(random), angle = angles(random), factor = factors(random);
    ASSERT_LE(unitsApart(exponential(exponent), std::exp(double(exponent))), most) << exponent;
    ASSERT_LE(unitsApart(sineOf(angle, 0), std::sin(double(angle))), most) << angle;
    ASSERT_LE(unitsApart(sineOf(angle, 1), std::cos(double(angle))), most) << angle;
    ASSERT_LE(unitsApart(logarithm(factor), std::log(double(factor))), most) << factor;
    ASSERT_LE(unitsApart(float(power(factor, 0.7)), std::pow(double(factor), 0.7)), most) << factor;
  }
}

TEST(SoftMath, FunctionsHaveTheirLimits) {
  EXPECT_EQ(exponential(HUGE_VALF), HUGE_VALF);
  EXPECT_EQ(exponential(-HUGE_VALF), 0.0f);
  EXPECT_EQ(exponential(100.0f), HUGE_VALF);
  EXPECT_TRUE(std::isnan(exponential(NAN)));
  EXPECT_EQ(logarithm(0.0f), -HUGE_VALF);
  EXPECT_EQ(logarithm(HUGE_VALF), HUGE_VALF);
  EXPECT_TRUE(std::isnan(logarithm(-1.0f)));
}

TEST(SoftInteger, DividesAsThisMachineDoes) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 200000; ++i) {
    uint64_t a = random() >> random() % 64, b = (random() >> random() % 64) | 1;
    ASSERT_EQ(divideUnsigned(a, b).quotient, a / b) << a << " by " << b;
    ASSERT_EQ(divideUnsigned(a, b).rest, a % b) << a << " by " << b;
    auto c = static_cast<int32_t>(a), d = static_cast<int32_t>(b);
    if (d == -1) // the lowest number has no quotient
      continue;
    auto result = divideSigned<int32_t, uint32_t>(c, d);
    ASSERT_EQ(static_cast<int32_t>(result.quotient), c / d) << c << " by " << d;
    ASSERT_EQ(static_cast<int32_t>(result.rest), c % d) << c << " by " << d;
  }
}

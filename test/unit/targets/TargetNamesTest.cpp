// What names and options of targets mean.
#include "targets/Common/CpuShape.h"
#include "targets/Common/Target.h"

#include <gtest/gtest.h>

using namespace halyard;

TEST(TargetNames, HaveOptions) {
  const Target *plain = lookupTarget("aarch64-neon"), *dots = lookupTarget("aarch64-neon+dotprod");
  ASSERT_TRUE(plain && dots);
  EXPECT_EQ(dots->name(), "aarch64-neon+dotprod");
  EXPECT_FALSE(plain->shape().multipliesBytes);
  EXPECT_TRUE(dots->shape().multipliesBytes);
  // Codes are signed in both: there is one layout.
  EXPECT_EQ(plain->linearLayout(512, 512, WeightPrecision::i8).zeroPoint, 0);
  EXPECT_EQ(dots->linearLayout(512, 512, WeightPrecision::i8).zeroPoint, 0);
}

TEST(TargetNames, MeanOneTarget) {
  EXPECT_EQ(lookupTarget("aarch64-neon+dotprod"), lookupTarget("aarch64-neon+dotprod+dotprod"));
}

TEST(TargetNames, SayWhatThereIs) {
  std::string problem;
  EXPECT_EQ(lookupTarget("aarch64-neon+", &problem), nullptr);
  EXPECT_EQ(problem, "target 'aarch64-neon' has no option ''; it has dotprod");
  EXPECT_EQ(lookupTarget("host+dotprod", &problem), nullptr);
  EXPECT_NE(problem.find("has no option 'dotprod'; it has none"), std::string::npos) << problem;
  EXPECT_EQ(lookupTarget("", &problem), nullptr);
  EXPECT_NE(problem.find("there is no target ''; there are host, x86-64"), std::string::npos) << problem;
}

TEST(TargetNames, HostRunsHere) {
  const Target *host = lookupTarget("host");
  ASSERT_NE(host, nullptr);
  EXPECT_TRUE(host->runsHere());
}

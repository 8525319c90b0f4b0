// What is summed up over positions.
#include "compiler/driver/AccuracyMeasure.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace halyard::driver;

namespace {

TEST(AccuracyMeasure, EqualLogitsCostNothing) {
  float logits[] = {1, 5, -INFINITY, 2};
  AccuracyMeasure measure;
  measure.add(logits, logits, 4, 3);
  EXPECT_EQ(measure.positions(), 1);
  EXPECT_EQ(measure.differing(), 0);
  EXPECT_EQ(measure.error(), 0);
  EXPECT_EQ(measure.largestError(), 0);
  EXPECT_EQ(measure.divergence(), 0);
  EXPECT_EQ(measure.perplexity(), measure.referencePerplexity());
}

TEST(AccuracyMeasure, AShiftOfAllLogitsIsNoError) {
  float reference[] = {0, 1, 3}, logits[] = {4, 5, 7};
  AccuracyMeasure measure;
  measure.add(reference, logits, 3, 0);
  EXPECT_NEAR(measure.error(), 0, 1e-12);
  EXPECT_NEAR(measure.divergence(), 0, 1e-12);
}

TEST(AccuracyMeasure, ErrorIsRelativeToCentredLogits) {
  float reference[] = {-3, 3}, logits[] = {-1, 1};
  AccuracyMeasure measure;
  measure.add(reference, logits, 2, 1);
  EXPECT_NEAR(measure.error(), 2.0 / 3, 1e-12);
  EXPECT_NEAR(measure.largestError(), 2.0 / 3, 1e-12);
  EXPECT_EQ(measure.agreement(), 1);
  EXPECT_NEAR(measure.perplexity(), 1 + std::exp(-2), 1e-12);
  EXPECT_NEAR(measure.referencePerplexity(), 1 + std::exp(-6), 1e-12);
}

TEST(AccuracyMeasure, TheFirstOfEqualLogitsIsTheMostLikely) {
  float reference[] = {1, 1, 0}, logits[] = {1, 1.5f, 0};
  AccuracyMeasure measure;
  measure.add(reference, logits, 3, 0);
  measure.add(reference, reference, 3, 0);
  EXPECT_EQ(measure.differing(), 1);
  EXPECT_EQ(measure.agreement(), 0.5);
}

TEST(AccuracyMeasure, DivergenceIsThatOfProbabilities) {
  float reference[] = {0, 0}, logits[] = {0, std::log(3.0f)}; // 1/2, 1/2 and 1/4, 3/4
  AccuracyMeasure measure;
  measure.add(reference, logits, 2, 0);
  EXPECT_NEAR(measure.divergence(), 0.5 * std::log(4.0 / 3), 1e-6);
}

TEST(AccuracyMeasure, NoNumberIsAnErrorWithoutBound) {
  float reference[] = {0, 1}, logits[] = {0, NAN};
  AccuracyMeasure measure;
  measure.add(reference, logits, 2, 0);
  EXPECT_EQ(measure.error(), INFINITY);
  EXPECT_EQ(measure.divergence(), INFINITY);
}

} // namespace

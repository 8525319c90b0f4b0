// Arithmetic on lengths: one form for equal extents, and decisions that hold for every length.
#include "passes/Analysis/LengthAlgebra.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace halyard;

namespace {

class LengthAlgebraTest : public testing::Test {
protected:
  AffineExpr number(int64_t value) { return lengths.constant(value); }
  AffineExpr convolved(AffineExpr extent, int64_t kernel, int64_t stride) {
    return lengths.add(lengths.floorDiv(lengths.sub(extent, number(kernel)), number(stride)), number(1));
  }

  MLIRContext context;
  LengthAlgebra lengths{&context, /*maxSource=*/16000, /*maxTarget=*/64};
  AffineExpr s = lengths.source(), t = lengths.target();
};

TEST_F(LengthAlgebraTest, EqualExtentsCompareEqual) {
  EXPECT_EQ(lengths.sub(lengths.add(s, number(1)), number(1)), s);
  EXPECT_EQ(lengths.mul(t, s), lengths.mul(s, t));
  EXPECT_EQ(lengths.floorDiv(lengths.floorDiv(s, number(4)), number(3)), lengths.floorDiv(s, number(12)));
  EXPECT_EQ(lengths.ceilDiv(s, number(2)), lengths.floorDiv(lengths.add(s, number(1)), number(2)));
  EXPECT_EQ(lengths.floorDiv(lengths.mul(t, number(512)), number(512)), t);
}

TEST_F(LengthAlgebraTest, UnknownStaysUnknown) {
  EXPECT_FALSE(lengths.add(s, {}));
  EXPECT_FALSE(lengths.quotient({s, {}}, {s}));
  EXPECT_FALSE(lengths.less(s, {}).has_value());
  EXPECT_EQ(lengths.mul({}, number(0)), number(0));
}

TEST_F(LengthAlgebraTest, DivisionRoundsAsOnnxDoes) {
  EXPECT_EQ(lengths.truncDiv(number(7), number(2)), number(3));
  EXPECT_EQ(lengths.truncDiv(number(-7), number(2)), number(-3));
  EXPECT_EQ(lengths.truncDiv(number(7), number(-2)), number(-3));
  EXPECT_FALSE(lengths.truncDiv(s, number(0)));
  EXPECT_EQ(lengths.mod(number(-7), number(4)), number(1));
}

TEST_F(LengthAlgebraTest, QuotientsOfShapes) {
  // [1, t, 512] as [1, -1, 8, 64], as [-1, 64] and as [t * 8, -1].
  EXPECT_EQ(lengths.quotient({number(1), t, number(512)}, {number(1), number(8), number(64)}), t);
  EXPECT_EQ(lengths.quotient({t, number(512)}, {number(64)}), lengths.mul(t, number(8)));
  EXPECT_EQ(lengths.quotient({t, number(512)}, {lengths.mul(t, number(8))}), number(64));
  EXPECT_EQ(lengths.quotient({lengths.add(t, number(1)), number(6)},
                             {lengths.mul(lengths.add(t, number(1)), number(2))}),
            number(3));
  EXPECT_FALSE(lengths.quotient({t}, {s}));
}

TEST_F(LengthAlgebraTest, Relations) {
  EXPECT_EQ(lengths.less(t, lengths.add(t, number(1))), true);
  EXPECT_EQ(lengths.less(t, t), false);
  EXPECT_EQ(lengths.equal(s, number(-1)), false);
  EXPECT_EQ(lengths.less(number(0), s), true);
  EXPECT_FALSE(lengths.equal(s, number(1)).has_value());
  EXPECT_FALSE(lengths.less(s, t).has_value());
}

TEST_F(LengthAlgebraTest, LimitsDecide) {
  // A table of 64 positions is long enough for every target, one of 63 is not.
  EXPECT_EQ(lengths.min(t, number(64)), t);
  EXPECT_FALSE(lengths.min(t, number(63)));
  EXPECT_EQ(lengths.max(t, number(1)), t);
  LengthAlgebra unlimited(&context, 0, 0);
  EXPECT_FALSE(unlimited.min(t, number(64)));
  EXPECT_EQ(unlimited.min(t, lengths.add(t, number(1))), t);
}

TEST_F(LengthAlgebraTest, StridedConvolutions) {
  // Three convolutions leave fewer rows than there are samples at every 384th place.
  AffineExpr rows = convolved(convolved(convolved(s, 127, 64), 7, 3), 3, 2);
  EXPECT_EQ(lengths.min(lengths.ceilDiv(s, number(384)), rows), rows);
  // By itself the formula may be negative; that such sources do not occur has to be said.
  EXPECT_FALSE(lengths.max(rows, number(0)));
  lengths.assumePositive(rows);
  EXPECT_EQ(lengths.max(rows, number(0)), rows);
  // Distances between rows, from the last to the first.
  AffineExpr distances = lengths.sub(lengths.add(rows, rows), number(1));
  EXPECT_EQ(lengths.max(distances, number(0)), distances);
  EXPECT_FALSE(lengths.max(lengths.sub(distances, number(2)), number(0)));
}
} // namespace

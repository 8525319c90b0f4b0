// Linear layers over packed weights compiled to objects: awkward shapes, every precision, and results that do
// not depend on what else is computed.
#include "LinearLayer.h"

#include "targets/Common/CpuShape.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace halyard;
using namespace halyard::test;

TEST_P(LinearTest, MultipliesAwkwardShapes) {
  for (auto precision :
       {WeightPrecision::f32, WeightPrecision::bf16, WeightPrecision::i8, WeightPrecision::i4})
    for (Layer wanted :
         {Layer{64, 128, precision, false}, Layer{37, 19, precision, true}, Layer{512, 192, precision, true},
          Layer{300, 203, precision, true}, Layer{5, 3, precision, false}, Layer{130, 1000, precision, false},
          Layer{300, 203, precision, true, /*hasWidePairs=*/true}}) {
      if (wanted.hasWidePairs && precision != WeightPrecision::i8)
        continue;
      prepare(wanted);
      SCOPED_TRACE("precision " + std::to_string(static_cast<int>(precision)) + ", " +
                   std::to_string(wanted.features) + " to " + std::to_string(wanted.outputs));
      CompiledKernel kernel(parse(text()), GetParam());
      ASSERT_EQ(kernel.error, "") << messages;
      checkRows(kernel, randomInput(29));
    }
}

/// In an artifact of several levels weights lie as the best one reads them, and inputs have its codes.
TEST_P(LinearTest, ReadsLayoutsOfTheBestLevel) {
  const Target &levels = *lookupTarget("x86-64-multi");
  if (llvm::none_of(levels.levels(), [](const Target *level) { return level->name() == GetParam(); }))
    return;
  for (auto precision : {WeightPrecision::bf16, WeightPrecision::i8, WeightPrecision::i4})
    for (Layer wanted : {Layer{512, 192, precision, true}, Layer{300, 203, precision, false},
                         Layer{300, 64, precision, false, /*hasWidePairs=*/true}}) {
      prepare(wanted, levels);
      SCOPED_TRACE("precision " + std::to_string(static_cast<int>(precision)));
      CompiledKernel kernel(parse(text()), GetParam());
      ASSERT_EQ(kernel.error, "") << messages;
      checkRows(kernel, randomInput(70));
    }
}

TEST_P(LinearTest, SplitsManyRows) {
  prepare({96, 64, WeightPrecision::f32, true});
  CompiledKernel kernel(parse(text()), GetParam());
  ASSERT_EQ(kernel.error, "") << messages;
  checkRows(kernel, randomInput(201));
}

/// Many rows take another way on targets with matrix tiles: to the bits that few rows have.
TEST_P(LinearTest, MultipliesManyRowsOfCodes) {
  for (Layer wanted : {Layer{64, 128, WeightPrecision::i8, false}, Layer{300, 203, WeightPrecision::i8, true},
                       Layer{68, 64, WeightPrecision::i8, false}, Layer{512, 20, WeightPrecision::i8, true},
                       Layer{640, 192, WeightPrecision::i8, true}}) {
    prepare(wanted);
    CompiledKernel kernel(parse(text()), GetParam());
    ASSERT_EQ(kernel.error, "") << messages;
    bool fillsTiles = wanted.features != 68;
    EXPECT_EQ(llvm::is_contained(kernel.undefinedSymbols(), "halyard_tiles_multiply_bytes"),
              machine().shape().hasMatrixTiles && fillsTiles);
    for (int64_t rows : {8, 16, 20, 32, 75, 130, 290, 384}) {
      SCOPED_TRACE(std::to_string(rows) + " rows of " + std::to_string(wanted.features));
      checkRows(kernel, randomInput(rows));
    }
  }
}

/// Layers that take matrix tiles for all rows: the bits of a row do not depend on how many there are.
TEST_P(LinearTest, MultipliesAllRowsOfBfloatsAlike) {
  for (Layer wanted :
       {Layer{64, 128, WeightPrecision::bf16, false}, Layer{320, 203, WeightPrecision::bf16, true},
        Layer{37, 64, WeightPrecision::bf16, true}, Layer{512, 5, WeightPrecision::bf16, false}}) {
    prepare(wanted);
    std::string tiled = text();
    tiled.insert(tiled.find("%x, %w :") + 7, "{tiles} ");
    CompiledKernel kernel(parse(tiled), GetParam());
    ASSERT_EQ(kernel.error, "") << messages;
    EXPECT_EQ(llvm::is_contained(kernel.undefinedSymbols(), "halyard_tiles_multiply_bfloats"),
              machine().shape().hasMatrixTiles && wanted.features != 37 && wanted.outputs != 5);
    constexpr int64_t kRows = 400;
    HostTensor input = randomInput(kRows);
    HostTensor all = kernel.run(arguments(input, 0, kRows), {{kRows, layer.outputs}})[0];
    expectNear(all, expected(input));
    for (int64_t count : {1, 3, 16, 17, 31, 32, 33, 64, 128, 129, 250, 384}) {
      const int64_t first = kRows - count;
      HostTensor some = kernel.run(arguments(input, first, count), {{count, layer.outputs}})[0];
      EXPECT_EQ(std::memcmp(some.data.get(), slice(all, first, count).data.get(), some.bytes()), 0)
          << count << " rows of " << wanted.features;
    }
  }
}

TEST_P(LinearTest, KnowsNumbersOfRows) {
  for (int64_t rows : {1, 5, 8, 30, 40}) {
    prepare({64, 200, WeightPrecision::i8, true});
    std::string known = text();
    for (size_t at = 0; (at = known.find('?', at)) != std::string::npos;)
      known.replace(at, 1, std::to_string(rows));
    // The epilogue's empty tensor takes the extent that is now static.
    size_t empty = known.find("tensor.empty(%n)");
    known.replace(empty, 16, "tensor.empty()");
    CompiledKernel kernel(parse(known), GetParam());
    ASSERT_EQ(kernel.error, "") << messages;
    HostTensor input = randomInput(rows);
    expectNear(kernel.run(arguments(input, 0, rows), {{rows, layer.outputs}})[0], expected(input));
  }
}

/// Signed codes may be left without scales.
TEST_P(LinearTest, LeavesSumsOfCodes) {
  for (Layer wanted :
       {Layer{64, 128, WeightPrecision::i8, false}, Layer{300, 203, WeightPrecision::i8, false}}) {
    prepare(wanted);
    if (layout.zeroPoint)
      return; // no layers of signed codes
    std::string x = llvm::formatv("tensor<?x{0}xi8>", padded),
                y = llvm::formatv("tensor<?x{0}xi32>", layer.outputs);
    std::string w = llvm::formatv("tensor<{0}x{1}x{2}x{3}xi8>", panels, groups, layout.columns, layout.terms);
    CompiledKernel kernel(parse("func.func @linear(%x: " + x + ", %w: " + w + ") -> " + y +
                                " {\n %y = seq.linear %x, %w : " + x + ", " + w + " -> " + y +
                                "\n return %y : " + y + "\n}"),
                          GetParam());
    ASSERT_EQ(kernel.error, "") << messages;
    HostTensor input = randomInput(7);
    HostTensor sums = kernel.run({input, weight}, {{7, layer.outputs}})[0];
    for (int64_t i = 0; i < sums.elements(); ++i) {
      int32_t sum = 0;
      for (int64_t k = 0; k < layer.features; ++k)
        sum += input.values<int8_t>()[i / layer.outputs * padded + k] *
               weight.values<int8_t>()[weightIndex(k, i % layer.outputs)];
      ASSERT_EQ(sums.values<int32_t>()[i], sum) << i;
    }
  }
}

TEST_P(LinearTest, FetchesEveryPanelButTheFirst) {
  for (auto precision : {WeightPrecision::f32, WeightPrecision::i8, WeightPrecision::i4}) {
    prepare({256, 320, precision, false});
    CompiledKernel kernel(parse(text()), GetParam(), /*isWatched=*/true);
    ASSERT_EQ(kernel.error, "") << messages;
    for (int64_t rows : {64, 101, 150}) {
      SCOPED_TRACE(std::to_string(rows) + " rows, precision " + std::to_string(static_cast<int>(precision)));
      fetchedAhead.clear();
      HostTensor input = randomInput(rows);
      kernel.run(arguments(input, 0, rows), {{rows, layer.outputs}});
      if (!machine().shape().prefetches ||
          (machine().shape().hasMatrixTiles && precision == WeightPrecision::i8)) {
        EXPECT_TRUE(fetchedAhead.empty());
        continue;
      }
      std::vector<bool> isFetched(weight.bytes());
      int64_t panel = weight.bytes() / panels, all = 0;
      for (Fetched range : fetchedAhead) {
        ASSERT_GE(range.offset, panel);
        all += range.bytes;
        for (int64_t at = range.offset; at < std::min(weight.bytes(), range.offset + range.bytes); ++at)
          isFetched[at] = true;
      }
      // The first line of all is left to chance.
      EXPECT_LE(std::count(isFetched.begin() + panel, isFetched.end(), false), 64);
      // Once, of bytes once for each block of rows, rounded up to lines in each step.
      int64_t blocks = precision == WeightPrecision::f32 ? 1 : (rows + 63) / 64;
      EXPECT_LE(all, 2 * blocks * weight.bytes());
    }
  }
  // Few rows read everything once or twice anyway.
  CompiledKernel kernel(parse(text()), GetParam());
  for (int64_t rows : {1, 20}) {
    fetchedAhead.clear();
    HostTensor input = randomInput(rows);
    kernel.run(arguments(input, 0, rows), {{rows, layer.outputs}});
    EXPECT_TRUE(fetchedAhead.empty());
  }
}

HALYARD_INSTANTIATE_FOR_ALL_TARGETS(LinearTest);

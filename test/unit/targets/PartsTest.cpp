// Layers of f32 whose inputs are split into parts of bf16, for targets that multiply these: as accurate as a
// loop of fused multiply-adds, whatever the magnitudes.
#include "KernelTestBase.h"

#include "mlir/AsmParser/AsmParser.h"
#include "targets/Common/CpuShape.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace halyard;
using namespace halyard::test;

namespace {
class PartsTest : public KernelTestBase {
protected:
  static bool hasTiles() { return machine().shape().hasMatrixTiles; }
  /// Numbers of all magnitudes between 2^-20 and 2^20.
  HostTensor anyFloats(llvm::ArrayRef<int64_t> shape) {
    HostTensor tensor = randomFloats(shape);
    std::uniform_int_distribution<int> exponents(-20, 20);
    for (float &value : tensor.mutableValues<float>())
      value = std::ldexp(value, exponents(random));
    return tensor;
  }
  /// The parts as seq.split defines them.
  HostTensor split(const HostTensor &input);
};

float fromBits(uint16_t bits) {
  uint32_t word = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

/// Errors of the sums of one layer, squared and added up.
struct Errors {
  double ofKernel = 0, ofLoop = 0;
};
} // namespace

HostTensor PartsTest::split(const HostTensor &input) {
  const int64_t rows = input.shape[0], features = input.shape[1];
  const int64_t terms = seq::SplitOp::termsOfPart(features), width = seq::SplitOp::width(features);
  HostTensor parts = HostTensor::allocate({rows, width}, mlir::parseType("bf16", &context));
  std::memset(parts.data.get(), 0, parts.bytes());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t k = 0; k < features; ++k) {
      float rest = input.values<float>()[row * features + k];
      for (int64_t part = 0; part < seq::SplitOp::kParts; ++part) {
        uint32_t word;
        std::memcpy(&word, &rest, sizeof word);
        const auto bits = static_cast<uint16_t>(word >> 16);
        parts.mutableValues<uint16_t>()[row * width + part * terms + k] = bits;
        rest -= fromBits(bits);
      }
      EXPECT_EQ(rest, 0.0f);
    }
  return parts;
}

TEST_P(PartsTest, SplitsFloats) {
  for (int64_t features : {1, 32, 37, 64, 510}) {
    const int64_t width = seq::SplitOp::width(features);
    std::string x = typeOf({-1, features}), p = llvm::formatv("tensor<?x{0}xbf16>", width);
    CompiledKernel kernel(parse("func.func @split(%x: " + x + ") -> " + p + " {\n %p = seq.split %x : " + x +
                                " -> " + p + "\n return %p : " + p + "\n}"),
                          GetParam());
    ASSERT_EQ(kernel.error, "") << messages;
    for (int64_t rows : {1, 5, 300}) {
      HostTensor input = anyFloats({rows, features});
      input.mutableValues<float>()[0] = -0.0f;
      HostTensor parts = kernel.run({input}, {{rows, width}})[0];
      if (hasTiles()) // elsewhere nobody reads them
        EXPECT_EQ(std::memcmp(parts.data.get(), split(input).data.get(), parts.bytes()), 0)
            << rows << " rows of " << features;
    }
  }
}

TEST_P(PartsTest, MultipliesAsAccuratelyAsFusedLoops) {
  struct Layer {
    int64_t features, outputs;
  };
  for (Layer layer : {Layer{64, 128}, Layer{37, 19}, Layer{512, 192}, Layer{300, 203}, Layer{129, 64}}) {
    SCOPED_TRACE(std::to_string(layer.features) + " to " + std::to_string(layer.outputs));
    const LinearLayout layout = machine().linearLayout(layer.features, layer.outputs, WeightPrecision::f32);
    const int64_t panels = llvm::divideCeil(layer.outputs, layout.columns), columns = layout.columns;
    std::string x = typeOf({-1, layer.features}), w = typeOf({panels, layer.features, columns, 1});
    std::string y = typeOf({-1, layer.outputs});
    std::string p = llvm::formatv("tensor<?x{0}xbf16>", seq::SplitOp::width(layer.features));
    CompiledKernel kernel(parse("func.func @linear(%x: " + x + ", %p: " + p + ", %w: " + w + ") -> " + y +
                                " {\n %y = seq.linear %x, %w parts(%p : " + p + ") : " + x + ", " + w +
                                " -> " + y + "\n return %y : " + y + "\n}"),
                          GetParam());
    ASSERT_EQ(kernel.error, "") << messages;
    EXPECT_EQ(llvm::is_contained(kernel.undefinedSymbols(), "halyard_tiles_multiply_floats"),
              hasTiles() && columns >= 32);

    constexpr int64_t kRows = 400;
    HostTensor input = anyFloats({kRows, layer.features});
    HostTensor weight = anyFloats({panels, layer.features, columns, 1});
    auto run = [&](int64_t first, int64_t rows) {
      HostTensor some = HostTensor::allocate({rows, layer.features}, input.elementType);
      std::memcpy(some.data.get(), input.values<float>().data() + first * layer.features, some.bytes());
      return kernel.run({some, split(some), weight}, {{rows, layer.outputs}})[0];
    };
    HostTensor all = run(0, kRows);
    Errors errors;
    for (int64_t i = 0; i < kRows; ++i)
      for (int64_t o = 0; o < layer.outputs; ++o) {
        double exact = 0, largest = 0;
        float loop = 0;
        for (int64_t k = 0; k < layer.features; ++k) {
          const float a = input.values<float>()[i * layer.features + k];
          const float b = weight.values<float>()[(o / columns * layer.features + k) * columns + o % columns];
          exact += double(a) * b;
          largest = std::max(largest, std::fabs(double(a) * b));
          loop = std::fma(a, b, loop);
        }
        const double ofKernel = (all.values<float>()[i * layer.outputs + o] - exact) / largest;
        errors.ofKernel += ofKernel * ofKernel;
        errors.ofLoop += std::pow((loop - exact) / largest, 2);
        ASSERT_LE(std::fabs(ofKernel), 2e-6) << "row " << i << ", column " << o;
      }
    // Short sums are hardly rounded, and what is left out of products shows.
    EXPECT_LE(errors.ofKernel, 2 * errors.ofLoop);
    for (int64_t count : {1, 3, 16, 17, 31, 32, 33, 64, 255, 257, 384}) {
      HostTensor some = run(kRows - count, count);
      const float *same = all.values<float>().data() + (kRows - count) * layer.outputs;
      EXPECT_EQ(std::memcmp(some.data.get(), same, some.bytes()), 0) << count << " rows";
    }
  }
}

HALYARD_INSTANTIATE_FOR_ALL_TARGETS(PartsTest);

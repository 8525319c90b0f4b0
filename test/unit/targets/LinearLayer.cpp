// Layers that are packed and computed by plain loops; see the header.
#include "LinearLayer.h"

#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace halyard;
using namespace halyard::test;

namespace {
/// Terms of a group of 4-bit codes.
constexpr int64_t kGroup = 32;

/// bf16 or f16.
const llvm::fltSemantics &semantics(WeightPrecision precision) {
  return precision == WeightPrecision::bf16 ? llvm::APFloat::BFloat() : llvm::APFloat::IEEEhalf();
}
uint16_t toWord(float value, WeightPrecision precision) {
  llvm::APFloat word(value);
  bool losesInfo;
  word.convert(semantics(precision), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return word.bitcastToAPInt().getZExtValue();
}
float fromWord(uint16_t word, WeightPrecision precision) {
  return llvm::APFloat(semantics(precision), llvm::APInt(16, word)).convertToFloat();
}
/// A code that makes a narrow pair; one in four as large as it may be.
int codeBeside(int code, std::mt19937 &random) {
  int least = std::max(-127, code < 0 ? -128 - code : -127),
      most = std::min(127, code < 0 ? 127 : 128 - code);
  if (random() % 4 == 0)
    return code < 0 ? least : most;
  return std::uniform_int_distribution<int>(least, most)(random);
}
bool hasWords(WeightPrecision precision) {
  return precision == WeightPrecision::bf16 || precision == WeightPrecision::f16;
}
} // namespace

/// Where term k of column o is. Of 4-bit codes two share a byte.
int64_t LinearTest::weightIndex(int64_t k, int64_t o) const {
  int64_t group = isGrouped() ? k / (2 * layout.terms) : k / layout.terms;
  return (((o / layout.columns) * groups + group) * layout.columns + o % layout.columns) * layout.terms +
         k % layout.terms;
}

void LinearTest::prepare(const Layer &wanted, const Target &layoutOf) {
  layer = wanted;
  layout = layoutOf.linearLayout(layer.features, layer.outputs, layer.precision);
  if (GetParam() == kSameBits && isGrouped()) // as weights are packed: sums in f32 would take a column's off
    layout.zeroPoint = 0;
  padded = llvm::alignTo(layer.features, isGrouped() ? kGroup : layout.terms);
  groups = padded / layout.terms / (isGrouped() ? 2 : 1);
  panels = llvm::divideCeil(layer.outputs, layout.columns);
  const char *types[] = {"f32", "bf16", "f16", "i8", hasUnsignedNibbles() ? "ui8" : "i8"};
  weight = HostTensor::allocate({panels, groups, layout.columns, layout.terms},
                                type(types[static_cast<int>(layer.precision)]));
  std::memset(weight.data.get(), 0, weight.bytes());
  scale =
      isGrouped() ? randomFloats({panels, padded / kGroup, layout.columns}) : randomFloats({layer.outputs});
  bias = randomFloats({layer.outputs});
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> codes(-127, 127), nibbles(-8, 7);
  for (int64_t k = 0; k < layer.features; ++k)
    for (int64_t o = 0; o < layer.outputs; ++o) {
      int64_t at = weightIndex(k, o);
      if (layer.precision == WeightPrecision::f32)
        static_cast<float *>(weight.data.get())[at] = normal(random);
      else if (hasWords(layer.precision))
        static_cast<uint16_t *>(weight.data.get())[at] = toWord(normal(random), layer.precision);
      else if (isGrouped())
        static_cast<uint8_t *>(weight.data.get())[at] |= (nibbles(random) & 15)
                                                         << (k / layout.terms % 2 ? 4 : 0);
      else
        static_cast<int8_t *>(weight.data.get())[at] =
            isNarrow() && k % 2
                ? codeBeside(static_cast<int8_t *>(weight.data.get())[weightIndex(k - 1, o)], random)
                : codes(random);
    }
  if (hasUnsignedNibbles()) // what is beyond the matrix too
    for (uint8_t &byte : weight.mutableValues<uint8_t>())
      byte ^= LinearLayout::kNibbleSigns;
  std::vector<int32_t> integerSums;
  std::vector<float> scaledSums;
  for (int64_t o = 0; o < layer.outputs; ++o) {
    double sum = 0;
    for (int64_t k = 0; k < layer.features; ++k)
      sum += weightAt(k, o);
    integerSums.push_back(sum);
    scaledSums.push_back(sum);
  }
  sums = isGrouped() ? floats({layer.outputs}, scaledSums) : smallIntegers({layer.outputs}, integerSums);
}

std::string LinearTest::text() const {
  auto n = std::to_string(layer.outputs);
  const char *inputs[] = {"f32", "bf16", "f16", layout.zeroPoint ? "ui8" : "i8"};
  const char *weights[] = {"f32", "bf16", "f16", hasUnsignedNibbles() ? "ui8" : "i8"};
  int index = std::min(static_cast<int>(layer.precision), 3);
  std::string x = "tensor<?x" + std::to_string(padded) + "x" + inputs[index] + ">";
  std::string w = "tensor<" + std::to_string(panels) + "x" + std::to_string(groups) + "x" +
                  std::to_string(layout.columns) + "x" + std::to_string(layout.terms) + "x" + weights[index] +
                  ">";
  std::string y = "tensor<?x" + n + "xf32>", row = "tensor<" + n + "xf32>",
              sum = "tensor<" + n + (isGrouped() ? "xf32>" : "xi32>");
  std::string scales = isGrouped()
                           ? "tensor<" + std::to_string(panels) + "x" + std::to_string(padded / kGroup) +
                                 "x" + std::to_string(layout.columns) + "xf32>"
                           : row;
  std::string result = "func.func @linear(%x: " + x + ", %w: " + w;
  if (isCoded())
    result += ", %s: " + scales + ", %t: tensor<?xf32>";
  if (isCoded() && layout.zeroPoint)
    result += ", %c: " + sum;
  if (layer.hasEpilogue)
    result += ", %b: " + row + ", %r: " + y;
  result += ") -> " + y + " {\n %y = seq.linear %x, %w ";
  if (isCoded())
    result += "scale(%s : " + scales + ") input_scale(%t : tensor<?xf32>) ";
  if (isCoded() && layout.zeroPoint)
    result += "column_sums(%c : " + sum + ") ";
  if (isCoded())
    result += "{zero_point = " + std::to_string(layout.zeroPoint) + " : i64" +
              (isGrouped()  ? ", group = " + std::to_string(kGroup) + " : i64} "
               : isNarrow() ? ", narrow_pairs} "
                            : "} ");
  result += ": " + x + ", " + w + " -> " + y + "\n";
  if (!layer.hasEpilogue)
    return result + " return %y : " + y + "\n}";
  return result + R"(
    %c0 = arith.constant 0 : index
    %n = tensor.dim %y, %c0 : )" +
         y + R"(
    %e = tensor.empty(%n) : )" +
         y + R"(
    %z = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>,
        affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
        ins(%y, %b, %r : )" +
         y + ", " + row + ", " + y + ") outs(%e : " + y + R"() {
      ^bb0(%a: f32, %d: f32, %f: f32, %o: f32):
        %u = arith.addf %a, %d : f32
        %h = math.tanh %u : f32
        %m = arith.mulf %u, %h : f32
        %v = arith.addf %m, %f : f32
        linalg.yield %v : f32
    } -> )" +
         y + "\n return %z : " + y + "\n}";
}

HostTensor LinearTest::randomInput(int64_t rows) {
  const char *types[] = {"f32", "bf16", "f16", layout.zeroPoint ? "ui8" : "i8"};
  HostTensor input =
      HostTensor::allocate({rows, padded}, type(types[std::min(static_cast<int>(layer.precision), 3)]));
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> codes(-127, 127);
  for (int64_t i = 0; i < rows * padded; ++i) {
    if (layer.precision == WeightPrecision::f32)
      static_cast<float *>(input.data.get())[i] = normal(random);
    else if (hasWords(layer.precision))
      static_cast<uint16_t *>(input.data.get())[i] = toWord(normal(random), layer.precision);
    else
      static_cast<uint8_t *>(input.data.get())[i] = codes(random) + layout.zeroPoint;
  }
  inputScale = randomFloats({rows});
  residual = randomFloats({rows, layer.outputs});
  return input;
}

HostTensor LinearTest::slice(const HostTensor &tensor, int64_t firstRow, int64_t rows) {
  llvm::SmallVector<int64_t> shape(tensor.shape.begin(), tensor.shape.end());
  size_t rowBytes = tensor.bytes() / shape[0];
  shape[0] = rows;
  HostTensor result = HostTensor::allocate(shape, tensor.elementType);
  std::memcpy(result.data.get(), static_cast<char *>(tensor.data.get()) + firstRow * rowBytes,
              rows * rowBytes);
  return result;
}

std::vector<CompiledKernel::Argument> LinearTest::arguments(const HostTensor &input, int64_t firstRow,
                                                            int64_t rows) {
  std::vector<CompiledKernel::Argument> result{slice(input, firstRow, rows), weight};
  if (isCoded()) {
    result.push_back(scale);
    result.push_back(slice(inputScale, firstRow, rows));
  }
  if (isCoded() && layout.zeroPoint)
    result.push_back(sums);
  if (layer.hasEpilogue) {
    result.push_back(bias);
    result.push_back(slice(residual, firstRow, rows));
  }
  return result;
}

/// The weight itself, scaled if its group has a scale.
double LinearTest::weightAt(int64_t k, int64_t o) const {
  int64_t at = weightIndex(k, o);
  if (layer.precision == WeightPrecision::f32)
    return static_cast<float *>(weight.data.get())[at];
  if (hasWords(layer.precision))
    return fromWord(static_cast<uint16_t *>(weight.data.get())[at], layer.precision);
  int8_t code = static_cast<int8_t *>(weight.data.get())[at];
  if (!isGrouped())
    return code;
  if (hasUnsignedNibbles())
    code ^= LinearLayout::kNibbleSigns;
  int nibble = static_cast<int8_t>(k / layout.terms % 2 ? code & 0xf0 : code << 4) / 16;
  int64_t scaleAt =
      ((o / layout.columns) * (padded / kGroup) + k / kGroup) * layout.columns + o % layout.columns;
  return nibble * double(scale.values<float>()[scaleAt]);
}

double LinearTest::inputAt(const HostTensor &input, int64_t i, int64_t k) const {
  int64_t at = i * padded + k;
  if (layer.precision == WeightPrecision::f32)
    return static_cast<float *>(input.data.get())[at];
  if (hasWords(layer.precision))
    return fromWord(static_cast<uint16_t *>(input.data.get())[at], layer.precision);
  if (layout.zeroPoint)
    return static_cast<uint8_t *>(input.data.get())[at] - double(layout.zeroPoint);
  return static_cast<int8_t *>(input.data.get())[at];
}

std::vector<double> LinearTest::expected(const HostTensor &input) {
  std::vector<double> result;
  for (int64_t i = 0; i < input.shape[0]; ++i)
    for (int64_t o = 0; o < layer.outputs; ++o) {
      double sum = 0;
      for (int64_t k = 0; k < layer.features; ++k)
        sum += weightAt(k, o) * inputAt(input, i, k);
      if (isCoded())
        sum *= (isGrouped() ? 1.0 : scale.values<float>()[o]) * inputScale.values<float>()[i];
      if (layer.hasEpilogue) {
        sum += bias.values<float>()[o];
        sum = sum * std::tanh(sum) + residual.values<float>()[i * layer.outputs + o];
      }
      result.push_back(sum);
    }
  return result;
}

/// All rows at once are right, and any rows without the others are the same bits.
void LinearTest::checkRows(const CompiledKernel &kernel, const HostTensor &input) {
  int64_t all = input.shape[0];
  auto whole = kernel.run(arguments(input, 0, all), {{all, layer.outputs}});
  expectNear(whole[0], expected(input));
  struct Range {
    int64_t first, rows;
  };
  for (Range range : {Range{0, 1}, Range{all - 1, 1}, Range{3, 1}, Range{1, 2}, Range{2, 3}, Range{5, 4},
                      Range{0, 5}, Range{7, 6}, Range{4, 7}, Range{1, 8}, Range{0, 11}, Range{2, 17}}) {
    if (range.first + range.rows > all)
      continue;
    auto some = kernel.run(arguments(input, range.first, range.rows), {{range.rows, layer.outputs}});
    EXPECT_EQ(std::memcmp(some[0].data.get(),
                          static_cast<char *>(whole[0].data.get()) + range.first * layer.outputs * 4,
                          some[0].bytes()),
              0)
        << range.rows << " rows from row " << range.first;
  }
}

// Packing of constant matrices; see the header.
#include "passes/Transforms/WeightPacking.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>

using namespace mlir;

namespace halyard {

namespace {

/// Makes the panels of a matrix: `convert(term, output)` where there is an element, 0 elsewhere. Elements are
/// visited in the order they are written.
template <typename T, typename Convert>
HostTensor makePanels(const Matrix &matrix, const LinearLayout &layout, Type elementType, Convert convert) {
  int64_t panels = llvm::divideCeil(matrix.outputs, layout.columns);
  int64_t blocks = llvm::divideCeil(matrix.features, layout.terms);
  HostTensor packed = HostTensor::allocate({panels, blocks, layout.columns, layout.terms}, elementType);
  T *out = packed.mutableValues<T>().data();
  for (int64_t panel = 0; panel < panels; ++panel)
    for (int64_t block = 0; block < blocks; ++block)
      for (int64_t column = 0; column < layout.columns; ++column)
        for (int64_t inBlock = 0; inBlock < layout.terms; ++inBlock) {
          int64_t term = block * layout.terms + inBlock, output = panel * layout.columns + column;
          *out++ = term < matrix.features && output < matrix.outputs ? convert(term, output) : T(0);
        }
  return packed;
}

} // namespace

uint16_t toBFloat(float value) {
  llvm::APFloat wide(value);
  bool losesInformation;
  wide.convert(llvm::APFloat::BFloat(), llvm::APFloat::rmNearestTiesToEven, &losesInformation);
  return wide.bitcastToAPInt().getZExtValue();
}

uint16_t toHalf(float value) {
  llvm::APFloat largest = llvm::APFloat::getLargest(llvm::APFloat::IEEEhalf());
  float limit = largest.convertToFloat();
  llvm::APFloat half(std::clamp(value, -limit, limit));
  bool losesInformation;
  half.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven, &losesInformation);
  return half.bitcastToAPInt().getZExtValue();
}

/// Whether a value is a multiple of a step, but for what f32 rounds of it.
static bool isMultiple(float value, float step) {
  float steps = value / step;
  return std::fabs(steps - std::nearbyint(steps)) < 0x1p-12f;
}

namespace {

using ValueAt = llvm::function_ref<float(int64_t)>;

float largestMagnitude(ValueAt valueAt, int64_t count) {
  float largest = 0;
  for (int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::fabs(valueAt(i)));
  return largest;
}

/// The smallest step from 1/127 of the largest magnitude on, not 0, that all values are multiples of and that
/// `isWanted`.
std::optional<float> commonStep(ValueAt valueAt, int64_t count, llvm::function_ref<bool(float)> isWanted) {
  float largest = largestMagnitude(valueAt, count);
  // Random values leave the loop at the first or second of them.
  for (int steps = 127; steps > 0; --steps) {
    int64_t i = 0;
    while (i < count && isMultiple(valueAt(i), largest / steps))
      ++i;
    if (i == count && isWanted(largest / steps))
      return largest / steps;
  }
  return std::nullopt;
}

bool isAnyStep(float) { return true; }

} // namespace

float codeScale(ValueAt valueAt, int64_t count) {
  float largest = largestMagnitude(valueAt, count);
  if (largest == 0)
    return 1;
  return commonStep(valueAt, count, isAnyStep).value_or(largest / 127);
}

int8_t codeOf(float value, float scale) {
  return static_cast<int8_t>(std::clamp(std::nearbyint(value / scale), -127.0f, 127.0f));
}

PackedWeight packFloats(const Matrix &matrix, const LinearLayout &layout) {
  auto convert = [&](int64_t term, int64_t output) { return matrix.at(term, output); };
  Type type = matrix.tensor.elementType;
  return {toAttribute(makePanels<float>(matrix, layout, type, convert)), {}, {}};
}

PackedWeight packBFloats(const Matrix &matrix, const LinearLayout &layout) {
  auto convert = [&](int64_t term, int64_t output) { return toBFloat(matrix.at(term, output)); };
  Type type = BFloat16Type::get(matrix.tensor.elementType.getContext());
  return {toAttribute(makePanels<uint16_t>(matrix, layout, type, convert)), {}, {}};
}

PackedWeight packHalves(const Matrix &matrix, const LinearLayout &layout) {
  auto convert = [&](int64_t term, int64_t output) { return toHalf(matrix.at(term, output)); };
  Type type = Float16Type::get(matrix.tensor.elementType.getContext());
  return {toAttribute(makePanels<uint16_t>(matrix, layout, type, convert)), {}, {}};
}

namespace {

/// Codes of one group of an output's terms.
struct NibbleGroup {
  uint16_t scale; // bf16
  int8_t codes[kNibbleGroup];
};

float fromBFloat(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

/// Codes for a scale; returns the squared error.
double roundToNibbles(ArrayRef<float> values, float scale, int8_t *codes) {
  double error = 0;
  for (auto [value, code] : llvm::zip(values, MutableArrayRef(codes, values.size()))) {
    float nearest = std::clamp(std::nearbyint(value / scale), -8.0f, 7.0f);
    code = static_cast<int8_t>(nearest);
    double difference = double(value) - double(nearest) * scale;
    error += difference * difference;
  }
  return error;
}

NibbleGroup makeGroup(ArrayRef<float> values) {
  float extreme = *llvm::max_element(values, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  NibbleGroup best = {toBFloat(1.0f), {}};
  if (extreme == 0)
    return best;
  double smallest = std::numeric_limits<double>::infinity();
  for (float most : {-8.0f, -8.5f, -7.75f, -7.5f, -7.25f, -7.0f, -6.75f, -6.5f, -6.0f}) {
    NibbleGroup group = {toBFloat(extreme / most), {}};
    double error = roundToNibbles(values, fromBFloat(group.scale), group.codes);
    if (error < smallest)
      std::tie(smallest, best) = std::pair(error, group);
  }
  return best;
}

} // namespace

PackedWeight packNibbles(const Matrix &matrix, const LinearLayout &layout) {
  Builder builder(matrix.tensor.elementType.getContext());
  int64_t factor = layout.terms, width = layout.columns, panels = llvm::divideCeil(matrix.outputs, width);
  int64_t groups = llvm::divideCeil(matrix.features, kNibbleGroup),
          blocks = groups * kNibbleGroup / (2 * factor);
  Type element = layout.unsignedNibbles ? builder.getIntegerType(8, /*isSigned=*/false) : builder.getI8Type();
  HostTensor bytes = HostTensor::allocate({panels, blocks, width, factor}, element);
  HostTensor scales = HostTensor::allocate({panels, groups, width}, builder.getBF16Type());
  HostTensor sums = HostTensor::allocate({matrix.outputs}, builder.getF32Type());
  llvm::fill(bytes.mutableValues<uint8_t>(),
             layout.unsignedNibbles ? LinearLayout::kNibbleSigns : uint8_t(0));
  llvm::fill(scales.mutableValues<uint16_t>(), uint16_t(0));
  for (int64_t output = 0; output < matrix.outputs; ++output) {
    int64_t panel = output / width, column = output % width;
    double sum = 0;
    for (int64_t group = 0; group < groups; ++group) {
      float values[kNibbleGroup] = {};
      for (int64_t i = 0; i < kNibbleGroup && group * kNibbleGroup + i < matrix.features; ++i)
        values[i] = matrix.at(group * kNibbleGroup + i, output);
      NibbleGroup codes = makeGroup(values);
      scales.mutableValues<uint16_t>()[(panel * groups + group) * width + column] = codes.scale;
      for (int64_t i = 0; i < kNibbleGroup; ++i) {
        int64_t term = group * kNibbleGroup + i, block = term / (2 * factor);
        int64_t at = ((panel * blocks + block) * width + column) * factor + term % factor;
        bytes.mutableValues<uint8_t>()[at] ^= (codes.codes[i] & 15) << (term / factor % 2 * 4);
        sum += double(codes.codes[i]) * fromBFloat(codes.scale);
      }
    }
    sums.mutableValues<float>()[output] = static_cast<float>(sum);
  }
  return {toAttribute(bytes), toAttribute(scales), layout.zeroPoint ? toAttribute(sums) : ElementsAttr()};
}

namespace {

/// Whether the codes of neighbours add up to 128 at most where they have the same sign.
bool arePairsNarrow(ValueAt valueAt, int64_t count, float scale) {
  constexpr int kMost = 128;
  for (int64_t i = 0; i + 1 < count; i += 2) {
    int first = codeOf(valueAt(i), scale), second = codeOf(valueAt(i + 1), scale);
    if ((first < 0) == (second < 0) && std::abs(first + second) > kMost)
      return false;
  }
  return true;
}

/// The scale from `scale` on that makes pairs narrow, the least but for what rounding asks for; none if that
/// would lose something of values that were codes before.
std::optional<float> narrowScale(ValueAt valueAt, int64_t count, float scale) {
  constexpr float kMost = 128, kStep = 1 + 0x1p-12f;
  auto isNarrow = [&](float step) { return arePairsNarrow(valueAt, count, step); };
  if (isNarrow(scale))
    return scale;
  if (std::optional<float> step = commonStep(valueAt, count, isNarrow))
    return step;
  if (commonStep(valueAt, count, isAnyStep))
    return std::nullopt;
  float largest = 0;
  for (int64_t i = 0; i + 1 < count; i += 2)
    if ((valueAt(i) < 0) == (valueAt(i + 1) < 0))
      largest = std::max(largest, std::fabs(valueAt(i) + valueAt(i + 1)));
  scale = std::max(scale, largest / kMost);
  while (!isNarrow(scale)) // the smallest floats have no others so near
    scale = std::max(scale * kStep, std::nextafter(scale, kMost));
  return scale;
}

} // namespace

PackedWeight packCodes(const Matrix &matrix, const LinearLayout &layout) {
  Builder builder(matrix.tensor.elementType.getContext());
  HostTensor scales = HostTensor::allocate({matrix.outputs}, builder.getF32Type());
  HostTensor sums = HostTensor::allocate({matrix.outputs}, builder.getI32Type());
  MutableArrayRef<float> scale = scales.mutableValues<float>();
  MutableArrayRef<int32_t> sum = sums.mutableValues<int32_t>();
  bool isNarrow = layout.narrowPairs;
  for (int64_t output = 0; output < matrix.outputs; ++output) {
    auto valueAt = [&](int64_t term) { return matrix.at(term, output); };
    scale[output] = codeScale(valueAt, matrix.features);
    sum[output] = 0;
    std::optional<float> narrow;
    if (isNarrow)
      narrow = narrowScale(valueAt, matrix.features, scale[output]);
    isNarrow &= narrow.has_value();
    scale[output] = narrow.value_or(scale[output]);
  }
  auto convert = [&](int64_t term, int64_t output) {
    int8_t rounded = codeOf(matrix.at(term, output), scale[output]);
    sum[output] += rounded;
    return rounded;
  };
  HostTensor panels = makePanels<int8_t>(matrix, layout, builder.getI8Type(), convert);
  return {toAttribute(panels), toAttribute(scales), layout.zeroPoint ? toAttribute(sums) : ElementsAttr(),
          isNarrow};
}

namespace {

/// Reads elements of a packed weight.
class Unpacking {
public:
  explicit Unpacking(const PackedWeight &weight)
      : panels(fromAttribute(weight.panels)), width(panels.shape[2]), factor(panels.shape[3]) {
    if (weight.scales)
      scales = fromAttribute(weight.scales);
  }

  float at(int64_t term, int64_t output) const {
    bool isGrouped = scales.rank() == 3;
    int64_t block = term / factor, half = isGrouped ? block % 2 : 0;
    block = isGrouped ? block / 2 : block;
    int64_t row = output / width * panels.shape[1] + block;
    int64_t place = (row * width + output % width) * factor + term % factor;
    if (panels.elementType.isF32())
      return panels.values<float>()[place];
    if (panels.elementType.isBF16())
      return fromBFloat(panels.values<uint16_t>()[place]);
    if (panels.elementType.isF16())
      return llvm::APFloat(llvm::APFloat::IEEEhalf(), llvm::APInt(16, panels.values<uint16_t>()[place]))
          .convertToFloat();
    int8_t code = panels.values<int8_t>()[place];
    if (!isGrouped)
      return float(code) * scales.values<float>()[output];
    if (panels.elementType.isUnsignedInteger())
      code ^= LinearLayout::kNibbleSigns;
    int8_t nibble = int8_t(half ? code & -16 : uint8_t(code) << 4) / 16;
    int64_t group = output / width * scales.shape[1] + term / kNibbleGroup;
    return float(nibble) * fromBFloat(scales.values<uint16_t>()[group * width + output % width]);
  }

private:
  HostTensor panels, scales;
  int64_t width, factor;
};

} // namespace

HostTensor unpackWeight(const PackedWeight &weight, int64_t features, int64_t outputs) {
  Unpacking packed(weight);
  HostTensor matrix = HostTensor::allocate({outputs, features}, Float32Type::get(weight.panels.getContext()));
  float *out = matrix.mutableValues<float>().data();
  for (int64_t output = 0; output < outputs; ++output)
    for (int64_t term = 0; term < features; ++term)
      *out++ = packed.at(term, output);
  return matrix;
}

} // namespace halyard

// The search for what stays wide; see the header.
#include "compiler/driver/AutoPrecision.h"
#include "compiler/driver/AccuracyReport.h"
#include "compiler/driver/Diagnostics.h"
#include "passes/Transforms/WeightGroups.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;

namespace halyard::driver {
namespace {

constexpr llvm::StringLiteral kNarrow = "int8", kWide = "bf16";

/// Parts that a group is split into at most: neighbouring weights stay together in deep models.
constexpr size_t kMostParts = 8;

double extraBytes(ArrayRef<WeightChoice> weights) {
  double bytes = 0;
  for (const WeightChoice &weight : weights)
    bytes += double(weight.elements) * (bytesPerElement(kWide) - bytesPerElement(weight.precision));
  return bytes;
}

} // namespace

bool AutoPrecision::isWithin(const AccuracyMeasure &measure) const {
  return measure.divergence() <= std::log1p(tolerance) && measure.differing() <= without.differing();
}

PipelineOptions AutoPrecision::optionsOf(const Parts &parts) const {
  PipelineOptions options = narrow;
  for (const Part &part : parts)
    for (const WeightChoice &weight : part.weights)
      options.except.push_back((weight.name + "=" + kWide).str());
  return options;
}

/// Measures each part narrow by itself, and puts those first that cost most for their bytes.
LogicalResult AutoPrecision::measureAlone(AccuracyStudy &study, Parts &parts) {
  for (Part &part : parts) {
    PipelineOptions alone = study.reference();
    for (const WeightChoice &weight : part.weights)
      alone.except.push_back(weight.name + "=" + weight.precision);
    if (failed(study.measure(alone, part.name, part.alone)))
      return failure();
  }
  // Names are different, so the order is one whatever the algorithm.
  llvm::sort(parts, [](const Part &a, const Part &b) {
    return std::make_tuple(-a.harm(), a.name) < std::make_tuple(-b.harm(), b.name);
  });
  return success();
}

/// Whether the model is within the tolerance if the first `count` parts stay wide beside `kept`. What is
/// better than all before becomes the choice.
FailureOr<bool> AutoPrecision::tryWide(AccuracyStudy &study, const Parts &kept, const Parts &parts,
                                       size_t count) {
  Parts wide = kept;
  wide.insert(wide.end(), parts.begin(), parts.begin() + count);
  AccuracyMeasure measure;
  if (failed(study.measure(optionsOf(wide), "auto, " + std::to_string(wide.size()) + " wide", measure)))
    return failure();
  bool isFirst = bestMeasure.positions() == 0;
  if (isFirst)
    without = measure;
  bool isBetter =
      isWithin(measure) || (!isWithin(bestMeasure) && measure.differing() <= without.differing() &&
                            measure.divergence() < bestMeasure.divergence());
  if (!isWithin(measure))
    tooMuch = measure.divergence();
  if (isFirst || isBetter) {
    best = std::move(wide);
    bestMeasure = measure;
  }
  return isWithin(measure);
}

/// How many parts have to stay wide if what each costs alone is what it adds to the whole; at least one.
size_t AutoPrecision::predicted(const Parts &parts) const {
  double divergence = tooMuch;
  size_t count = 0;
  while (count < parts.size() && (count == 0 || divergence > std::log1p(tolerance)))
    divergence -= parts[count++].alone.divergence();
  return count;
}

/// How many of `parts`, from the first on, have to stay wide beside `kept`, which alone is not enough: from
/// the number that is predicted one by one to the last that is enough. One more than there are if none is.
FailureOr<size_t> AutoPrecision::fewest(AccuracyStudy &study, const Parts &kept, const Parts &parts) {
  size_t count = predicted(parts);
  FailureOr<bool> isEnough = tryWide(study, kept, parts, count);
  while (succeeded(isEnough) && !*isEnough && count < parts.size()) {
    isEnough = tryWide(study, kept, parts, ++count);
    if (succeeded(isEnough) && *isEnough)
      return count;
  }
  if (succeeded(isEnough) && !*isEnough)
    return parts.size() + 1;
  while (succeeded(isEnough) && *isEnough && count > 1)
    isEnough = tryWide(study, kept, parts, --count);
  if (failed(isEnough))
    return failure();
  return *isEnough ? count : count + 1;
}

/// Finds which weights of the last part that was needed can be narrow after all.
LogicalResult AutoPrecision::split(AccuracyStudy &study, const Parts &kept, const Part &last) {
  size_t count = last.weights.size(), runs = std::min(count, kMostParts);
  if (runs < 2)
    return success();
  Parts parts;
  for (size_t i = 0; i < runs; ++i) {
    Part part;
    part.weights.assign(last.weights.begin() + i * count / runs,
                        last.weights.begin() + (i + 1) * count / runs);
    part.name = part.weights.front().name;
    if (part.weights.size() > 1)
      part.name += " to " + part.weights.back().name;
    part.bytes = extraBytes(part.weights);
    parts.push_back(std::move(part));
  }
  // Whatever is found to be enough here becomes the choice; if nothing is, the whole group stays it.
  return failure(failed(measureAlone(study, parts)) || failed(fewest(study, kept, parts)));
}

LogicalResult AutoPrecision::choose(AccuracyStudy &study, PipelineOptions &options) {
  narrow = options;
  narrow.weights = kNarrow.str();
  narrow.except.clear();
  options = narrow;
  FailureOr<std::vector<WeightChoice>> weights = chosenWeights(study.model(), narrow);
  if (failed(weights))
    return failure();
  FailureOr<bool> isEnough = tryWide(study, {}, {}, 0);
  if (failed(isEnough))
    return failure();
  Parts groups;
  for (StringRef group : weightGroups()) {
    Part part;
    for (const WeightChoice &weight : *weights)
      if (weight.group == group && weight.precision == kNarrow)
        part.weights.push_back(weight);
    weightCount += part.weights.size();
    part.name = group.str();
    part.bytes = extraBytes(part.weights);
    if (!part.weights.empty())
      groups.push_back(std::move(part));
  }
  if (!*isEnough && !groups.empty()) {
    if (failed(measureAlone(study, groups)))
      return failure();
    FailureOr<size_t> needed = fewest(study, {}, groups);
    if (failed(needed))
      return failure();
    if (*needed <= groups.size() &&
        failed(split(study, Parts(groups.begin(), groups.begin() + *needed - 1), groups[*needed - 1])))
      return failure();
  }
  options = optionsOf(best);
  measured = study.measured();
  return success();
}

void AutoPrecision::print(llvm::raw_ostream &out) const {
  size_t wide = 0;
  double bytes = 0;
  for (const Part &part : best) {
    wide += part.weights.size();
    bytes += part.bytes;
  }
  out << llvm::formatv("auto: {0} of {1} weights are int8", weightCount - wide, weightCount);
  if (wide)
    out << llvm::formatv(", the others {0}, for {1:F2} MB more", kWide, bytes * 1e-6);
  out << llvm::formatv("; divergence from f32 {0:F5}, wanted {1:F5}{2}", bestMeasure.divergence(),
                       std::log1p(tolerance), isWithin(bestMeasure) ? "" : ", which no choice reached");
  if (wide)
    out << llvm::formatv(", with all in int8 {0:F5}", without.divergence());
  out << llvm::formatv(" ({0} variants measured)\n", measured);
  for (const Part &part : best)
    out << llvm::formatv("  {0,-44}{1} for {2:F2} MB more; int8 alone costs {3:F5}\n", part.name, kWide,
                         part.bytes * 1e-6, part.alone.divergence());
}

llvm::json::Object AutoPrecision::json() const {
  llvm::json::Array wide;
  for (const Part &part : best) {
    llvm::json::Array weights, nodes;
    for (const WeightChoice &weight : part.weights) {
      weights.push_back(weight.name);
      nodes.push_back(describeLocation(weight.location));
    }
    wide.push_back(llvm::json::Object{{"weights", std::move(weights)},
                                      {"nodes", std::move(nodes)},
                                      {"precision", kWide},
                                      {"extra_bytes", int64_t(part.bytes)},
                                      {"divergence_alone", part.alone.divergence()}});
  }
  return llvm::json::Object{{"weights", kNarrow},
                            {"tolerance", tolerance},
                            {"within_tolerance", isWithin(bestMeasure)},
                            {"divergence", bestMeasure.divergence()},
                            {"divergence_all_narrow", without.divergence()},
                            {"agreement", bestMeasure.agreement()},
                            {"agreement_all_narrow", without.agreement()},
                            {"variants_measured", measured},
                            {"wide", std::move(wide)}};
}

} // namespace halyard::driver

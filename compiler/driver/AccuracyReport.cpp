// Measures group by group; see the header.
#include "compiler/driver/AccuracyReport.h"
#include "compiler/driver/ArtifactReport.h"
#include "compiler/driver/Diagnostics.h"
#include "passes/Transforms/WeightGroups.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace halyard::driver {
namespace {

constexpr llvm::StringLiteral kCaches = "caches";

/// "int8, f32", those that most elements have first.
std::string precisionsOf(ArrayRef<const WeightChoice *> weights) {
  llvm::MapVector<StringRef, int64_t> elements;
  for (const WeightChoice *weight : weights)
    elements[weight->precision] += weight->elements;
  auto ordered = elements.takeVector();
  llvm::sort(ordered, [](const auto &a, const auto &b) {
    return std::tie(b.second, a.first) < std::tie(a.second, b.first);
  });
  std::string text;
  for (const auto &[precision, count] : ordered)
    text += (text.empty() ? "" : ", ") + precision.str();
  return text;
}

double bytesOf(ArrayRef<const WeightChoice *> weights) {
  double bytes = 0;
  for (const WeightChoice *weight : weights)
    bytes += double(weight->elements) * bytesPerElement(weight->precision);
  return bytes;
}

/// Numbers that JSON has no word for become null.
llvm::json::Value number(double value) {
  return std::isfinite(value) ? llvm::json::Value(value) : llvm::json::Value(nullptr);
}

double perplexityChange(const AccuracyMeasure &measure) {
  return measure.perplexity() / measure.referencePerplexity() - 1;
}

} // namespace

double bytesPerElement(StringRef precision) {
  return llvm::StringSwitch<double>(precision)
      .Case("int4", 0.5)
      .Case("int8", 1)
      .Cases({"bf16", "f16"}, 2)
      .Default(4);
}

LogicalResult AccuracyReport::measureGroup(AccuracyStudy &study, const PipelineOptions &options,
                                           ArrayRef<const WeightChoice *> weights) {
  if (llvm::all_of(weights, [](const WeightChoice *weight) { return weight->precision == "f32"; }))
    return success();
  PipelineOptions alone = study.reference();
  for (const WeightChoice *weight : weights)
    alone.except.push_back(weight->name + "=" + weight->precision);
  Line line{weights.front()->group, precisionsOf(weights), bytesOf(weights), {}};
  if (failed(study.measure(alone, line.group, line.measure)))
    return failure();
  groups.push_back(std::move(line));
  return success();
}

LogicalResult AccuracyReport::measure(AccuracyStudy &study, const PipelineOptions &options) {
  texts = study.texts();
  isMadeUp = study.isMadeUp();
  FailureOr<std::vector<WeightChoice>> weights = chosenWeights(study.model(), options);
  if (failed(weights) || failed(study.measure(options, "all", all.measure)))
    return failure();
  SmallVector<const WeightChoice *> every;
  for (const WeightChoice &weight : *weights)
    every.push_back(&weight);
  all.group = "all";
  all.precisions = precisionsOf(every);
  all.bytes = double(study.weightsBytes());
  for (StringRef group : weightGroups()) {
    SmallVector<const WeightChoice *> members;
    llvm::copy_if(every, std::back_inserter(members),
                  [&](const WeightChoice *weight) { return weight->group == group; });
    if (failed(measureGroup(study, options, members)))
      return failure();
  }
  if (options.kv == "f32")
    return success();
  PipelineOptions alone = study.reference();
  alone.kv = options.kv;
  groups.push_back({kCaches.str(), options.kv, 0, {}});
  return study.measure(alone, kCaches, groups.back().measure);
}

void AccuracyReport::print(llvm::raw_ostream &out) const {
  out << llvm::formatv("beside f32, over {0} tokens of {1} {2}; perplexity in f32 {3:F3}\n",
                       all.measure.positions(), texts, isMadeUp ? "made-up texts" : "texts",
                       all.measure.referencePerplexity());
  out << llvm::formatv("{0,-24}{1,-18}{2,8}{3,10}{4,12}{5,10}{6,13}{7,12}\n", "", "stored as", "MB",
                       "agreement", "logit error", "largest", "perplexity", "divergence");
  auto line = [&](const Line &line) {
    std::string bytes = line.bytes ? llvm::formatv("{0:F2}", line.bytes * 1e-6).str() : "";
    out << llvm::formatv(
        "{0,-24}{1,-18}{2,8}{3,9:F2}%{4,11:F3}%{5,9:F2}%{6,12}%{7,12:F5}\n", line.group, line.precisions,
        bytes, line.measure.agreement() * 100, line.measure.error() * 100, line.measure.largestError() * 100,
        llvm::format("%+.3f", perplexityChange(line.measure) * 100), line.measure.divergence());
  };
  line(all);
  llvm::for_each(groups, line);
}

llvm::json::Object AccuracyReport::json() const {
  auto object = [](const Line &line) {
    const AccuracyMeasure &measure = line.measure;
    return llvm::json::Object{{"group", line.group},
                              {"precision", line.precisions},
                              {"weight_bytes", int64_t(line.bytes)},
                              {"agreement", measure.agreement()},
                              {"differing_tokens", measure.differing()},
                              {"logit_error", number(measure.error())},
                              {"largest_logit_error", number(measure.largestError())},
                              {"divergence", number(measure.divergence())},
                              {"perplexity", number(measure.perplexity())},
                              {"perplexity_change", number(perplexityChange(measure))}};
  };
  llvm::json::Array list;
  for (const Line &line : groups)
    list.push_back(object(line));
  return llvm::json::Object{{"texts", int64_t(texts)},
                            {"made_up", isMadeUp},
                            {"tokens", all.measure.positions()},
                            {"perplexity_f32", number(all.measure.referencePerplexity())},
                            {"all", object(all)},
                            {"groups", std::move(list)}};
}

LogicalResult addToReport(StringRef folder, StringRef key, llvm::json::Value value) {
  llvm::json::Object report;
  RunError error;
  if (!readReport(folder.str(), report, error))
    return printError(error.where, error.what), failure();
  report[key] = std::move(value);
  std::error_code failed;
  llvm::raw_fd_ostream file(error.where, failed);
  if (!failed) {
    file << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(report)));
    file.close();
    failed = file.error();
    file.clear_error();
  }
  return failed ? (printError(error.where, "cannot be written: " + failed.message()), failure()) : success();
}

} // namespace halyard::driver

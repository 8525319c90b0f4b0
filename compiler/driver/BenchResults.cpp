// Rates are made of medians over the repetitions.
#include "compiler/driver/BenchResults.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

namespace halyard::driver {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double megabytes(uint64_t bytes) { return double(bytes) * 1e-6; }

} // namespace

double BenchResults::tokensPerSecond() const {
  return double(batch) * double(newTokens - 1) / median(decode);
}

/// A step gives each text of the batch a token.
double BenchResults::bound() const { return double(batch) / median(read); }

double BenchResults::bandwidth() const { return double(stepBytes) / median(read); }

void BenchResults::print(bool json) const { json ? printJson() : printText(); }

void BenchResults::printText() const {
  llvm::raw_ostream &out = llvm::outs();
  out << llvm::formatv("{0} x source {1}, {2} new tokens, {3} threads, median of {4}\n", batch, sourceLength,
                       newTokens, threads, decode.size());
  out << llvm::formatv("load            {0,10:F2} ms    to the first token {1:F2} ms\n", load * 1e3,
                       loadToFirstToken * 1e3);
  out << llvm::formatv("encode          {0,10:F2} ms\n", median(encode) * 1e3);
  out << llvm::formatv("first token     {0,10:F2} ms\n", median(firstToken) * 1e3);
  out << llvm::formatv("decode          {0,10:F1} tokens/s, {1:F1}% of the bound of {2:F1}\n",
                       tokensPerSecond(), tokensPerSecond() / bound() * 100, bound());
  if (!step.empty())
    out << llvm::formatv("step            {0,10:F3} ms    of {1} rows {2:F3} ms\n", median(step) * 1e3, kRows,
                         median(stepOfRows) * 1e3);
  out << llvm::formatv("a step reads    {0,10:F1} MB at {1:F1} GB/s\n", megabytes(stepBytes),
                       bandwidth() * 1e-9);
  out << llvm::formatv("memory          {0,10:F1} MB at most, weights {1:F1}, arena {2:F1}\n",
                       megabytes(peakMemory), megabytes(weightsBytes), megabytes(arenaBytes));
  if (!profile.empty())
    printProfile(profile, steps(), encodes(), bandwidth());
}

void BenchResults::printJson() const {
  llvm::json::OStream json(llvm::outs());
  json.object([&] {
    json.attribute("source_length", sourceLength);
    json.attribute("new_tokens", newTokens);
    json.attribute("batch", batch);
    json.attribute("threads", threads);
    json.attribute("load_s", load);
    json.attribute("load_to_first_token_ms", loadToFirstToken * 1e3);
    json.attribute("encode_ms", median(encode) * 1e3);
    json.attribute("first_token_ms", median(firstToken) * 1e3);
    json.attribute("tokens_per_s", tokensPerSecond());
    if (!step.empty()) {
      json.attribute("step_ms", median(step) * 1e3);
      json.attribute("step_of_4_rows_ms", median(stepOfRows) * 1e3);
    }
    json.attribute("peak_rss_bytes", int64_t(peakMemory));
    json.attribute("weights_bytes", int64_t(weightsBytes));
    json.attribute("arena_bytes", int64_t(arenaBytes));
    json.attribute("bytes_per_step", int64_t(stepBytes));
    json.attribute("bound_tokens_per_s", bound());
    json.attribute("ratio_to_bound", tokensPerSecond() / bound());
    if (!profile.empty())
      json.attributeArray("profile", [&] { writeProfile(json, profile, steps(), encodes(), bandwidth()); });
  });
  llvm::outs() << "\n";
}

} // namespace halyard::driver

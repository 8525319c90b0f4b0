// JSON lines, and sources that are made up.
#include "compiler/driver/AccuracyData.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

namespace halyard::driver {
namespace {

/// How many sources are made up, and how long they are at most. Features cost whole encodings of a recording
/// or an image, so there are few.
constexpr int kTokenSources = 16, kFeatureSources = 3;
constexpr int32_t kShortestSource = 8, kLongestSource = 64;

bool fail(RunError &error, const std::string &where, const std::string &what) {
  error = {where, what, kModelError};
  return false;
}

/// Token ids; false if `value` is anything else.
bool readIds(const llvm::json::Value &value, std::vector<int32_t> &ids) {
  const llvm::json::Array *array = value.getAsArray();
  for (size_t i = 0; array && i < array->size(); ++i) {
    std::optional<int64_t> id = (*array)[i].getAsInteger();
    if (!id || *id < 0 || *id > INT32_MAX)
      return false;
    ids.push_back(int32_t(*id));
  }
  return array && !ids.empty();
}

std::string besideFile(const std::string &folder, llvm::StringRef file) {
  llvm::SmallString<256> path(file);
  if (llvm::sys::path::is_relative(file)) {
    path = folder;
    llvm::sys::path::append(path, file);
  }
  return std::string(path);
}

/// Ids and lengths that the program has no place for are found here rather than while it runs.
bool check(const AccuracySample &sample, const halyard_program &program, RunError &error) {
  int32_t length = sample.source.length;
  if (length < 1 || length > program.max_source)
    return fail(error, sample.where,
                "a source of length " + std::to_string(length) + ": the model is compiled for 1 to " +
                    std::to_string(program.max_source));
  for (int32_t i = 0; program.source_vocabulary && i < length; ++i) {
    const uint8_t *data = sample.source.data.data();
    int64_t id = program.source_type == halyard_i64 ? reinterpret_cast<const int64_t *>(data)[i]
                                                    : reinterpret_cast<const int32_t *>(data)[i];
    if (id < 0 || id >= program.source_vocabulary)
      return fail(error, sample.where,
                  "source id " + std::to_string(id) + ": the vocabulary has ids from 0 to " +
                      std::to_string(program.source_vocabulary - 1));
  }
  int64_t tokens = int64_t(sample.tokens.size());
  if (tokens == 1 || tokens > int64_t(program.max_target) + 1)
    return fail(error, sample.where,
                "a target of " + std::to_string(tokens) + " tokens: expected 2 to " +
                    std::to_string(int64_t(program.max_target) + 1) + ", the start token first");
  for (int32_t id : sample.tokens)
    if (id >= program.vocabulary)
      return fail(error, sample.where,
                  "target id " + std::to_string(id) + ": the vocabulary has ids from 0 to " +
                      std::to_string(program.vocabulary - 1));
  return true;
}

/// Random ids, ended as a tokenizer would.
void makeIds(const halyard_program &program, std::mt19937 &random, RunSource &source) {
  size_t width = program.source_type == halyard_i64 ? sizeof(int64_t) : sizeof(int32_t);
  source.data.resize(size_t(source.length) * width);
  const halyard_ids &ends = program.generation.eos;
  for (int32_t i = 0; i < source.length; ++i) {
    int64_t id = program.source_vocabulary ? int64_t(random() % uint32_t(program.source_vocabulary)) : 0;
    if (i + 1 == source.length && ends.count && ends.data[0] >= 0 && ends.data[0] < program.source_vocabulary)
      id = ends.data[0];
    std::memcpy(source.data.data() + size_t(i) * width, &id, width); // little-endian
  }
}

/// Features that change slowly along the innermost axis, as those of recordings and images do, between -1 and
/// 1 for the most part.
void makeFeatures(const halyard_program &program, std::mt19937 &random, RunSource &source) {
  size_t elements = 1;
  for (int32_t i = 0; i < program.source_rank; ++i)
    elements *= size_t(program.source_shape[i] < 0 ? source.length : program.source_shape[i]);
  source.data.resize(elements * sizeof(float));
  constexpr float kKept = 0.9f;
  float value = 0;
  for (size_t i = 0; i < elements; ++i) {
    // Uniform noise of unit variance from whole numbers: the same with every standard library.
    float noise = (float(random() >> 8) / float(1 << 23) - 1) * std::sqrt(3.0f);
    value = kKept * value + std::sqrt(1 - kKept * kKept) * noise;
    float half = value * 0.5f;
    std::memcpy(source.data.data() + i * sizeof(float), &half, sizeof(float));
  }
}

void makeUp(const halyard_program &program, std::vector<AccuracySample> &samples) {
  std::mt19937 random(1);
  bool isTokens = program.source_type != halyard_f32, hasLength = false;
  for (int32_t i = 0; i < program.source_rank; ++i)
    hasLength |= program.source_shape[i] < 0;
  int count = isTokens ? kTokenSources : kFeatureSources;
  // Of recordings, a second of samples or frames of ten seconds.
  int32_t longest = std::min(program.max_source, isTokens ? kLongestSource : 16000);
  for (int i = 0; i < count; ++i) {
    AccuracySample sample;
    sample.where = "source " + std::to_string(i) + " that was made up";
    int32_t length =
        isTokens ? kShortestSource + i * (kLongestSource - kShortestSource) / (count - 1) : longest;
    sample.source.length = hasLength ? std::min(length, longest) : 1;
    isTokens ? makeIds(program, random, sample.source) : makeFeatures(program, random, sample.source);
    samples.push_back(std::move(sample));
  }
}

} // namespace

bool AccuracyData::readLine(const std::string &text, const std::string &folder, Line &line, RunError &error) {
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(text);
  if (!value)
    return fail(error, line.where, "not JSON: " + llvm::toString(value.takeError()));
  const llvm::json::Object *object = value->getAsObject();
  if (!object || !object->get("source"))
    return fail(error, line.where, "expected an object with the key 'source'");
  for (const auto &[key, field] : *object) {
    std::vector<int32_t> ids;
    std::optional<llvm::StringRef> file = field.getAsString();
    if (key == "target" && readIds(field, line.target))
      continue;
    if (key == "source" && file && !file->empty())
      line.file = besideFile(folder, *file);
    else if (key == "mask" && file && !file->empty())
      line.mask = besideFile(folder, *file);
    else if (key == "source" && readIds(field, ids))
      for (int32_t id : ids)
        line.ids += (line.ids.empty() ? "" : ",") + std::to_string(id);
    else if (key == "source" || key == "mask" || key == "target")
      return fail(error, line.where,
                  "'" + key.str() + "': expected " +
                      (key == "source" ? "token ids or the name of a file"
                       : key == "mask" ? "the name of a file"
                                       : "token ids"));
    else
      return fail(error, line.where,
                  "unknown key '" + key.str() + "': expected 'source', 'mask' and 'target'");
  }
  if (!line.mask.empty() && line.file.empty())
    return fail(error, line.where, "'mask' goes with a source that is a file");
  return true;
}

bool AccuracyData::read(const std::string &path, RunError &error) {
  madeUp = path == "self";
  if (madeUp)
    return true;
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return fail(error, path, "cannot be read: " + file.getError().message());
  std::string folder = llvm::sys::path::parent_path(path).str();
  llvm::SmallVector<llvm::StringRef> all;
  (*file)->getBuffer().split(all, '\n');
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].trim().empty())
      continue;
    Line line;
    line.where = path + ":" + std::to_string(i + 1);
    if (!readLine(all[i].str(), folder, line, error))
      return false;
    lines.push_back(std::move(line));
  }
  return !lines.empty() || fail(error, path, "holds no sources");
}

bool AccuracyData::samples(const halyard_program &program, std::vector<AccuracySample> &samples,
                           RunError &error) const {
  if (madeUp)
    makeUp(program, samples);
  for (const Line &line : lines) {
    RunOptions input;
    if (line.file.empty())
      input.ids = {line.ids};
    else
      input.inputs = {std::string(program.source_name) + "=" + line.file};
    if (!line.mask.empty())
      input.inputs.push_back("attention_mask=" + line.mask);
    std::vector<RunSource> sources;
    if (!readSources(input, program, sources, error)) {
      if (error.where == "--ids")
        error = {line.where,
                 "the model reads '" + std::string(program.source_name) +
                     "', which is not made of token ids: name a file",
                 kModelError};
      return false;
    }
    if (sources.size() != 1)
      return fail(error, line.file,
                  "a batch of " + std::to_string(sources.size()) + ": expected one source for a line");
    samples.push_back({line.where, std::move(sources.front()), line.target});
  }
  for (const AccuracySample &sample : samples)
    if (!check(sample, program, error))
      return false;
  return true;
}

} // namespace halyard::driver

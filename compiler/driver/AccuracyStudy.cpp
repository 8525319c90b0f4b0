// Compiles variants, each into a folder of its own that goes when it was run.
#include "compiler/driver/AccuracyStudy.h"
#include "compiler/driver/AccuracyRun.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/pipelines/ArtifactWriter.h"
#include "targets/Common/Target.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"

#include <algorithm>
#include <cstdio>

using namespace mlir;
namespace fs = llvm::sys::fs;

namespace halyard::driver {
namespace {

/// Tokens of a text that is made up, where the model has room for them.
constexpr int32_t kNewTokens = 32;
/// Rows of a step at least: texts are known, so many rows are computed at a time.
constexpr int64_t kRows = 32;

struct CloseFile {
  void operator()(std::FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// The instruction set that an artifact for a target would choose on this machine, or null.
const Target *levelHere(const Target &target) {
  if (target.levels().empty())
    return target.runsHere() ? &target : nullptr;
  for (const Target *level : target.levels())
    if (level->runsHere())
      return level;
  return nullptr;
}

} // namespace

AccuracyStudy::AccuracyStudy(ModuleOp module, const PipelineOptions &options, std::string folder,
                             int64_t threads, Progress &progress)
    : module(module), options(options), folder(std::move(folder)), threads(threads), progress(progress) {
  this->options.maxRows = std::max(options.maxRows, kRows);
}

AccuracyStudy::~AccuracyStudy() { fs::remove_directories(folder); }

LogicalResult AccuracyStudy::fail(const RunError &error) {
  progress.done();
  printError(error.where, error.what);
  return failure();
}

PipelineOptions AccuracyStudy::reference() const {
  PipelineOptions plain = options;
  plain.weights = plain.kv = "f32";
  plain.except.clear();
  return plain;
}

LogicalResult AccuracyStudy::compile(const PipelineOptions &variant, StringRef artifact) {
  if (std::error_code error = fs::create_directory(artifact, /*IgnoreExisting=*/false, fs::all_all))
    return fail({artifact.str(), "cannot be written: " + error.message()});
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager manager(module.getContext());
  for (Phase phase : {Phase::compress, Phase::dispatch, Phase::plan})
    buildPhase(manager, phase, variant);
  ArtifactOptions writing;
  writing.directory = artifact.str();
  writing.target = variant.target;
  return failure(failed(manager.run(*copy)) || failed(writeArtifact(*copy, writing)));
}

LogicalResult AccuracyStudy::begin(const AccuracyData &data) {
  progress.step("accuracy: f32");
  const Target *level = levelHere(*lookupTarget(options.target));
  if (!level)
    return fail({"--target", "accuracy is measured by running the model, and this machine cannot run '" +
                                 options.target + "'"});
  options.target = level->name().str();
  if (std::error_code error = fs::create_directory(folder, /*IgnoreExisting=*/true, fs::all_all))
    return fail({folder, "cannot be made: " + error.message()});
  ConstantsOfVariant constants(module.getContext());
  std::string artifact = path("f32");
  llvm::scope_exit remove([&] { fs::remove_directories(artifact); });
  if (failed(compile(reference(), artifact)))
    return failure();
  AccuracyRun run;
  RunError error;
  madeUp = data.isMadeUp();
  if (!run.open(artifact, threads, error) || !data.samples(run.program(), samples, error))
    return fail(error);
  int32_t room = run.program().max_target + 1 - 1 - run.program().generation.forced_decoder.count / 2;
  int32_t newTokens = madeUp ? std::max(std::min(kNewTokens, room), 1) : 0;
  if (!run.generate(samples, newTokens, error))
    return fail(error);
  return keepReference(run);
}

/// The reference's logits of all texts lie in a file: there may be more than memory holds.
LogicalResult AccuracyStudy::keepReference(AccuracyRun &run) {
  File file(std::fopen(path("logits").c_str(), "wb"));
  std::vector<float> logits;
  RunError error;
  for (const AccuracySample &sample : samples) {
    if (!run.logits(sample, logits, error))
      return fail(error);
    if (!file || std::fwrite(logits.data(), sizeof(float), logits.size(), file.get()) != logits.size())
      return fail({path("logits"), "cannot be written"});
  }
  if (std::fflush(file.get()))
    return fail({path("logits"), "cannot be written"});
  return success();
}

LogicalResult AccuracyStudy::compare(AccuracyRun &run, AccuracyMeasure &result) {
  File file(std::fopen(path("logits").c_str(), "rb"));
  std::vector<float> logits, reference;
  RunError error;
  size_t vocabulary = size_t(run.program().vocabulary);
  for (const AccuracySample &sample : samples) {
    if (!run.logits(sample, logits, error))
      return fail(error);
    reference.resize(logits.size());
    if (!file || std::fread(reference.data(), sizeof(float), logits.size(), file.get()) != logits.size())
      return fail({path("logits"), "cannot be read"});
    for (size_t at = 0, token = size_t(sample.prompt); at < logits.size(); at += vocabulary, ++token)
      result.add(&reference[at], &logits[at], run.program().vocabulary, sample.tokens[token]);
  }
  return success();
}

LogicalResult AccuracyStudy::measure(const PipelineOptions &variant, StringRef what,
                                     AccuracyMeasure &result) {
  progress.step(("accuracy: " + what).str());
  PipelineOptions here = variant;
  here.target = options.target;
  here.maxRows = options.maxRows;
  ConstantsOfVariant constants(module.getContext());
  std::string artifact = path("variant" + Twine(count++));
  llvm::scope_exit remove([&] { fs::remove_directories(artifact); });
  if (failed(compile(here, artifact)))
    return failure();
  AccuracyRun run;
  RunError error;
  if (!run.open(artifact, threads, error))
    return fail(error);
  result = AccuracyMeasure();
  bytes = run.program().weights_bytes;
  return compare(run, result);
}

} // namespace halyard::driver

// Generates texts, and gives whole texts to the model.
#include "compiler/driver/AccuracyRun.h"
#include "compiler/driver/RunLogits.h"

#include <algorithm>

namespace halyard::driver {
namespace {

bool fail(RunError &error, const std::string &where, halyard_error problem) {
  problem.request = -1;
  char words[200];
  error = {where, halyard_describe(&problem, words, sizeof(words)), kModelError};
  return false;
}

} // namespace

bool AccuracyRun::open(const std::string &folder, int64_t threads, RunError &error) {
  if (!artifact.open(folder, error, RunArtifact::Check::header))
    return false;
  artifact.startThreads(threads);
  uint64_t bytes = halyard_session_bytes(&program());
  memory.reset(std::aligned_alloc(HALYARD_ALIGNMENT, bytes));
  int status = halyard_session_init(&program(), &artifact.weights(), memory.get(), bytes, &session);
  return !status || fail(error, program().name, {status, -1, 0, 0});
}

bool AccuracyRun::generate(std::vector<AccuracySample> &samples, int32_t newTokens, RunError &error) {
  int32_t start = 0; // for models that say no start token
  std::vector<halyard_request> requests;
  std::vector<AccuracySample *> open;
  for (AccuracySample &sample : samples) {
    if (!sample.tokens.empty())
      continue;
    halyard_request request = {};
    request.source = sample.source.data.data();
    request.source_length = sample.source.length;
    request.source_mask = sample.source.maskData();
    if (program().generation.decoder_start < 0) {
      request.prompt = &start;
      request.prompt_count = 1;
    }
    sample.tokens.resize(size_t(program().max_target) + 1);
    request.tokens = sample.tokens.data();
    request.capacity = program().max_target + 1;
    requests.push_back(request);
    open.push_back(&sample);
  }
  halyard_generation settings = program().generation;
  if (newTokens) { // no text ends before
    settings.max_new_tokens = settings.min_new_tokens = newTokens;
    settings.max_length = settings.min_length = 0;
  }
  halyard_options options = {};
  options.generation = &settings;
  halyard_error problem;
  if (halyard_generate(session, requests.data(), int32_t(requests.size()), &options, &problem))
    return fail(error, problem.request < 0 ? program().name : open[size_t(problem.request)]->where, problem);
  for (size_t i = 0; i < open.size(); ++i) {
    open[i]->tokens.resize(size_t(requests[i].count));
    open[i]->prompt = requests[i].prompt_used;
  }
  return true;
}

bool AccuracyRun::logits(const AccuracySample &sample, std::vector<float> &logits, RunError &error) {
  logits.clear();
  int status = computeLogits(program(), artifact.weights(), halyard_session_arena(session), sample.source,
                             sample.tokens, sample.prompt, logits);
  return !status || fail(error, sample.where, {status < 0 ? status : halyard_kernel_failed, -1, status, 0});
}

} // namespace halyard::driver

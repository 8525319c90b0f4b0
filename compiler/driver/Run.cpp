// `halyard run`: generates texts with a compiled model and prints their tokens.
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/RunArtifact.h"
#include "compiler/driver/RunLogits.h"
#include "compiler/driver/RunResults.h"

#include <chrono>
#include <cstdlib>
#include <memory>

namespace halyard::driver {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool fail(RunError &error, const std::string &where, const std::string &what,
          ExitStatus status = kModelError) {
  error = {where, what, status};
  return false;
}

/// What can be said about the options without looking at the artifact.
bool checkOptions(const RunOptions &options, RunError &error) {
  int sources = !options.ids.empty() + !options.text.empty() + !options.audio.empty() +
                !options.image.empty() + !options.inputs.empty();
  if (sources != 1)
    return fail(error, "run", "expected one of --ids, --text, --audio, --image and --input", kUsageError);
  if (options.maxNewTokens < 0 || options.maxNewTokens > INT32_MAX)
    return fail(error, "--max-new-tokens", "expected a positive number", kUsageError);
  if (!options.text.empty())
    return fail(error, "--text", "the artifact brings no tokenizer: give token ids with --ids");
  if (!options.audio.empty())
    return fail(error, "--audio", "features are not computed from recordings: give them with --input");
  if (!options.image.empty())
    return fail(error, "--image", "pixels are not read from images: give them with --input");
  return true;
}

/// One run of the command.
class Run {
public:
  Run(const RunOptions &options, RunError &error) : options(options), error(error) {}

  bool run() {
    Clock::time_point start = Clock::now();
    if (!checkOptions(options, error) || !readPrompt() || !artifact.open(options.artifact, error) ||
        !openSession())
      return false;
    results.timing.load = secondsSince(start);
    return readSources(options, artifact.program(), sources, error) && checkPrompt() && generate() &&
           results.write(options, artifact.program(), error);
  }

private:
  bool readPrompt();
  bool checkPrompt();
  bool openSession();
  bool generate();
  bool searchesBeams() const { return options.numBeams > 1; }
  bool addLogitsOfTexts(const std::vector<halyard_request> &requests);
  void makeRequests(std::vector<halyard_request> &requests);
  bool explain(const halyard_error &problem);

  const RunOptions &options;
  RunError &error;
  RunArtifact artifact;
  std::unique_ptr<void, void (*)(void *)> memory{nullptr, std::free};
  halyard_session *session = nullptr;
  std::vector<int32_t> prompt;
  std::vector<RunSource> sources;
  RunResults results;
};

bool Run::readPrompt() {
  std::vector<int64_t> ids;
  if (!options.decoderIds.empty() && !parseIds(options.decoderIds, ids))
    return fail(error, "--decoder-ids", "'" + options.decoderIds + "': expected token ids like 1,2,3",
                kUsageError);
  prompt.assign(ids.begin(), ids.end());
  return true;
}

bool Run::checkPrompt() {
  for (int32_t id : prompt)
    if (id < 0 || id >= artifact.program().vocabulary)
      return fail(error, "--decoder-ids",
                  "token " + std::to_string(id) + ": the vocabulary has ids from 0 to " +
                      std::to_string(artifact.program().vocabulary - 1));
  return true;
}

bool Run::openSession() {
  artifact.startThreads(options.threads);
  uint64_t bytes = halyard_session_bytes(&artifact.program());
  memory.reset(std::aligned_alloc(HALYARD_ALIGNMENT, bytes));
  halyard_error problem = {
      halyard_session_init(&artifact.program(), &artifact.weights(), memory.get(), bytes, &session), -1, 0,
      0};
  return !problem.status || explain(problem);
}

void Run::makeRequests(std::vector<halyard_request> &requests) {
  const halyard_program &program = artifact.program();
  for (size_t i = 0; i < sources.size(); ++i) {
    halyard_request request = {};
    request.source = sources[i].data.data();
    request.source_length = sources[i].length;
    request.source_mask = sources[i].maskData();
    request.prompt = prompt.empty() ? nullptr : prompt.data();
    request.prompt_count = int32_t(prompt.size());
    results.texts[i].tokens.resize(size_t(program.max_target) + 1);
    request.tokens = results.texts[i].tokens.data();
    request.capacity = program.max_target + 1;
    if (!options.memory.empty() && request.source_length > 0 && request.source_length <= program.max_source) {
      results.texts[i].memoryRows = program.memory_rows(request.source_length);
      results.texts[i].memory.resize(size_t(results.texts[i].memoryRows) * size_t(program.memory_features));
      request.memory = results.texts[i].memory.data();
    }
    requests.push_back(request);
  }
}

bool Run::generate() {
  results.start(artifact.program(), sources.size(), !options.logits.empty() && !searchesBeams());
  std::vector<halyard_request> requests;
  makeRequests(requests);
  halyard_options settings = {};
  settings.max_new_tokens = int32_t(options.maxNewTokens);
  settings.num_beams = int32_t(options.numBeams);
  settings.user = &results;
  settings.on_logits = [](void *user, int32_t index, const float *logits) {
    static_cast<RunResults *>(user)->addLogits(index, logits);
  };
  settings.on_token = [](void *user, int32_t, int32_t) {
    static_cast<RunResults *>(user)->addToken();
    return 0;
  };
  halyard_error problem;
  results.started = Clock::now();
  if (halyard_generate(session, requests.data(), int32_t(requests.size()), &settings, &problem))
    return explain(problem);
  results.timing.generate = secondsSince(results.started);
  for (size_t i = 0; i < requests.size(); ++i)
    results.texts[i].tokens.resize(size_t(requests[i].count));
  return options.logits.empty() || !searchesBeams() || addLogitsOfTexts(requests);
}

bool Run::addLogitsOfTexts(const std::vector<halyard_request> &requests) {
  for (size_t i = 0; i < requests.size(); ++i) {
    RunText &text = results.texts[i];
    int status = computeLogits(artifact.program(), artifact.weights().data, halyard_session_arena(session),
                               sources[i], text.tokens, requests[i].prompt_used, text.logits);
    if (status)
      return explain({status < 0 ? status : halyard_kernel_failed, int32_t(i), status, 0});
  }
  return true;
}

/// Says what the runtime found wrong in terms of the command line.
bool Run::explain(const halyard_error &problem) {
  halyard_error plain = problem;
  plain.request = -1;
  char words[200];
  halyard_describe(&plain, words, sizeof(words));
  std::string where = artifact.program().name;
  switch (problem.status) {
  case halyard_bad_source:
  case halyard_bad_source_id:
    where = std::string(artifact.program().source_name) + "[" + std::to_string(problem.request) + "]";
    break;
  case halyard_bad_token:
  case halyard_bad_prompt:
    where = "--decoder-ids";
    break;
  case halyard_bad_beams:
    where = "--num-beams";
    break;
  case halyard_too_long:
    where = options.maxNewTokens ? "--max-new-tokens" : "--decoder-ids";
    break;
  }
  return fail(error, where, words);
}

} // namespace

int runCommand(const RunOptions &options) {
  RunError error;
  if (Run(options, error).run())
    return kDone;
  printError(error.where, error.what);
  return error.status;
}

} // namespace halyard::driver

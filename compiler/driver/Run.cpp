// `halyard run`: generates texts with a compiled model and prints their tokens.
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/RunModel.h"
#include "compiler/driver/RunQuestion.h"

#include <chrono>

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
    if (!checkOptions(options, error) || !readPrompt() ||
        !model.open(options.artifact, options.threads, error))
      return false;
    results.timing.load = secondsSince(start);
    return readSources(options, model.program(), sources, error) && checkPrompt() && generate() &&
           results.write(options, model.program(), error);
  }

private:
  bool readPrompt();
  bool checkPrompt();
  bool generate();
  bool explain(const halyard_error &problem);

  const RunOptions &options;
  RunError &error;
  RunModel model;
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
    if (id < 0 || id >= model.program().vocabulary)
      return fail(error, "--decoder-ids",
                  "token " + std::to_string(id) + ": the vocabulary has ids from 0 to " +
                      std::to_string(model.program().vocabulary - 1));
  return true;
}

bool Run::generate() {
  std::vector<uint8_t> answer;
  halyard_error problem;
  Clock::time_point start = Clock::now();
  if (!model.ask(makeQuestion(options, sources, prompt), answer, error))
    return false;
  double asked = secondsSince(start);
  if (!readAnswer(answer, model.program(), sources.size(), results, problem))
    return explain(problem);
  results.timing.load += std::max(asked - results.timing.generate, 0.0); // an emulated program opens them now
  return true;
}

/// Says what the runtime found wrong in terms of the command line.
bool Run::explain(const halyard_error &problem) {
  halyard_error plain = problem;
  plain.request = -1;
  char words[200];
  halyard_describe(&plain, words, sizeof(words));
  std::string where = model.program().name;
  switch (problem.status) {
  case halyard_bad_abi:
  case halyard_bad_weights:
  case halyard_cannot_read:
    where = options.artifact + "/" + where + ".weights";
    break;
  case halyard_bad_source:
  case halyard_bad_source_id:
    where = std::string(model.program().source_name) + "[" + std::to_string(problem.request) + "]";
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

// `halyard bench`: how fast an artifact is on this machine, and how fast it could be at best.
//
// Sources are random and texts never end before their length. What is compared is measured in turns: each
// repetition reads memory of a step's size, encodes, and generates, so that a machine busy with something
// else slows all of them. Medians over the repetitions are printed. A first generation that is not among them
// warms everything up and gives the time from opening the artifact to the first token, and the memory used.
#include "compiler/driver/ArtifactReport.h"
#include "compiler/driver/BenchBound.h"
#include "compiler/driver/BenchProfile.h"
#include "compiler/driver/BenchResults.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/RunArtifact.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

namespace halyard::driver {
namespace {

/// Rows of the encoder that a source has unless a length is asked for.
constexpr int32_t kUsualRows = 128;

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// A line of /proc/self/status in bytes; 0 where there is no such file.
uint64_t processMemory(const char *key) {
  std::FILE *file = std::fopen("/proc/self/status", "r");
  char line[256];
  unsigned long long kilobytes = 0;
  std::string format = std::string(key) + ": %llu kB";
  while (file && std::fgets(line, sizeof(line), file))
    if (std::sscanf(line, format.c_str(), &kilobytes) == 1)
      break;
  if (file)
    std::fclose(file);
  return kilobytes * 1024;
}

/// Makes the peak of resident memory what is resident now.
void resetPeakMemory() {
  if (std::FILE *file = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", file);
    std::fclose(file);
  }
}

/// What one repetition takes, in seconds.
struct Times {
  double firstToken = 0; ///< from the beginning of generation until every text has one token
  double decode = 0;     ///< from there to the last token of the last text
};

class Bench {
public:
  Bench(const BenchOptions &options, RunError &error)
      : options(options), error(error), profiled(options.artifact) {}
  ~Bench() { halyard_session_close(session); }

  bool run() {
    const Target *target = targetOfArtifact(options.artifact);
    if (target && !loadsHere(*target))
      return fail(options.artifact, ("compiled for " + target->name() +
                                     ", which this machine does not run: an emulator's speed says nothing")
                                        .str());
    if ((options.profile && !profiled.build(error)) || !open() || !measure())
      return false;
    results.print(options.json);
    return true;
  }

private:
  bool open();
  bool openSession();
  bool checkOptions();
  void makeSettings();
  void makeSources();
  bool generate(Times &times);
  bool encode(double &seconds);
  bool measure();
  bool stepRows(int32_t rows, double &seconds);
  bool measureRows();
  bool fail(const std::string &where, const std::string &what) {
    error = {where, what, kModelError};
    return false;
  }
  bool fail(int status);

  const BenchOptions &options;
  RunError &error;
  ProfiledLibrary profiled; // empty unless asked for; goes after what it is loaded by
  RunArtifact artifact;
  std::unique_ptr<void, void (*)(void *)> memory{nullptr, std::free};
  halyard_session *session = nullptr;
  halyard_generation settings = {};
  std::vector<RunSource> sources;
  BenchResults results;
};

bool Bench::fail(int status) {
  halyard_error problem = {status < 0 ? status : halyard_kernel_failed, -1, status, 0};
  char words[200];
  return fail(artifact.program().name, halyard_describe(&problem, words, sizeof(words)));
}

/// The least power of two times 128 of which the encoder makes 128 rows, or what it can be given at most.
static int32_t usualLength(const halyard_program &program) {
  int32_t length = std::min(kUsualRows, program.max_source);
  while (length < program.max_source && program.memory_rows(length) < kUsualRows)
    length = length <= program.max_source / 2 ? 2 * length : program.max_source;
  return length;
}

bool Bench::checkOptions() {
  const halyard_program &program = artifact.program();
  bool hasLength = false;
  for (int32_t i = 0; i < program.source_rank; ++i)
    hasLength |= program.source_shape[i] < 0;
  if (hasLength)
    results.sourceLength = options.sourceLength ? int32_t(options.sourceLength) : usualLength(program);
  results.newTokens = options.newTokens ? int32_t(options.newTokens) : std::min(64, program.max_target);
  results.batch = int32_t(options.batch);
  if (results.sourceLength > program.max_source)
    return fail("--source-length", "the artifact reads at most " + std::to_string(program.max_source) +
                                       ": compile with --max-source");
  if (hasLength && program.memory_rows(results.sourceLength) < 1)
    return fail("--source-length", "the encoder makes nothing of sources that short");
  if (results.newTokens < 2 || results.newTokens > program.max_target)
    return fail("--new-tokens", "expected 2 to " + std::to_string(program.max_target) +
                                    ", which the artifact is compiled for: see compile --max-target");
  if (results.batch > program.slots || results.batch > program.max_rows)
    return fail("--batch", "the artifact holds " + std::to_string(program.slots) + " sources and " +
                               std::to_string(program.max_rows) +
                               " rows at a time: compile with --slots and --max-rows");
  return true;
}

void Bench::makeSources() {
  const halyard_program &program = artifact.program();
  std::mt19937 random(1);
  size_t elements = 1;
  for (int32_t i = 0; i < program.source_rank; ++i)
    elements *= size_t(program.source_shape[i] < 0 ? results.sourceLength : program.source_shape[i]);
  size_t width = program.source_type == halyard_i64 ? sizeof(int64_t) : sizeof(int32_t);
  for (int32_t text = 0; text < results.batch; ++text) {
    RunSource source;
    source.length = results.sourceLength;
    source.data.resize(elements * width);
    for (size_t i = 0; i < elements; ++i) {
      int64_t id = program.source_vocabulary ? int64_t(random() % uint32_t(program.source_vocabulary)) : 0;
      float number = std::normal_distribution<float>()(random);
      const void *value = program.source_type == halyard_f32 ? static_cast<const void *>(&number) : &id;
      std::memcpy(source.data.data() + i * width, value, width); // little-endian
    }
    sources.push_back(std::move(source));
  }
}

/// What the model's files say, but for everything that ends a text or changes what a step costs.
void Bench::makeSettings() {
  settings = artifact.program().generation;
  settings.eos = settings.forced_eos = settings.suppress = settings.begin_suppress = settings.bad_words = {};
  settings.forced_bos = -1;
  settings.min_length = settings.min_new_tokens = settings.max_length = 0;
  settings.no_repeat_ngram = settings.encoder_no_repeat_ngram = 0;
  settings.repetition_penalty = settings.encoder_repetition_penalty = 1;
  settings.max_new_tokens = results.newTokens;
}

bool Bench::openSession() {
  if (!artifact.open(options.artifact, error, RunArtifact::Check::header, profiled.path()))
    return false;
  if (!artifact.startThreads(options.threads, options.pin))
    return fail("--pin",
                "there are not " + std::to_string(artifact.threads()) + " processors to tie threads to");
  const halyard_program &program = artifact.program();
  uint64_t size = halyard_session_bytes(&program);
  memory.reset(std::aligned_alloc(HALYARD_ALIGNMENT, size));
  int status = halyard_session_init(&program, &artifact.weights(), memory.get(), size, &session);
  return !status || fail(status);
}

bool Bench::open() {
  resetPeakMemory();
  uint64_t before = processMemory("VmRSS");
  Clock::time_point start = Clock::now();
  if (!openSession())
    return false;
  results.load = secondsSince(start);
  if (!checkOptions())
    return false;
  makeSettings();
  makeSources();
  Times times;
  if (!generate(times))
    return false;
  results.loadToFirstToken = results.load + times.firstToken;
  results.peakMemory = std::max(processMemory("VmHWM"), before) - before;
  results.threads = artifact.threads();
  results.weightsBytes = artifact.program().weights_bytes;
  results.arenaBytes = artifact.program().arena_bytes;
  return true;
}

bool Bench::generate(Times &times) {
  struct Progress {
    Clock::time_point start, first;
    int32_t tokens, batch;
  } progress = {Clock::now(), {}, 0, results.batch};
  std::vector<halyard_request> requests(size_t(results.batch));
  int32_t start = 0; // for models that say no start token
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].source = sources[i].data.data();
    requests[i].source_length = sources[i].length;
    requests[i].prompt = &start;
    requests[i].prompt_count = 1;
  }
  halyard_options wanted = {};
  wanted.generation = &settings;
  wanted.user = &progress;
  wanted.on_token = [](void *user, int32_t, int32_t) {
    Progress &progress = *static_cast<Progress *>(user);
    if (++progress.tokens == progress.batch)
      progress.first = Clock::now();
    return 0;
  };
  if (int status = halyard_generate(session, requests.data(), results.batch, &wanted, nullptr))
    return fail(status);
  times.firstToken = std::chrono::duration<double>(progress.first - progress.start).count();
  times.decode = secondsSince(progress.first);
  return true;
}

bool Bench::encode(double &seconds) {
  std::vector<halyard_source> all;
  for (int32_t slot = 0; slot < results.batch; ++slot)
    all.push_back({slot, results.sourceLength, sources[size_t(slot)].data.data(), nullptr, nullptr});
  Clock::time_point start = Clock::now();
  if (int status = artifact.program().encode(halyard_session_arena(session), artifact.weights().data,
                                             results.batch, all.data()))
    return fail(status);
  seconds = secondsSince(start);
  return true;
}

/// A step of `rows` rows of the first text, from its middle on, which has been generated before.
bool Bench::stepRows(int32_t rows, double &seconds) {
  const halyard_program &program = artifact.program();
  std::vector<int32_t> tokens(size_t(rows), 0), slots(size_t(rows), 0), positions(tokens.size());
  std::vector<float> logits(size_t(rows) * size_t(program.vocabulary));
  for (int32_t i = 0; i < rows; ++i)
    positions[size_t(i)] = results.newTokens / 2 + i;
  Clock::time_point start = Clock::now();
  if (int status = program.step(halyard_session_arena(session), artifact.weights().data, rows, tokens.data(),
                                slots.data(), positions.data(), logits.data()))
    return fail(status);
  seconds = secondsSince(start);
  return true;
}

/// What verifying some drafted tokens costs beside generating one, in turns.
bool Bench::measureRows() {
  constexpr int32_t rows = BenchResults::kRows;
  if (rows > artifact.program().max_rows || results.newTokens / 2 + rows > results.newTokens)
    return true;
  for (int64_t i = 0; i < 4 * options.repetitions; ++i) {
    double one = 0, several = 0;
    if (!stepRows(1, one) || !stepRows(rows, several))
      return false;
    results.step.push_back(one);
    results.stepOfRows.push_back(several);
  }
  return true;
}

bool Bench::measure() {
  double positions = (results.newTokens + 1) / 2.0; // row i of a text sees rows 0 to i
  if (!stepBytes(options.artifact, artifact.program(), results.batch, results.sourceLength, positions,
                 results.stepBytes, error))
    return false;
  BandwidthProbe probe(artifact, results.stepBytes);
  ProfiledLibrary::reset(artifact);
  for (int64_t i = 0; i < options.repetitions; ++i) {
    Times times;
    double encoding = 0;
    results.read.push_back(probe.seconds());
    if (!encode(encoding) || !generate(times))
      return false;
    results.encode.push_back(encoding);
    results.firstToken.push_back(times.firstToken);
    results.decode.push_back(times.decode);
  }
  if (!options.profile)
    return measureRows();
  results.profile =
      profiled.times(artifact, {positions, double(artifact.program().memory_rows(results.sourceLength))});
  return true;
}

} // namespace

int benchCommand(const BenchOptions &options) {
  RunError error;
  if (Bench(options, error).run())
    return kDone;
  printError(error.where, error.what);
  return error.status;
}

} // namespace halyard::driver

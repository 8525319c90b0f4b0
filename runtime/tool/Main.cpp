// The command line of an artifact: generates from token ids, or from a file of raw float32 features.
//
//   NAME (--ids 1,2,3 | --features FILE) [--max-new-tokens N] [--weights FILE] [--threads N]
//   NAME --question FILE --answer FILE [--weights FILE] [--threads N]
//
// The second form is how `halyard run` asks a program that this machine cannot load (Answer.h).
//
// Compiled with -DHALYARD_PROGRAM=NAME_program. Weights are looked for beside the executable. Prints the text
// in one line, start token or prompt first, end token last. Exit status: 0 done; 1 the input or the weights
// are at fault; 2 the command line is.
#include "Answer.h"
#include "halyard/session.h"
#include "halyard/threads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern "C" const halyard_program HALYARD_PROGRAM;

namespace {

const halyard_program &program = HALYARD_PROGRAM;

struct Arguments {
  const char *ids = nullptr;
  const char *features = nullptr;
  const char *weights = nullptr;
  const char *question = nullptr;
  const char *answer = nullptr;
  int32_t maxNewTokens = 0;
  int32_t threads = 0;
};

int usage() {
  fprintf(stderr,
          "usage: %s (--ids 1,2,3 | --features FILE) [--max-new-tokens N] [--weights FILE] [--threads N]\n",
          program.name);
  return 2;
}

int fail(const char *what, const char *why) {
  fprintf(stderr, "%s: error: %s: %s\n", program.name, what, why);
  return 1;
}

/// A decimal number from `least` on; moves `at` behind it.
bool parseNumber(const char *&at, long long least, long long most, long long &value) {
  char *end = nullptr;
  errno = 0;
  value = strtoll(at, &end, 10);
  bool fine = end != at && errno == 0 && value >= least && value <= most;
  at = end;
  return fine;
}

bool parse(int argc, char **argv, Arguments &arguments) {
  for (int i = 1; i < argc; i += 2) {
    const char *value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (!value)
      return false;
    const char *at = value;
    long long number = 0;
    if (!strcmp(argv[i], "--ids"))
      arguments.ids = value;
    else if (!strcmp(argv[i], "--features"))
      arguments.features = value;
    else if (!strcmp(argv[i], "--weights"))
      arguments.weights = value;
    else if (!strcmp(argv[i], "--question"))
      arguments.question = value;
    else if (!strcmp(argv[i], "--answer"))
      arguments.answer = value;
    else if (!strcmp(argv[i], "--max-new-tokens") && parseNumber(at, 1, INT32_MAX, number) && !*at)
      arguments.maxNewTokens = int32_t(number);
    else if (!strcmp(argv[i], "--threads") && parseNumber(at, 0, HALYARD_MAX_THREADS, number) && !*at)
      arguments.threads = int32_t(number);
    else
      return false;
  }
  if (arguments.question || arguments.answer)
    return arguments.question && arguments.answer && !arguments.ids && !arguments.features;
  return !arguments.ids != !arguments.features;
}

/// A source in memory of its own, never freed: the program ends with it.
struct Source {
  void *data = nullptr;
  uint64_t elements = 0;
};

bool readIds(const char *list, Source &source) {
  uint64_t most = 1;
  for (const char *at = list; *at; ++at)
    most += *at == ',';
  uint64_t width = program.source_type == halyard_i64 ? sizeof(int64_t) : sizeof(int32_t);
  source.data = malloc(most * width);
  for (const char *at = list; source.data; ++at) {
    long long id = 0;
    if (!parseNumber(at, INT32_MIN, INT32_MAX, id) || (*at && *at != ','))
      return false;
    if (program.source_type == halyard_i64)
      static_cast<int64_t *>(source.data)[source.elements++] = id;
    else
      static_cast<int32_t *>(source.data)[source.elements++] = int32_t(id);
    if (!*at)
      return true;
  }
  return false;
}

/// Reads a file that is not empty.
bool readFile(const char *path, void *&data, uint64_t &size) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return false;
  long bytes = fseek(file, 0, SEEK_END) ? -1 : ftell(file);
  rewind(file);
  bool fine =
      bytes > 0 && (data = malloc(size_t(bytes))) && fread(data, 1, size_t(bytes), file) == size_t(bytes);
  fclose(file);
  size = fine ? uint64_t(bytes) : 0;
  return fine;
}

bool readFeatures(const char *path, Source &source) {
  uint64_t bytes = 0;
  bool fine = readFile(path, source.data, bytes) && bytes % sizeof(float) == 0;
  source.elements = bytes / sizeof(float);
  return fine;
}

#ifdef HALYARD_NO_FILES
/// Weights are in the program itself.
extern "C" const uint8_t HALYARD_WEIGHTS[];
int openWeights(const char *, halyard_weights *weights) {
  return halyard_weights_from_memory(&program, HALYARD_WEIGHTS, program.weights_bytes, weights);
}

const char *defaultWeights() { return program.name; }
#else
int openWeights(const char *path, halyard_weights *weights) {
  return halyard_weights_open(&program, path, weights);
}

/// NAME.weights in the folder of the executable, or in the working directory where the system does not tell.
const char *defaultWeights() {
  static char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
  path[length > 0 ? length : 0] = 0;
  char *slash = strrchr(path, '/');
  char *name = slash ? slash + 1 : path;
  snprintf(name, size_t(path + sizeof(path) - name), "%s.weights", program.name);
  return path;
}
#endif

int generate(const halyard_weights &weights, const Source &source, const Arguments &arguments) {
  uint64_t bytes = halyard_session_bytes(&program);
  halyard_session *session = nullptr;
  halyard_error error = {halyard_ok, -1, 0, 0};
  char words[200];
  void *memory = aligned_alloc(HALYARD_ALIGNMENT, bytes);
  error.status = halyard_session_init(&program, &weights, memory, bytes, &session);
  if (error.status)
    return fail("session", halyard_describe(&error, words, sizeof(words)));

  halyard_request request = {};
  request.source = source.data;
  request.source_length = halyard_source_length(&program, source.elements);
  halyard_options options = {};
  options.max_new_tokens = arguments.maxNewTokens;
  if (halyard_generate(session, &request, 1, &options, &error)) {
    error.request = -1;
    return fail("source", halyard_describe(&error, words, sizeof(words)));
  }
  const int32_t *text = halyard_session_text(session, 0);
  for (int32_t i = 0; i < request.count; ++i)
    printf(i ? " %d" : "%d", text[i]);
  printf("\n");
  halyard_session_close(session);
  return 0;
}

/// Answers the question in a file. What is wrong with the weights is an answer too.
int answer(const Arguments &arguments, const char *weightsPath) {
  void *question = nullptr;
  uint64_t bytes = 0;
  if (!readFile(arguments.question, question, bytes))
    return fail(arguments.question, "cannot be read");
  FILE *file = fopen(arguments.answer, "wb");
  if (!file)
    return fail(arguments.answer, "cannot be written");
  halyard_answer_to to = {[](void *user, const void *data, uint64_t size) {
                            fwrite(data, 1, size_t(size), static_cast<FILE *>(user));
                          },
                          file};
  halyard_weights weights = {};
  halyard_error error = {openWeights(weightsPath, &weights), -1, 0, 0};
  if (!error.status)
    error.status = halyard_weights_verify(&program, &weights);
  halyard_threads_start(arguments.threads);
  if (error.status)
    halyard_answer_error(error, to);
  else
    halyard_answer_question(program, weights, question, bytes, to);
  halyard_threads_stop();
  halyard_weights_close(&weights);
  bool written = !ferror(file);
  written &= fclose(file) == 0;
  return written ? 0 : fail(arguments.answer, "cannot be written");
}

} // namespace

int main(int argc, char **argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments))
    return usage();
  const char *path = arguments.weights ? arguments.weights : defaultWeights();
  if (arguments.question)
    return answer(arguments, path);
  if ((program.source_type == halyard_f32) != (arguments.features != nullptr))
    return fail(program.source_name, program.source_type == halyard_f32 ? "is made of floats: use --features"
                                                                        : "is made of token ids: use --ids");
  Source source;
  if (arguments.ids ? !readIds(arguments.ids, source) : !readFeatures(arguments.features, source))
    return fail(arguments.ids ? arguments.ids : arguments.features,
                arguments.ids ? "expected token ids like 1,2,3"
                              : "expected a readable file of float32 values");
  halyard_weights weights;
  halyard_error error = {openWeights(path, &weights), -1, 0, 0};
  char words[200];
  if (error.status)
    return fail(path, halyard_describe(&error, words, sizeof(words)));
  halyard_threads_start(arguments.threads);
  int result = generate(weights, source, arguments);
  halyard_weights_close(&weights);
  halyard_threads_stop();
  return result;
}

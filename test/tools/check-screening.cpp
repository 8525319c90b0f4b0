// Checks what an artifact promises of the bounds of its logits.
//
//   check-screening ARTIFACT_DIR NAME
//
// For random tokens in all slots: no logit is above its bound, and logits computed a few at a time have the
// bits of those computed all at once. Prints how many logits there were, and how far above them their bounds
// are, in standard deviations of a row's logits.
#include "halyard/arena.h"
#include "halyard/session.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string &text) {
  std::fprintf(stderr, "check-screening: %s\n", text.c_str());
  std::exit(1);
}

class Check {
public:
  Check(const std::string &folder, const std::string &name) {
    void *library = dlopen((folder + "/lib" + name + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      fail(dlerror());
    program = static_cast<const halyard_program *>(dlsym(library, (name + "_program").c_str()));
    if (!program || !program->screen_columns)
      fail("the program is not screened");
    if (halyard_weights_open(program, (folder + "/" + name + ".weights").c_str(), &weights))
      fail("the weights cannot be read");
    arena = std::aligned_alloc(HALYARD_ALIGNMENT, program->arena_bytes);
    std::memset(arena, 0xff, program->arena_bytes); // no numbers
    halyard_arena_init(arena, program->slots, program->max_target, program->flags);
    for (int32_t slot = 0; slot < program->slots; ++slot)
      encode(slot);
  }

  void run() {
    for (int32_t position = 0; position < std::min(program->max_target, 24); ++position)
      step(position);
    std::printf("%lld logits, bounds %.2f deviations above them\n", count, distance / double(count));
  }

private:
  void encode(int32_t slot) {
    int32_t length = program->max_source;
    size_t elements = 1;
    for (int32_t i = 0; i < program->source_rank; ++i)
      elements *= size_t(program->source_shape[i] < 0 ? length : program->source_shape[i]);
    std::vector<int64_t> ids(elements);
    std::vector<int32_t> narrow(elements);
    std::vector<float> numbers(elements);
    for (size_t i = 0; i < elements; ++i) {
      narrow[i] = int32_t(random() % uint32_t(std::max(program->source_vocabulary, 1)));
      ids[i] = narrow[i];
      numbers[i] = std::normal_distribution<float>()(random);
    }
    halyard_source source = {slot, length, ids.data(), nullptr, nullptr};
    if (program->source_type != halyard_i64)
      source.data =
          program->source_type == halyard_i32 ? static_cast<const void *>(narrow.data()) : numbers.data();
    if (int status = program->encode(arena, weights.data, 1, &source))
      fail("encode returns " + std::to_string(status));
  }

  /// A token in every slot, or in as many as there may be rows.
  void step(int32_t position) {
    int32_t rows = std::min(program->slots, program->max_rows), vocabulary = program->vocabulary;
    std::vector<int32_t> tokens, slots, positions(size_t(rows), position);
    for (int32_t row = 0; row < rows; ++row) {
      tokens.push_back(int32_t(random() % uint32_t(vocabulary)));
      slots.push_back(row);
    }
    std::vector<float> logits(size_t(rows) * vocabulary), bounds(logits.size());
    if (program->step(arena, weights.data, rows, tokens.data(), slots.data(), positions.data(),
                      logits.data()) ||
        program->screen(arena, weights.data, rows, bounds.data()))
      fail("a kernel failed");
    for (int32_t row = 0; row < rows; ++row) {
      compare(&logits[size_t(row) * vocabulary], &bounds[size_t(row) * vocabulary]);
      rescore(row, &logits[size_t(row) * vocabulary]);
    }
  }

  void compare(const float *logits, const float *bounds) {
    int32_t vocabulary = program->vocabulary;
    double sum = 0, squares = 0, above = 0;
    for (int32_t i = 0; i < vocabulary; ++i) {
      if (!(logits[i] <= bounds[i]))
        fail("token " + std::to_string(i) + ": " + std::to_string(logits[i]) + " is above its bound " +
             std::to_string(bounds[i]));
      sum += logits[i];
      squares += double(logits[i]) * logits[i];
      above += double(bounds[i]) - logits[i];
    }
    double mean = sum / vocabulary,
           deviation = std::sqrt(std::max(squares / vocabulary - mean * mean, 1e-30));
    distance += above / deviation;
    count += vocabulary;
  }

  void rescore(int32_t row, const float *logits) {
    std::vector<float> few(size_t(program->screen_columns));
    for (int32_t unit = 0; unit * program->screen_columns < program->vocabulary; ++unit) {
      if (program->rescore(arena, weights.data, row, unit, few.data()))
        fail("a kernel failed");
      int32_t first = unit * program->screen_columns;
      int32_t size = std::min(program->screen_columns, program->vocabulary - first);
      if (std::memcmp(few.data(), logits + first, size_t(size) * sizeof(float)))
        fail("unit " + std::to_string(unit) + " of row " + std::to_string(row) + " has other bits alone");
    }
  }

  const halyard_program *program = nullptr;
  halyard_weights weights = {};
  void *arena = nullptr;
  std::mt19937 random{1};
  double distance = 0;
  long long count = 0;
};

} // namespace

int main(int argc, char **argv) {
  if (argc != 3)
    fail("usage: check-screening ARTIFACT_DIR NAME");
  Check(argv[1], argv[2]).run();
  return 0;
}

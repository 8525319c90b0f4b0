// What a compiled model does with memory: nothing is allocated while it generates, it writes all of the arena
// that it declares, and nothing outside of the session's memory.
//
// usage: check_memory model.weights
//
// malloc and its relatives are defined here, in front of the C library's, and count. The session lies between
// two pages that cannot be touched, filled with a pattern.
#include "model.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace {
std::atomic<long> allocations{0};
constexpr int newTokens = 200;
constexpr unsigned char pattern = 0xA5;
} // namespace

extern "C" {
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void *realloc(void *memory, size_t size) {
  ++allocations;
  return __libc_realloc(memory, size);
}
void *memalign(size_t alignment, size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **memory, size_t alignment, size_t size) {
  *memory = memalign(alignment, size);
  return *memory ? 0 : 12;
}
}

namespace {

[[noreturn]] void fail(const char *what, long got, long want) {
  std::fprintf(stderr, "FAILED: %s: %ld, expected %ld\n", what, got, want);
  std::exit(1);
}

/// Memory that ends right before a page that cannot be touched, filled with the pattern.
unsigned char *guarded(uint64_t bytes) {
  uint64_t page = uint64_t(sysconf(_SC_PAGESIZE)), pages = (bytes + page - 1) / page * page;
  void *all = mmap(nullptr, pages + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED)
    fail("mmap", 1, 0);
  unsigned char *first = static_cast<unsigned char *>(all);
  mprotect(first, page, PROT_NONE);
  mprotect(first + page + pages, page, PROT_NONE);
  std::memset(first + page, pattern, pages);
  return first + page + pages - bytes;
}

/// Sources of full length for every slot, and prompts long enough to fill every row of a step.
struct Batch {
  explicit Batch(const halyard_program &program)
      : source(size_t(program.max_source)), prompt(size_t(program.max_rows)),
        memory(size_t(program.memory_rows(program.max_source)) * size_t(program.memory_features)),
        requests(size_t(program.slots)) {
    for (size_t i = 0; i < source.size(); ++i)
      source[i] = int64_t(2 + i * 7 % 500);
    for (size_t i = 0; i < prompt.size(); ++i)
      prompt[i] = int32_t(2 + i * 11 % 500);
    for (halyard_request &request : requests) {
      request = {};
      request.source = source.data();
      request.source_length = int32_t(source.size());
      request.prompt = prompt.data();
      request.prompt_count = int32_t(prompt.size());
      request.memory = memory.data();
    }
  }

  std::vector<int64_t> source;
  std::vector<int32_t> prompt;
  std::vector<float> memory;
  std::vector<halyard_request> requests;
};

/// Generates without an end token, so that every text becomes as long as asked for.
void generate(model::Session &session, Batch &batch) {
  halyard_generation settings = model_program.generation;
  settings.eos = {nullptr, 0};
  settings.forced_eos = {nullptr, 0};
  halyard_options options = {};
  options.max_new_tokens = newTokens;
  options.generation = &settings;
  halyard_error error = session.generate(batch.requests.data(), int32_t(batch.requests.size()), options);
  char words[200];
  if (error.status) {
    std::fprintf(stderr, "FAILED: %s\n", halyard_describe(&error, words, sizeof(words)));
    std::exit(1);
  }
  for (const halyard_request &request : batch.requests)
    if (request.count != request.prompt_used + newTokens)
      fail("tokens of a text", request.count, request.prompt_used + newTokens);
}

/// Bytes of the arena up to the last that was written.
uint64_t written(const unsigned char *arena, uint64_t bytes) {
  while (bytes > 0 && arena[bytes - 1] == pattern)
    --bytes;
  return bytes;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  auto weights = model::Model::open(argv[1]);
  Batch batch(model_program);
  halyard_threads_start(2);
  unsigned char *memory = guarded(model::kSessionBytes);
  model::Session session(weights, memory, model::kSessionBytes);
  if (!session.ok())
    fail("session status", session.status(), 0);

  long before = allocations;
  generate(session, batch);
  long after = allocations;
  if (before < 1)
    fail("counted allocations before the session", before, 1);
  if (after != before)
    fail("allocations while generating", after - before, 0);

  const auto *arena = static_cast<const unsigned char *>(halyard_session_arena(session.get()));
  uint64_t used = halyard_aligned(written(arena, model_program.arena_bytes));
  if (used != model_program.arena_bytes)
    fail("arena bytes used", long(used), long(model_program.arena_bytes));
  halyard_threads_stop();
  std::printf("%zu texts of %d new tokens, no allocation, %llu bytes of arena used and declared\n",
              batch.requests.size(), newTokens, static_cast<unsigned long long>(used));
}

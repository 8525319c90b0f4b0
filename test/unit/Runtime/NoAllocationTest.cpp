// Replaces malloc and counts: nothing is allocated after a session is built. Uses the C++ interface as user
// code does.
#include "ToyProgram.h"

#include <gtest/gtest.h>

#include <atomic>

namespace {
std::atomic<int> allocations{0};
}

extern "C" {
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  ++allocations;
  return __libc_calloc(count, bytes);
}
void *realloc(void *memory, size_t bytes) {
  ++allocations;
  return __libc_realloc(memory, bytes);
}
void *memalign(size_t alignment, size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  *memory = memalign(alignment, bytes);
  return *memory ? 0 : 12;
}
}

namespace {

TEST(Session, GeneratesWithoutAllocating) {
  int before = allocations;
  auto model = toy::Model::fromMemory(toy::weights().data, toy::weights().bytes);
  auto session = toy::Session(model);
  ASSERT_TRUE(session.ok());
  EXPECT_GT(allocations, before);

  std::vector<int64_t> source = {4, 5, 6};
  halyard_generation endless = toy::program().generation;
  endless.eos = {nullptr, 0};
  endless.no_repeat_ngram = 4;
  endless.repetition_penalty = 1.5f;
  halyard::Options options;
  options.generation = &endless;
  int tokens = 0;
  before = allocations;
  while (tokens < 200)
    if (!session.generate(source, options, [&](int32_t) { return ++tokens > 0; }).ok())
      break;
  EXPECT_EQ(allocations, before);
  EXPECT_GE(tokens, 200);
}

TEST(Session, GivesTheTextOfOneSource) {
  auto model = toy::Model::fromMemory(toy::weights().data, toy::weights().bytes);
  ASSERT_TRUE(model.ok());
  EXPECT_TRUE(model.verify());
  alignas(HALYARD_ALIGNMENT) static uint8_t memory[toy::kSessionBytes];
  toy::Session session(model, memory, sizeof(memory));
  std::vector<int64_t> source = {9, 2, 7, 11};
  halyard::Options options;
  options.max_new_tokens = 12;
  halyard::Text text = session.generate(source, options);
  EXPECT_EQ(std::vector<int32_t>(text.begin(), text.end()), toy::greedy(source, {toy::kStart}, 12));
  EXPECT_EQ(text.prompt, 1);

  std::vector<int32_t> first;
  halyard_generation endless = toy::program().generation;
  endless.eos = {nullptr, 0};
  options.generation = &endless;
  text = session.generate(source, options, [&](int32_t token) {
    first.push_back(token);
    return first.size() < 3;
  });
  EXPECT_EQ(text.count, 4);
  EXPECT_EQ(text.ending, halyard_by_caller);

  std::vector<int64_t> empty;
  text = session.generate(empty);
  EXPECT_FALSE(text.ok());
  EXPECT_STREQ(text.message().text,
               "request 0: a source of length 0: the model was compiled for lengths from 1 to 6");
}

} // namespace

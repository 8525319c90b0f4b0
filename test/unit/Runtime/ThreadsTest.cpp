// The thread pool behind halide_do_par_for: every iteration runs once, whoever calls and however often.
#include "halyard/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

extern "C" int halide_do_par_for(void *context, int (*task)(void *, int, uint8_t *), int begin, int count,
                                 uint8_t *closure);

namespace {

struct Counts {
  std::vector<std::atomic<int>> seen;
  explicit Counts(int size) : seen(size_t(size)) {}
};

int count(void *, int index, uint8_t *closure) {
  ++reinterpret_cast<Counts *>(closure)->seen[size_t(index)];
  return 0;
}

void expectEachOnce(int begin, int size, int rounds) {
  Counts counts(begin + size);
  for (int i = 0; i < rounds; ++i)
    EXPECT_EQ(halide_do_par_for(nullptr, count, begin, size, reinterpret_cast<uint8_t *>(&counts)), 0);
  for (int i = 0; i < begin + size; ++i)
    EXPECT_EQ(counts.seen[size_t(i)], i < begin ? 0 : rounds);
}

class Threads : public testing::TestWithParam<int> {
protected:
  void SetUp() override { halyard_threads_start(GetParam()); }
  void TearDown() override { halyard_threads_stop(); }
};

TEST_P(Threads, EveryIterationRunsOnce) {
  EXPECT_EQ(halyard_threads_count(), GetParam());
  for (int size : {0, 1, 2, 3, 7, 64})
    expectEachOnce(5, size, 200);
}

TEST_P(Threads, SleepingThreadsWakeUp) {
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    expectEachOnce(0, 9, 3);
  }
}

TEST_P(Threads, AFailureIsReported) {
  auto fails = [](void *, int index, uint8_t *) { return index == 5 ? -7 : 0; };
  EXPECT_EQ(halide_do_par_for(nullptr, fails, 0, 6, nullptr), -7);
  EXPECT_EQ(halide_do_par_for(nullptr, fails, 0, 5, nullptr), 0);
}

TEST_P(Threads, LoopsInsideLoopsAndFromSeveralThreads) {
  Counts counts(16);
  auto outer = [](void *, int, uint8_t *closure) {
    return halide_do_par_for(nullptr, count, 0, 16, closure);
  };
  auto call = [&] {
    for (int i = 0; i < 50; ++i)
      halide_do_par_for(nullptr, outer, 0, 4, reinterpret_cast<uint8_t *>(&counts));
  };
  std::thread other(call);
  call();
  other.join();
  for (const std::atomic<int> &seen : counts.seen)
    EXPECT_EQ(seen, 2 * 50 * 4);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Threads, testing::Values(1, 2, 4));

} // namespace

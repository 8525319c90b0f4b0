// The thread pool behind halide_do_par_for: every iteration runs once, whoever calls and however often.
#include "halyard/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <sched.h>
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

TEST_P(Threads, RunsAnyTask) {
  Counts counts(9);
  auto task = [](void *context, int32_t index) -> int32_t {
    ++static_cast<Counts *>(context)->seen[size_t(index)];
    return index == 8 ? 3 : 0;
  };
  EXPECT_EQ(halyard_threads_run(task, &counts, 8), 0);
  EXPECT_EQ(halyard_threads_run(task, &counts, 9), 3);
  for (int i = 0; i < 9; ++i)
    EXPECT_EQ(counts.seen[size_t(i)], i < 8 ? 2 : 1);
}

/// Seconds of processor time that this process has used.
double processorTime() { return double(std::clock()) / CLOCKS_PER_SEC; }

TEST_P(Threads, WaitingCostsNothing) {
  expectEachOnce(0, 9, 3);
  std::this_thread::sleep_for(std::chrono::milliseconds(50)); // longer than threads spin
  double before = processorTime();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(processorTime() - before, 0.002);
}

/// Processors that the calling thread may use.
int allowedProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  return CPU_COUNT(&set);
}

TEST_P(Threads, PinnedThreadsStayWhereTheyAre) {
  int before = allowedProcessors();
  auto task = [](void *context, int32_t index) -> int32_t {
    static_cast<int *>(context)[index] = allowedProcessors();
    return 0;
  };
  int seen[4] = {};
  int failure = halyard_threads_pin();
  ASSERT_EQ(failure == 0, before >= GetParam());
  EXPECT_EQ(halyard_threads_run(task, seen, GetParam()), 0);
  for (int i = 0; i < GetParam(); ++i)
    EXPECT_EQ(seen[i], failure ? before : 1);
  halyard_threads_start(GetParam()); // threads made after that are free again
  EXPECT_EQ(halyard_threads_run(task, seen, GetParam()), 0);
  for (int i = 0; i < GetParam(); ++i)
    EXPECT_EQ(seen[i], before);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Threads, testing::Values(1, 2, 4));

} // namespace

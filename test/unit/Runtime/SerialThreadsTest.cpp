// The runtime without threads: loops run in the calling thread, in order, and nothing of a thread library is
// needed.
#include "halyard/threads.h"

#include <gtest/gtest.h>

#include <vector>

extern "C" int halide_do_par_for(void *context, int (*task)(void *, int, uint8_t *), int begin, int count,
                                 uint8_t *closure);

namespace {

TEST(SerialThreads, LoopsRunInOrderAndStopAtAFailure) {
  EXPECT_EQ(halyard_threads_start(4), 1);
  EXPECT_EQ(halyard_threads_count(), 1);
  EXPECT_NE(halyard_threads_pin(), 0);
  std::vector<int> seen;
  auto note = [](void *, int index, uint8_t *closure) {
    reinterpret_cast<std::vector<int> *>(closure)->push_back(index);
    return index == 6 ? 5 : 0;
  };
  EXPECT_EQ(halide_do_par_for(nullptr, note, 3, 3, reinterpret_cast<uint8_t *>(&seen)), 0);
  EXPECT_EQ(seen, (std::vector<int>{3, 4, 5}));
  EXPECT_EQ(halide_do_par_for(nullptr, note, 3, 9, reinterpret_cast<uint8_t *>(&seen)), 5);
  EXPECT_EQ(seen.size(), 7u);
  halyard_threads_stop();
}

TEST(SerialThreads, RunsAnyTask) {
  int sum = 0;
  auto add = [](void *context, int32_t index) -> int32_t {
    *static_cast<int *>(context) += index;
    return 0;
  };
  EXPECT_EQ(halyard_threads_run(add, &sum, 5), 0);
  EXPECT_EQ(sum, 10);
}

} // namespace

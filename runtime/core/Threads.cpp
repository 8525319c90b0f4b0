// The thread pool behind halide_do_par_for.
//
// One loop runs at a time. The calling thread publishes it by raising `epoch`. Every thread works through a
// chunk of its own and then helps with what is left of the others': cores are not equally fast, and the
// system may take one away. The calling thread waits for those that take part, never for one that has not
// begun. A loop that is met while another runs (one loop inside another, or two sessions at once) runs in its
// own thread, serially: that needs no thread-local state, which could allocate on first use.
#include "halyard/threads.h"

namespace {

using Task = int (*)(void *context, int index, uint8_t *closure);

/// One parallel loop: iterations [begin, begin + count).
struct Loop {
  Task task;
  void *context;
  int begin;
  int count;
  uint8_t *closure;

  /// Runs iteration `index`, counted from 0.
  int run(int index) const { return task(context, begin + index, closure); }

  /// Runs all iterations up to the first that fails.
  int run() const {
    for (int index = 0; index < count; ++index)
      if (int failure = run(index))
        return failure;
    return 0;
  }

  /// Where chunk `index` of `chunks` begins.
  int chunk(int index, int chunks) const { return static_cast<int>(int64_t(count) * index / chunks); }
};

} // namespace

#ifdef HALYARD_NO_THREADS

namespace {
int runLoop(const Loop &loop) { return loop.run(); }
} // namespace

int32_t halyard_threads_start(int32_t) { return 1; }
int32_t halyard_threads_pin(void) { return 1; }
void halyard_threads_stop(void) {}
int32_t halyard_threads_count(void) { return 1; }

#else

#include <atomic>
#include <pthread.h>
#include <sched.h>
#include <time.h>

namespace {

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t(now.tv_sec) * 1000000000 + now.tv_nsec;
}

/// How long a thread waits awake before it sleeps. A step's loops follow one another within microseconds, but
/// a kernel that runs on one thread may take longer, and so may what a caller does with a token; waking a
/// thread that sleeps takes up to half a millisecond on a virtual machine.
constexpr int64_t kAwakeNanoseconds = 1000000;

/// Looks at a condition, some microseconds long, before a thread that waits offers its processor to others:
/// on a busy machine it may be the one that the thread it waits for needs.
constexpr int kSpins = 500;

/// Calls `done` until it is true or the time is over.
template <typename Condition> bool waitAwake(Condition done) {
  for (int k = 0; k < kSpins; ++k) {
    if (done())
      return true;
    relax();
  }
  for (int64_t end = nanoseconds() + kAwakeNanoseconds; nanoseconds() < end;) {
    if (done())
      return true;
    sched_yield();
  }
  return done();
}

class Pool {
public:
  ~Pool() { stop(); }

  int start(int threads) {
    stop();
    quit.store(false, std::memory_order_relaxed);
    workers = 0;
    uint64_t current = epoch.load(std::memory_order_relaxed);
    for (; workers < threads - 1; ++workers) {
      records[workers] = {this, workers + 1, current};
      if (pthread_create(&handles[workers], nullptr, work, &records[workers]))
        break;
    }
    return workers + 1;
  }

  void stop() {
    unpin();
    if (!workers)
      return;
    quit.store(true, std::memory_order_relaxed);
    publish();
    for (int i = 0; i < workers; ++i)
      pthread_join(handles[i], nullptr);
    workers = 0;
  }

  int size() const { return workers + 1; }

  /// Ties each thread, beginning with the calling one, to the next of the processors that it may use.
  int pin() {
    if (sched_getaffinity(0, sizeof(allowed), &allowed) || CPU_COUNT(&allowed) < size())
      return -1;
    pinned = true;
    for (int thread = 0, processor = 0; thread < size(); ++thread, ++processor) {
      while (!CPU_ISSET(processor, &allowed))
        ++processor;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(processor, &one);
      pthread_t handle = thread ? handles[thread - 1] : pthread_self();
      if (int failure = pthread_setaffinity_np(handle, sizeof(one), &one)) {
        unpin();
        return failure;
      }
    }
    return 0;
  }

  int run(const Loop &wanted) {
    if (!workers || wanted.count < 2 || busy.exchange(true, std::memory_order_acquire))
      return wanted.run();
    loop = wanted;
    for (int index = 0; index < size(); ++index)
      chunks[index].next.store(loop.chunk(index, size()), std::memory_order_relaxed);
    failed.store(0, std::memory_order_relaxed);
    left.store(0, std::memory_order_relaxed);
    // A thread that comes late for the loop before may join from here on.
    joined.store(0, std::memory_order_release);
    publish();
    takePart(0);
    int others = joined.fetch_or(kClosed, std::memory_order_acq_rel);
    auto finished = [&] { return left.load(std::memory_order_acquire) == others; };
    while (!waitAwake(finished))
      ;
    int failure = failed.load(std::memory_order_relaxed);
    busy.store(false, std::memory_order_release);
    return failure;
  }

private:
  /// Lets all threads run anywhere again, so that those made next do not inherit one processor.
  void unpin() {
    if (!pinned)
      return;
    pinned = false;
    pthread_setaffinity_np(pthread_self(), sizeof(allowed), &allowed);
    for (int i = 0; i < workers; ++i)
      pthread_setaffinity_np(handles[i], sizeof(allowed), &allowed);
  }

  struct Worker {
    Pool *pool;
    int index;
    uint64_t seen; ///< the last epoch that this thread knows of
  };

  /// The next iteration of a thread's chunk that nobody has taken.
  struct alignas(64) Chunk {
    std::atomic<int> next{0};
  };

  /// Set in `joined` when a loop takes no more threads.
  static constexpr int kClosed = 1 << 30;

  /// Runs iterations of the loop at hand until all are taken, those of chunk `own` first.
  void takePart(int own) {
    for (int offset = 0; offset < size(); ++offset) {
      int index = (own + offset) % size(), end = loop.chunk(index + 1, size());
      std::atomic<int> &next = chunks[index].next;
      while (next.load(std::memory_order_relaxed) < end) {
        int iteration = next.fetch_add(1, std::memory_order_relaxed);
        if (iteration >= end)
          break;
        if (int failure = loop.run(iteration))
          failed.store(failure, std::memory_order_relaxed);
      }
    }
  }

  /// Takes part in the loop at hand unless it is over; which loop that is does not matter.
  void join(int own) {
    if (joined.fetch_add(1, std::memory_order_acq_rel) & kClosed)
      return;
    takePart(own);
    left.fetch_add(1, std::memory_order_acq_rel);
  }

  /// Raises the epoch and wakes whoever sleeps. A thread counts itself among the sleepers before it looks at
  /// the epoch for the last time, and here the epoch is raised before sleepers are counted, so one of the two
  /// sees the other.
  void publish() {
    epoch.fetch_add(1, std::memory_order_seq_cst);
    if (sleepers.load(std::memory_order_seq_cst) == 0)
      return;
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&mutex);
  }

  /// Returns the epoch that follows `seen`, or a later one.
  uint64_t waitForEpochAfter(uint64_t seen) {
    if (!waitAwake([&] { return epoch.load(std::memory_order_acquire) != seen; })) {
      pthread_mutex_lock(&mutex);
      sleepers.fetch_add(1, std::memory_order_seq_cst);
      while (epoch.load(std::memory_order_seq_cst) == seen)
        pthread_cond_wait(&wake, &mutex);
      sleepers.fetch_sub(1, std::memory_order_seq_cst);
      pthread_mutex_unlock(&mutex);
    }
    return epoch.load(std::memory_order_acquire);
  }

  static void *work(void *record) {
    Worker &self = *static_cast<Worker *>(record);
    Pool &pool = *self.pool;
    for (;;) {
      self.seen = pool.waitForEpochAfter(self.seen);
      if (pool.quit.load(std::memory_order_relaxed))
        return nullptr;
      pool.join(self.index);
    }
  }

  Loop loop = {};
  alignas(64) std::atomic<uint64_t> epoch{0};
  /// Threads beside the calling one that take part in the loop at hand, and those of them that are done.
  alignas(64) std::atomic<int> joined{kClosed};
  alignas(64) std::atomic<int> left{0};
  std::atomic<int> failed{0};
  alignas(64) std::atomic<int> sleepers{0};
  std::atomic<bool> busy{false};
  std::atomic<bool> quit{false};
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
  cpu_set_t allowed; ///< what pin() found
  bool pinned = false;
  int workers = 0;
  Chunk chunks[HALYARD_MAX_THREADS];
  pthread_t handles[HALYARD_MAX_THREADS];
  Worker records[HALYARD_MAX_THREADS];
};

Pool pool;

/// Processors that this process may use.
int processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set))
    return 1;
  return CPU_COUNT(&set);
}

int runLoop(const Loop &loop) { return pool.run(loop); }

} // namespace

int32_t halyard_threads_start(int32_t threads) {
  if (threads <= 0)
    threads = processors();
  return pool.start(threads < HALYARD_MAX_THREADS ? threads : HALYARD_MAX_THREADS);
}

int32_t halyard_threads_pin(void) { return pool.pin(); }
void halyard_threads_stop(void) { pool.stop(); }
int32_t halyard_threads_count(void) { return pool.size(); }

#endif

int32_t halyard_threads_run(int32_t (*task)(void *, int32_t), void *context, int32_t count) {
  struct Call {
    int32_t (*task)(void *, int32_t);
    void *context;
  } call = {task, context};
  auto run = [](void *, int index, uint8_t *closure) -> int {
    const Call &call = *reinterpret_cast<Call *>(closure);
    return call.task(call.context, index);
  };
  return runLoop({run, nullptr, 0, count, reinterpret_cast<uint8_t *>(&call)});
}

// What kernels call. Hidden, so that an artifact's library keeps to its own pool in a process with another
// Halide.
extern "C" __attribute__((visibility("hidden"))) int halide_do_par_for(void *context, Task task, int begin,
                                                                       int count, uint8_t *closure) {
  return runLoop({task, context, begin, count, closure});
}

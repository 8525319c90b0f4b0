// Reading is done as kernels do it: every thread a contiguous part, the same one each time, by the widest
// loads the processor has. A part is read as several streams side by side, which memory serves faster than
// one.
#include "compiler/driver/BenchBound.h"
#include "compiler/driver/ArtifactReport.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

namespace halyard::driver {
namespace {

constexpr uint64_t kStreams = 4, kLoads = 4, kVector = 64; // one turn of the loop reads the product of them

typedef uint64_t Vector __attribute__((vector_size(kVector)));

#if defined(__x86_64__)
#define HALYARD_WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define HALYARD_WIDEST
#endif

/// Reads `bytes`, rounded down to whole turns, which all begin at a multiple of a vector's size.
HALYARD_WIDEST uint64_t readAll(const uint8_t *data, uint64_t bytes) {
  uint64_t stream = bytes / (kStreams * kLoads * kVector) * (kLoads * kVector);
  Vector sums[kStreams] = {};
  for (uint64_t at = 0; at < stream; at += kLoads * kVector)
    for (uint64_t s = 0; s < kStreams; ++s)
      for (uint64_t i = 0; i < kLoads; ++i)
        sums[s] ^= *reinterpret_cast<const Vector *>(data + s * stream + at + i * kVector);
  uint64_t result = 0;
  for (const Vector &sum : sums)
    for (uint64_t i = 0; i < kVector / sizeof(uint64_t); ++i)
      result ^= sum[i];
  return result;
}

/// Weights that a step of greedy search reads, from the artifact's report: those of the stage, and of the one
/// that screens its head, or of the head, if that is a stage of its own.
bool weightsOfStep(const std::string &artifact, bool screens, uint64_t &bytes, RunError &error) {
  llvm::json::Object report;
  if (!readReport(artifact, report, error))
    return false;
  const llvm::json::Object *cost = report.getObject("cost");
  auto weights = [&](llvm::StringRef stage) -> std::optional<int64_t> {
    const llvm::json::Object *at = cost ? cost->getObject(stage) : nullptr;
    return at ? at->getInteger("weight_bytes") : std::nullopt;
  };
  std::optional<int64_t> step = weights("step");
  if (!step) {
    error = {artifact + "/report.json", "does not say what a step costs: compile the model again"};
    return false;
  }
  bytes = uint64_t(*step + weights(screens ? "screen" : "head").value_or(0));
  return true;
}

uint64_t rowBytes(const halyard_rows *rows, int32_t count) {
  uint64_t bytes = 0;
  for (int32_t i = 0; i < count; ++i)
    bytes += uint64_t(rows[i].row_bytes);
  return bytes;
}

} // namespace

bool stepBytes(const std::string &artifact, const halyard_program &program, int32_t batch, int32_t source,
               double positions, uint64_t &bytes, RunError &error) {
  if (!weightsOfStep(artifact, batch <= program.screen_rows, bytes, error))
    return false;
  uint64_t crosses = 0;
  for (int32_t i = 0; i < program.cross_count; ++i) {
    int32_t rows = std::min(program.crosses[i].rows, program.memory_rows(source));
    crosses += uint64_t(rows) * uint64_t(program.crosses[i].row_bytes);
  }
  double states = positions * double(rowBytes(program.states, program.state_count));
  bytes += uint64_t(batch) * (crosses + uint64_t(states));
  return true;
}

BandwidthProbe::BandwidthProbe(const RunArtifact &artifact, uint64_t bytes)
    : artifact(artifact), threads(artifact.threads()), memory(nullptr, std::free) {
  uint64_t turn = kStreams * kLoads * kVector * uint64_t(threads);
  this->bytes = std::max(bytes / turn, uint64_t(1)) * turn;
  memory.reset(static_cast<uint8_t *>(std::aligned_alloc(kVector, this->bytes)));
  std::memset(memory.get(), 1, this->bytes);
}

int32_t BandwidthProbe::readPart(void *probe, int32_t index) {
  const BandwidthProbe &self = *static_cast<BandwidthProbe *>(probe);
  uint64_t part = self.bytes / uint64_t(self.threads);
  [[maybe_unused]] static volatile uint64_t sink;
  sink = readAll(self.memory.get() + uint64_t(index) * part, part);
  return 0;
}

double BandwidthProbe::seconds() const {
  using Clock = std::chrono::steady_clock;
  constexpr int readings = 9;
  double times[readings];
  for (double &time : times) {
    Clock::time_point start = Clock::now();
    artifact.runOnThreads(readPart, const_cast<BandwidthProbe *>(this), threads);
    time = std::chrono::duration<double>(Clock::now() - start).count();
  }
  std::sort(times, times + readings);
  return times[readings / 2];
}

} // namespace halyard::driver

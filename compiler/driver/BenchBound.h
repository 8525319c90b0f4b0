// How fast a machine could decode at best: the bytes that one step has to read, and the time that reading so
// many bytes takes.
#ifndef HALYARD_COMPILER_DRIVER_BENCHBOUND_H
#define HALYARD_COMPILER_DRIVER_BENCHBOUND_H

#include "compiler/driver/RunArtifact.h"

#include <memory>

namespace halyard::driver {

/// Bytes that a step of `batch` rows, one per text, reads at least once: weights of the step as they are
/// stored, as the artifact's report counts them, and of each text the keys and values kept, `positions` rows
/// on average, and those of its source. Fails if the artifact has no report.
bool stepBytes(const std::string &artifact, const halyard_program &program, int32_t batch, int32_t source,
               double positions, uint64_t &bytes, RunError &error);

/// Memory of a step's size, read on the artifact's threads.
class BandwidthProbe {
public:
  BandwidthProbe(const RunArtifact &artifact, uint64_t bytes);

  /// Seconds that one reading of all bytes takes, each thread one part of them, the median of some readings.
  double seconds() const;

private:
  static int32_t readPart(void *probe, int32_t index);

  const RunArtifact &artifact;
  uint64_t bytes;
  int32_t threads;
  std::unique_ptr<uint8_t, void (*)(void *)> memory;
};

} // namespace halyard::driver

#endif

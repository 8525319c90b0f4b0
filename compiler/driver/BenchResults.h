// What `halyard bench` measured, and how it is written.
#ifndef HALYARD_COMPILER_DRIVER_BENCHRESULTS_H
#define HALYARD_COMPILER_DRIVER_BENCHRESULTS_H

#include "compiler/driver/BenchProfile.h"

#include <cstdint>
#include <vector>

namespace halyard::driver {

/// Seconds and bytes. The lists hold a number for each repetition.
struct BenchResults {
  int32_t batch = 1, sourceLength = 1, newTokens = 2, threads = 1;
  uint64_t weightsBytes = 0, arenaBytes = 0;
  uint64_t stepBytes = 0;         ///< what a step has to read
  uint64_t peakMemory = 0;        ///< resident memory that opening and generating added to the process
  double load = 0;                ///< opening the artifact and making a session
  double loadToFirstToken = 0;    ///< from there on until every text has one token, the first time
  std::vector<double> encode;     ///< all sources, one after the other
  std::vector<double> firstToken; ///< from the beginning of a generation until every text has one token
  std::vector<double> decode;     ///< all tokens but the first
  static constexpr int32_t kRows = 4;
  std::vector<double> step, stepOfRows; ///< one row, and kRows rows of one text; may be empty
  std::vector<double> read;             ///< reading as many bytes as a step does

  std::vector<KernelTime> profile; ///< of all repetitions together; empty unless asked for

  /// Prints to standard output.
  void print(bool json) const;

private:
  double tokensPerSecond() const;
  double bound() const;
  /// Steps and encodings that the profile is of.
  double steps() const { return double(decode.size()) * newTokens; }
  double encodes() const { return double(decode.size()) * batch * 2; } // alone, and to generate
  double bandwidth() const;
  void printText() const;
  void printJson() const;
};

} // namespace halyard::driver

#endif

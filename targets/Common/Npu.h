// A neural processing unit beside a target's processor. It computes the sums of linear layers of codes, which
// are integers and therefore exact; everything else stays on the processor.
#ifndef HALYARD_TARGETS_COMMON_NPU_H
#define HALYARD_TARGETS_COMMON_NPU_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"

#include <string>

namespace halyard {

/// `sums[r, o] = sum over k of codes[r, k] weight[o, k]`, with codes and weights of 8 bits and sums of 32.
struct NpuLayer {
  llvm::ArrayRef<char> weight; // row-major, outputs x features
  int64_t rows, features, outputs;
};

/// What computes a layer: commands and constants for the NPU's driver, and the memory that it works in.
struct NpuProgram {
  std::string commands, weights;
  /// Of the working memory, in bytes; where the codes are put into it, and where the sums are found.
  int64_t memoryBytes, codesAt, sumsAt;
  /// By the vendor's own estimate, for all rows.
  int64_t cycles;
};

class Npu {
public:
  virtual ~Npu() = default;

  /// As in reports, "ethos-u85-256".
  virtual llvm::StringRef name() const = 0;
  /// Whether it computes layers of so many features and outputs.
  virtual bool takes(int64_t features, int64_t outputs) const = 0;
  /// How many rows a program should compute where no call has more than `most`. Others are made of several.
  virtual int64_t rowsAtOnce(int64_t most) const = 0;
  /// What is missing on this machine that programs are compiled with; empty if nothing is.
  virtual std::string missing() const = 0;
  /// Compiles a layer that it takes. On failure an error was emitted at `location`. May be called by several
  /// threads.
  virtual mlir::FailureOr<NpuProgram> compile(const NpuLayer &layer, mlir::Location location) const = 0;
};

} // namespace halyard

#endif

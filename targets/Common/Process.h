// Runs a program and keeps what it prints.
#ifndef HALYARD_TARGETS_COMMON_PROCESS_H
#define HALYARD_TARGETS_COMMON_PROCESS_H

#include "mlir/Support/LLVM.h"

#include <string>

namespace halyard {

struct ProcessResult {
  int status = -1; // 0 if all went well
  /// Why it could not be run, or ended by a signal; may be empty.
  std::string reason;
  /// What it printed, to standard output and error.
  std::string printed;

  /// ": REASON:\nWHAT IT PRINTED", as far as there is something, to follow "PROGRAM failed".
  std::string explanation() const;
};

/// Runs the program at a path with these arguments.
ProcessResult runProcess(llvm::StringRef program, llvm::ArrayRef<std::string> arguments);

} // namespace halyard

#endif

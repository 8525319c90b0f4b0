// Errors as a user sees them: `file:node: error: what is wrong`, one for a failure, with its notes below.
#ifndef HALYARD_COMPILER_DRIVER_DIAGNOSTICS_H
#define HALYARD_COMPILER_DRIVER_DIAGNOSTICS_H

#include "compiler/driver/Progress.h"

#include "mlir/IR/Diagnostics.h"

#include <string>

namespace halyard::driver {

/// While alive, prints the diagnostics of a context to standard error. Of several errors only the first is
/// printed: those after it follow from it.
class DiagnosticPrinter {
public:
  /// `progress`, if given, is cleared before anything is printed.
  explicit DiagnosticPrinter(mlir::MLIRContext *context, Progress *progress = nullptr);

  bool sawError() const { return errors > 0; }

private:
  void print(mlir::Diagnostic &diagnostic);

  Progress *progress;
  int errors = 0;
  mlir::ScopedDiagnosticHandler handler;
};

/// Where a location points, as text: "file:node", "file:line" or "file"; empty if it is unknown.
std::string describeLocation(mlir::Location location);

/// Prints `where: error: what` to standard error.
void printError(llvm::StringRef where, const llvm::Twine &what);

} // namespace halyard::driver

#endif

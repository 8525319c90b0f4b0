// A folder that appears whole or not at all: it is written beside its final place under a temporary name and
// renamed at the end.
#ifndef HALYARD_COMPILER_DRIVER_OUTPUTDIRECTORY_H
#define HALYARD_COMPILER_DRIVER_OUTPUTDIRECTORY_H

#include "mlir/Support/LLVM.h"

#include <string>
#include <vector>

namespace halyard::driver {

class OutputDirectory {
public:
  /// Makes the temporary folder beside `path`. A folder that is already at `path` is replaced by commit() if
  /// it is empty or an artifact, and refused otherwise. Prints an error on failure.
  mlir::LogicalResult create(llvm::StringRef path);
  /// Puts the folder in place. Prints an error on failure.
  mlir::LogicalResult commit();
  /// Removes the temporary folder, and folders above that were made for it, unless it was put in place.
  ~OutputDirectory();

  /// Where to write.
  llvm::StringRef temporary() const { return temporaryPath; }

private:
  std::string finalPath, temporaryPath;
  std::vector<std::string> madeParents; // innermost first
};

/// Whether a folder is an artifact: it holds a report.json that says so.
bool isArtifact(llvm::StringRef path);

} // namespace halyard::driver

#endif

// Small helpers for the files of an artifact: errors carry the path and the system's reason.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_FILES_H
#define HALYARD_COMPILER_PIPELINES_EMIT_FILES_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"

#include <string>

namespace halyard::emit {

/// `folder`/`name`.
std::string pathIn(llvm::StringRef folder, const llvm::Twine &name);

/// Writes a whole file, making the folders above it.
mlir::LogicalResult writeFile(mlir::Location location, llvm::StringRef path, llvm::StringRef contents);

/// Reads a whole file; nothing if it cannot be read.
std::optional<std::string> readFile(llvm::StringRef path);

/// A name of 32 hexadecimal digits that depends on all parts and on where one ends and the next begins.
std::string contentHash(llvm::ArrayRef<llvm::StringRef> parts);

} // namespace halyard::emit

#endif

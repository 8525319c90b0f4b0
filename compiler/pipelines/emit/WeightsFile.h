// The file NAME.weights.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_WEIGHTSFILE_H
#define HALYARD_COMPILER_PIPELINES_EMIT_WEIGHTSFILE_H

#include "dialects/Runtime/IR/Runtime.h"

namespace halyard::emit {

/// Writes the constants of a program at their offsets; gives the checksum that the runtime verifies.
mlir::FailureOr<uint64_t> writeWeights(rt::ProgramOp program, llvm::StringRef path);

} // namespace halyard::emit

#endif

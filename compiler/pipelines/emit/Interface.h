// NAME.h and NAME.cpp: the C interface of a compiled model and the C++ classes over it.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_INTERFACE_H
#define HALYARD_COMPILER_PIPELINES_EMIT_INTERFACE_H

#include "dialects/Runtime/IR/Runtime.h"
#include "targets/Common/Target.h"

#include <string>

namespace halyard::emit {

/// The text of NAME.h.
std::string interfaceHeader(rt::ProgramOp program, const Target &target);

/// What follows the generated functions in NAME.cpp: the checked entry points and the `halyard_program`.
/// Fails, with an error at the program, if the source is of a type that the interface does not have.
mlir::FailureOr<std::string> interfaceSource(rt::ProgramOp program, const Target &target,
                                             mlir::DictionaryAttr generation, uint64_t weightsChecksum);

} // namespace halyard::emit

#endif

// Where shared memory begins, in the PTX that Halide writes.
#ifndef HALYARD_TARGETS_CUDAPTX_SHAREDMEMORY_H
#define HALYARD_TARGETS_CUDAPTX_SHAREDMEMORY_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace halyard {

/// Halide addresses shared memory from 0 on, where newer GPUs have memory of the system's own. The same text
/// with addresses that count from a variable, which is put behind that.
std::string withSharedVariable(llvm::StringRef ptx);

} // namespace halyard

#endif

// A block of rows times a block of columns by tensor cores, which Halide does not know.
#ifndef HALYARD_TARGETS_CUDAPTX_TENSORTILE_H
#define HALYARD_TARGETS_CUDAPTX_TENSORTILE_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace halyard {

/// The text of kernels that Halide wrote, with the functions that they call for a TensorTile
/// (targets/Common/Algorithms/LinearSum.h); as it is if they call none. Throws Halide::Error.
std::string withTensorTile(llvm::StringRef ptx);

} // namespace halyard

#endif

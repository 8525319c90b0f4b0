// What one call of a kernel reads and computes, as far as its code says; the rest depends on the extents of a
// call.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_KERNELWORK_H
#define HALYARD_COMPILER_PIPELINES_EMIT_KERNELWORK_H

#include "dialects/Runtime/IR/Runtime.h"
#include "llvm/Support/JSON.h"

namespace halyard::emit {

/// For every kernel of the program, by name:
///   row_elements            elements of its last result for each row: the product of the extents that are
///   known multiply_adds_per_row   of contractions and other reductions, for each such row gathered indices
///   of arguments of which only some rows are read attention               only of attention: indices of the
///   arguments `query`, `key` and `value`, whether it is `causal`; if it reads
///                           caches, their indices `caches`, and `kept_row_bytes`, what one kept row has in
///                           all of them (a row reads those that it sees)
llvm::json::Object kernelWork(rt::ProgramOp program);

} // namespace halyard::emit

#endif

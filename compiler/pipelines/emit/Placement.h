// Where each operator of a program is computed: by the target's NPU or by its processor.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_PLACEMENT_H
#define HALYARD_COMPILER_PIPELINES_EMIT_PLACEMENT_H

#include "dialects/Runtime/IR/Runtime.h"
#include "llvm/Support/JSON.h"

namespace halyard::emit {

struct Placement {
  /// One object for each call of a kernel, in their order:
  ///   stage       the function that calls it: encode (which binds as well), step, ...
  ///   operator    the node of the model that it comes from
  ///   kernel      its name
  ///   placed      the NPU's name, or "processor"
  ///   rows, cycles, memory_bytes, weight_bytes   of the NPU: rows of one run, the vendor's estimate of its
  ///               cycles, the part of the arena that it works in, and the weights of the program
  llvm::json::Array operators;
  /// The NPU's name; empty if there is none.
  std::string npu;
  int64_t onNpu = 0, all = 0;
  /// The largest memory of a run, and the weights of all programs.
  int64_t memoryBytes = 0, weightBytes = 0;
};

Placement placementOf(rt::ProgramOp program);

} // namespace halyard::emit

#endif

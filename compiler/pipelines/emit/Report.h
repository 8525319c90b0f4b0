// report.json: what an artifact is and what it costs.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_REPORT_H
#define HALYARD_COMPILER_PIPELINES_EMIT_REPORT_H

#include "compiler/pipelines/ArtifactWriter.h"
#include "dialects/Runtime/IR/Runtime.h"
#include "targets/Common/Target.h"

namespace halyard::emit {

/// The text of report.json. Sizes are in bytes; `cost` is per stage, see passes/Analysis/Cost.h; `placement`,
/// which only targets with an NPU have, is that of Placement.h.
std::string report(rt::ProgramOp program, const Target &target, const ArtifactOptions &options,
                   llvm::ArrayRef<std::string> kernels);

} // namespace halyard::emit

#endif

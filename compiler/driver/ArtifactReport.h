// report.json of an artifact, as the commands that look at artifacts read it.
#ifndef HALYARD_COMPILER_DRIVER_ARTIFACTREPORT_H
#define HALYARD_COMPILER_DRIVER_ARTIFACTREPORT_H

#include "compiler/driver/RunInputs.h"
#include "llvm/Support/JSON.h"

namespace halyard::driver {

/// Reads the report of the artifact in `folder`.
bool readReport(const std::string &folder, llvm::json::Object &report, RunError &error);

} // namespace halyard::driver

#endif

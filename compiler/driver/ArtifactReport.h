// report.json of an artifact, as the commands that look at artifacts read it.
#ifndef HALYARD_COMPILER_DRIVER_ARTIFACTREPORT_H
#define HALYARD_COMPILER_DRIVER_ARTIFACTREPORT_H

#include "compiler/driver/RunInputs.h"
#include "targets/Common/Target.h"
#include "llvm/Support/JSON.h"

namespace halyard::driver {

/// Reads the report of the artifact in `folder`.
bool readReport(const std::string &folder, llvm::json::Object &report, RunError &error);

/// The target that an artifact was compiled for; null if its report does not say, or this compiler does not
/// know.
const Target *targetOfArtifact(const std::string &folder);

/// Whether this machine can load what was compiled for a target. A program for a device is one for the
/// processor: it finds out itself whether there is such a device.
bool loadsHere(const Target &target);

/// What the report says of the program, for artifacts that this machine cannot load. There are no functions
/// and no settings in it. Names stay where they are in the report.
bool describeProgram(const std::string &folder, const llvm::json::Object &report, halyard_program &program,
                     RunError &error);

} // namespace halyard::driver

#endif

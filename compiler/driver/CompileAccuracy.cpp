// Measures what is asked for; see the header.
#include "compiler/driver/CompileAccuracy.h"
#include "compiler/driver/Diagnostics.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace halyard::driver {

LogicalResult CompileAccuracy::readData() {
  RunError error;
  if (!isAsked() || data.read(reports() ? options.accuracy : "self", error))
    return success();
  return printError(error.where, error.what), failure();
}

LogicalResult CompileAccuracy::run(ModuleOp module, PipelineOptions &pipeline, StringRef artifact,
                                   Progress &progress) {
  AccuracyStudy study(module, pipeline, (artifact + "/accuracy").str(), options.threads, progress);
  if (failed(study.begin(data)) || (chooses() && failed(choice.choose(study, pipeline))))
    return failure();
  return reports() ? report.measure(study, pipeline) : success();
}

LogicalResult CompileAccuracy::addTo(StringRef artifact) const {
  if (chooses() && failed(addToReport(artifact, "precision", choice.json())))
    return failure();
  return reports() ? addToReport(artifact, "accuracy", report.json()) : success();
}

void CompileAccuracy::print() const {
  if (chooses())
    choice.print(llvm::outs());
  if (reports())
    report.print(llvm::outs());
  llvm::outs().flush();
}

} // namespace halyard::driver

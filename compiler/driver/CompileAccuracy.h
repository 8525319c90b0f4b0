// What `halyard compile` does beside compiling for --accuracy and --weights auto.
#ifndef HALYARD_COMPILER_DRIVER_COMPILEACCURACY_H
#define HALYARD_COMPILER_DRIVER_COMPILEACCURACY_H

#include "compiler/driver/AccuracyReport.h"
#include "compiler/driver/AutoPrecision.h"
#include "compiler/driver/Commands.h"

namespace halyard::driver {

class CompileAccuracy {
public:
  explicit CompileAccuracy(const CompileOptions &options)
      : options(options), choice(options.tolerance.value_or(0.5) / 100) {}

  /// Whether there is anything to do.
  bool isAsked() const { return reports() || chooses(); }
  /// Reads what --accuracy names, before anything takes time. Like the others, prints an error on failure.
  mlir::LogicalResult readData();
  /// Chooses and measures. `module` is one that the phase `rows` has run over, `pipeline` what it will be
  /// compiled with, in which precisions that were to be chosen are set; `artifact` is the folder that is
  /// being written, in which variants lie as long as they are needed.
  mlir::LogicalResult run(mlir::ModuleOp module, PipelineOptions &pipeline, llvm::StringRef artifact,
                          Progress &progress);
  /// Adds what was found to the artifact's report.json.
  mlir::LogicalResult addTo(llvm::StringRef artifact) const;
  /// Prints it.
  void print() const;

private:
  bool reports() const { return !options.accuracy.empty(); }
  bool chooses() const { return options.weights == "auto"; }

  const CompileOptions &options;
  AccuracyData data;
  AutoPrecision choice;
  AccuracyReport report;
};

} // namespace halyard::driver

#endif

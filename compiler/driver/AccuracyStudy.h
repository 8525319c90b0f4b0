// What precisions cost: a model is compiled in f32 and in others, and all are run on the same texts.
#ifndef HALYARD_COMPILER_DRIVER_ACCURACYSTUDY_H
#define HALYARD_COMPILER_DRIVER_ACCURACYSTUDY_H

#include "compiler/driver/AccuracyData.h"
#include "compiler/driver/AccuracyMeasure.h"
#include "compiler/driver/Progress.h"
#include "compiler/pipelines/Variants.h"

namespace halyard::driver {

class AccuracyStudy {
public:
  /// `module` is one that the phase `rows` has run over; it is not changed. `options` are what it will be
  /// compiled with: all variants have its limits, for the instruction set that its target would choose here.
  /// `folder` is made for the variants' artifacts, and removed in the end. `threads`: 0 for one per core.
  AccuracyStudy(mlir::ModuleOp module, const PipelineOptions &options, std::string folder, int64_t threads,
                Progress &progress);
  ~AccuracyStudy();

  /// Compiles the model in f32, which all else is compared with, and has it write the texts that `data` does
  /// not bring. Like the others, prints an error on failure.
  mlir::LogicalResult begin(const AccuracyData &data);
  /// Compiles a variant and compares it. `what` is shown as progress.
  mlir::LogicalResult measure(const PipelineOptions &variant, llvm::StringRef what, AccuracyMeasure &result);

  /// The options of everything in f32.
  PipelineOptions reference() const;
  /// Bytes of the weights of the variant that was measured last.
  uint64_t weightsBytes() const { return bytes; }
  /// Measured variants so far, the reference not included.
  int measured() const { return count; }
  size_t texts() const { return samples.size(); }
  bool isMadeUp() const { return madeUp; }
  mlir::ModuleOp model() const { return module; }

private:
  /// Prints an error.
  mlir::LogicalResult fail(const RunError &error);
  mlir::LogicalResult compile(const PipelineOptions &variant, llvm::StringRef artifact);
  mlir::LogicalResult keepReference(class AccuracyRun &run);
  mlir::LogicalResult compare(class AccuracyRun &run, AccuracyMeasure &result);
  std::string path(const llvm::Twine &name) const { return (folder + "/" + name).str(); }

  mlir::ModuleOp module;
  PipelineOptions options;
  std::string folder;
  int64_t threads;
  Progress &progress;
  std::vector<AccuracySample> samples;
  bool madeUp = false;
  int count = 0;
  uint64_t bytes = 0;
};

} // namespace halyard::driver

#endif

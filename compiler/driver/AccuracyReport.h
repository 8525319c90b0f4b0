// What a compilation's precisions cost, in all and for each group of weights: measured, printed, and added to
// the artifact's report.
#ifndef HALYARD_COMPILER_DRIVER_ACCURACYREPORT_H
#define HALYARD_COMPILER_DRIVER_ACCURACYREPORT_H

#include "compiler/driver/AccuracyStudy.h"

#include "llvm/Support/JSON.h"

namespace halyard::driver {

class AccuracyReport {
public:
  /// Measures the whole, and each group whose weights are not all f32 alone, with everything else in f32.
  /// What attention keeps is a group, "caches". Prints an error on failure.
  mlir::LogicalResult measure(AccuracyStudy &study, const PipelineOptions &options);
  void print(llvm::raw_ostream &out) const;
  llvm::json::Object json() const;

private:
  struct Line {
    std::string group;
    std::string precisions; ///< "int8, f32"
    double bytes = 0;       ///< of the group's weights by themselves; of the whole weights file; 0 for caches
    AccuracyMeasure measure;
  };

  mlir::LogicalResult measureGroup(AccuracyStudy &study, const PipelineOptions &options,
                                   llvm::ArrayRef<const WeightChoice *> weights);

  Line all;
  std::vector<Line> groups;
  size_t texts = 0;
  bool isMadeUp = false;
};

/// Bytes of an element stored in a precision, scales not counted.
double bytesPerElement(llvm::StringRef precision);

/// Writes `value` under `key` into the report.json of an artifact's folder. Prints an error on failure.
mlir::LogicalResult addToReport(llvm::StringRef folder, llvm::StringRef key, llvm::json::Value value);

} // namespace halyard::driver

#endif

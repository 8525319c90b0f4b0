// --weights auto: int8, but for weights that it costs too much.
//
// What counts is the divergence from f32 (AccuracyMeasure::divergence), which is smooth where counts of
// tokens are coarse, and to which independent errors add up. Each group of weights is measured alone in int8,
// everything else in f32. Groups then stay wide, those first that diverge most for their bytes, as many as it
// takes for the whole model to be within the tolerance, and at least as many tokens to agree as in int8. The
// last of them, without which it would not be enough, is split: its weights are measured alone, and only as
// many of them as it takes stay wide. Nothing depends on time or chance, so the same model and data lead to
// the same choice on the same machine.
#ifndef HALYARD_COMPILER_DRIVER_AUTOPRECISION_H
#define HALYARD_COMPILER_DRIVER_AUTOPRECISION_H

#include "compiler/driver/AccuracyStudy.h"

#include "llvm/Support/JSON.h"

namespace halyard::driver {

class AutoPrecision {
public:
  /// `tolerance` is the share by which perplexity may rise: exp(divergence) - 1 at most.
  explicit AutoPrecision(double tolerance) : tolerance(tolerance) {}

  /// Sets `weights` and `except` of the options. If nothing is within the tolerance, they become what
  /// diverged least. Prints an error on failure.
  mlir::LogicalResult choose(AccuracyStudy &study, PipelineOptions &options);
  void print(llvm::raw_ostream &out) const;
  llvm::json::Object json() const;

private:
  /// Weights that are narrow or wide together.
  struct Part {
    std::string name; ///< a group, a weight, or "GROUP.3 to 5"
    std::vector<WeightChoice> weights;
    double bytes = 0;           ///< that staying wide takes more
    AccuracyMeasure alone = {}; ///< what it costs to be narrow

    double harm() const { return alone.divergence() / bytes; }
  };
  using Parts = std::vector<Part>;

  mlir::LogicalResult measureAlone(AccuracyStudy &study, Parts &parts);
  mlir::FailureOr<bool> tryWide(AccuracyStudy &study, const Parts &kept, const Parts &parts, size_t count);
  mlir::FailureOr<size_t> fewest(AccuracyStudy &study, const Parts &kept, const Parts &parts);
  size_t predicted(const Parts &parts) const;
  mlir::LogicalResult split(AccuracyStudy &study, const Parts &kept, const Part &last);
  PipelineOptions optionsOf(const Parts &parts) const;
  bool isWithin(const AccuracyMeasure &measure) const;

  double tolerance;
  PipelineOptions narrow;
  Parts best;                  ///< the wide parts of what is chosen
  AccuracyMeasure bestMeasure; ///< of it
  AccuracyMeasure without;     ///< of everything narrow
  double tooMuch = 0;          ///< divergence of the last choice tried that was not within the tolerance
  int measured = 0;
  size_t weightCount = 0;
};

} // namespace halyard::driver

#endif

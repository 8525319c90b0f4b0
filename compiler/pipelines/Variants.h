// One model compiled several times, with weights of different precisions: what the variants have in common,
// and what is released after each.
#ifndef HALYARD_COMPILER_PIPELINES_VARIANTS_H
#define HALYARD_COMPILER_PIPELINES_VARIANTS_H

#include "compiler/pipelines/Pipelines.h"

namespace halyard {

/// A weight whose precision is chosen, and the choice.
struct WeightChoice {
  std::string group;     // one of weightGroups() (passes/Transforms/WeightGroups.h)
  std::string name;      // "GROUP.N", as PipelineOptions::except takes it
  std::string precision; // f32, bf16, f16, int8 or int4
  int64_t elements;
  mlir::Location location;
};

/// The weights of a module that the phase `rows` has run over, in the program's order, with the precisions
/// that `options` lead to. The module is not changed. On failure an error has been emitted.
mlir::FailureOr<std::vector<WeightChoice>> chosenWeights(mlir::ModuleOp module,
                                                         const PipelineOptions &options);

/// Constants that passes compute live as long as the context. This releases, at its end, the elements of
/// those that were made during its life: nothing that then remains may refer to them.
class ConstantsOfVariant {
public:
  explicit ConstantsOfVariant(mlir::MLIRContext *context);
  ~ConstantsOfVariant();

private:
  mlir::MLIRContext *context;
  llvm::StringMap<char> before; // names of those that stay
};

} // namespace halyard

#endif

// The compiler's phases, each a named pipeline. Compilation can stop after any of them (`halyard compile
// --stop-after`).
#ifndef HALYARD_COMPILER_PIPELINES_PIPELINES_H
#define HALYARD_COMPILER_PIPELINES_PIPELINES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace halyard {

/// The phases between import and emit, in their order.
enum class Phase { import, simplify, raise, stage, rows, compress, dispatch, plan, emit };

/// "import", "simplify", ... in order.
llvm::ArrayRef<llvm::StringLiteral> phaseNames();
std::optional<Phase> parsePhase(llvm::StringRef name);

struct PipelineOptions {
  int64_t maxRows = 8;             // rows that one step can be given
  int64_t slots = 4;               // sources held at a time
  std::string weights = "f32";     // precision of linear layers' weights
  std::vector<std::string> except; // other precisions than it, as choose-precision takes them
  std::string kv = "f32";          // precision of what attention keeps
  std::string screen = "auto";     // whether greedy search screens the head: auto, always, never
  std::string target = "x86-64";   // whose kernels will read them
  bool isDeterministic = false;    // whether kernels give the same bits on every target
};

/// Registers every dialect and interface model that the pipelines need.
void registerDialects(mlir::DialectRegistry &registry);

/// Adds the passes of one phase. Nothing is added for import, which makes the module in the first place.
void buildPhase(mlir::OpPassManager &manager, Phase phase, const PipelineOptions &options);

/// Adds the passes of phase `compress` up to the choice of precisions.
void buildChoice(mlir::OpPassManager &manager, const PipelineOptions &options);

/// Runs all phases after import up to and including `last` over a module that was imported. On failure an
/// error has been emitted at the operation that is at fault.
mlir::LogicalResult runPhases(mlir::ModuleOp module, Phase last, const PipelineOptions &options);

/// Makes every phase known to halyard-opt as `--halyard-PHASE`.
void registerPhases();

} // namespace halyard

#endif

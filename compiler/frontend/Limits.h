// The largest source and target lengths that a model is compiled for, and the extents that its configuration
// fixes.
#ifndef HALYARD_COMPILER_FRONTEND_LIMITS_H
#define HALYARD_COMPILER_FRONTEND_LIMITS_H

#include "compiler/frontend/Json.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace halyard::onnx {

struct Limits {
  /// Largest extent of the one axis of the encoder's input that is dynamic: tokens, audio samples, frames,
  /// patches. For an input of fixed shape, the extent of its last axis.
  int64_t maxSource = 0;
  /// Most decoder rows.
  int64_t maxTarget = 0;
};

/// What the model's files say about lengths.
struct Configuration {
  nlohmann::json model;        // config.json
  nlohmann::json generation;   // generation_config.json
  nlohmann::json preprocessor; // preprocessor_config.json
};

/// Makes the axes of the encoder's input static that the configuration fixes (channels, mel bins, frames,
/// image size) and gives the limits: those asked for (0: none) if the model's position tables reach that far,
/// else defaults. `location` is that of the configuration.
mlir::FailureOr<Limits> applyLimits(mlir::Location location, const Configuration &configuration,
                                    mlir::func::FuncOp encoder, Limits asked);

} // namespace halyard::onnx

#endif

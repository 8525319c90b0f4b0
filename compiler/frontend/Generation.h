// Generation settings of a model.
#ifndef HALYARD_COMPILER_FRONTEND_GENERATION_H
#define HALYARD_COMPILER_FRONTEND_GENERATION_H

#include "compiler/frontend/Json.h"

#include "mlir/IR/BuiltinAttributes.h"

namespace halyard::onnx {

/// The settings that transformers' generate() would use, under their names in generation_config.json.
/// Integers are i64, penalties and probabilities f64, booleans i1, lists of ids array<i64>, lists of such
/// lists arrays of them (null elements -1). `eos_token_id` is an integer or a list. Settings that are null
/// are left out. `location` is where a setting of a wrong kind is reported.
mlir::FailureOr<mlir::DictionaryAttr> generationSettings(mlir::Location location,
                                                         const nlohmann::json &config,
                                                         const nlohmann::json &generationConfig);

} // namespace halyard::onnx

#endif

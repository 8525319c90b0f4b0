// JSON configuration files.
#ifndef HALYARD_COMPILER_FRONTEND_JSON_H
#define HALYARD_COMPILER_FRONTEND_JSON_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"

#include <nlohmann/json.hpp>

namespace halyard::onnx {

/// Reads a file that holds a JSON object. A file that does not exist is an empty object; one that cannot be
/// read or parsed is an error, located at the line.
mlir::FailureOr<nlohmann::json> readJson(mlir::MLIRContext *context, llvm::StringRef path);

/// The value at a path of keys separated by dots ("decoder.max_position_embeddings"); null if there is none.
const nlohmann::json *findJson(const nlohmann::json &object, llvm::StringRef path);

/// That value as a positive integer; nothing if it is none.
std::optional<int64_t> findPositive(const nlohmann::json &object, llvm::StringRef path);

} // namespace halyard::onnx

#endif

// The model's generation settings as a `halyard_generation` of C.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_GENERATIONSETTINGS_H
#define HALYARD_COMPILER_PIPELINES_EMIT_GENERATIONSETTINGS_H

#include "mlir/IR/BuiltinAttributes.h"

#include <string>

namespace halyard::emit {

/// The initialiser of a halyard_generation for settings under their names in generation_config.json; those
/// that are absent get the value that means so. Definitions of the lists that it names are appended to
/// `definitions`.
std::string generationSettings(mlir::DictionaryAttr settings, std::string &definitions);

} // namespace halyard::emit

#endif

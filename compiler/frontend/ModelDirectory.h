// Finds the files of a model in its folder.
#ifndef HALYARD_COMPILER_FRONTEND_MODELDIRECTORY_H
#define HALYARD_COMPILER_FRONTEND_MODELDIRECTORY_H

#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"

#include <string>

namespace halyard::onnx {

/// What the user names instead of leaving it to be found: absolute, or relative to the folder.
struct NamedFiles {
  std::string encoder, decoder, decoderWithPast, embedTokens;
};

/// Paths of a model's files; empty where there is none.
struct ModelFiles {
  std::string directory;
  std::string encoder, decoder; // always there
  std::string decoderWithPast;  // only beside a decoder without caches or merged branches of its own
  std::string embedTokens;      // for decoders that take inputs_embeds
  std::string config, generationConfig, preprocessorConfig;
};

/// Finds encoder and decoder by the names that Hugging Face's exporters use, in the folder or its subfolder
/// onnx/. An error says what was looked for and what is there.
mlir::FailureOr<ModelFiles> findModelFiles(mlir::MLIRContext *context, llvm::StringRef directory,
                                           const NamedFiles &named);

} // namespace halyard::onnx

#endif

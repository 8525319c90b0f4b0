// Hugging Face's layout: config.json beside the graphs, or the graphs in onnx/ below it. A folder may hold
// the same decoder several times over; the first name of a list that exists is taken. Variants in other
// precisions (_fp16, _quantized) are never taken unasked.
#include "compiler/frontend/ModelDirectory.h"
#include "compiler/frontend/OnnxFile.h"

#include "mlir/IR/Diagnostics.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace halyard::onnx;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {

constexpr StringLiteral kEncoders[] = {"encoder_model.onnx", "encoder.onnx"};
constexpr StringLiteral kMergedDecoder = "decoder_model_merged.onnx";
constexpr StringLiteral kDecoders[] = {"decoder_model.onnx", kMergedDecoder, "decoder.onnx"};
constexpr StringLiteral kEmbeddings[] = {"embed_tokens.onnx"};
constexpr StringLiteral kDecodersWithPast[] = {"decoder_with_past_model.onnx", "decoder_with_past.onnx"};

std::string join(StringRef directory, StringRef name) {
  SmallString<128> full(directory);
  path::append(full, name);
  return std::string(full);
}

std::string existing(StringRef directory, StringRef name) {
  std::string full = join(directory, name);
  return fs::exists(full) ? full : "";
}

std::string findOne(StringRef directory, ArrayRef<StringLiteral> names) {
  for (StringRef name : names)
    for (StringRef subfolder : {"", "onnx"})
      if (std::string full = existing(subfolder.empty() ? directory.str() : join(directory, subfolder), name);
          !full.empty())
        return full;
  return "";
}

std::string onnxFilesIn(StringRef directory) {
  SmallVector<std::string> names;
  std::error_code error;
  for (StringRef folder : {"", "onnx"})
    for (fs::directory_iterator it(folder.empty() ? directory.str() : join(directory, folder), error), end;
         it != end && !error; it.increment(error))
      if (path::extension(it->path()) == ".onnx")
        names.push_back(folder.empty() ? path::filename(it->path()).str()
                                       : join(folder, path::filename(it->path())));
  llvm::sort(names);
  return llvm::join(names, ", ");
}

struct Finder {
  MLIRContext *context;
  StringRef directory;

  /// The file that the user named.
  FailureOr<std::string> named(StringRef name, StringRef option) {
    std::string full = path::is_absolute(name) ? name.str() : join(directory, name);
    if (!fs::exists(full))
      return emitError(fileLocation(context, full)) << "does not exist (named by " << option << ")";
    return full;
  }

  FailureOr<std::string> required(StringRef name, StringRef option, ArrayRef<StringLiteral> candidates) {
    if (!name.empty())
      return named(name, option);
    std::string found = findOne(directory, candidates);
    if (!found.empty())
      return found;
    InFlightDiagnostic error = emitError(fileLocation(context, directory))
                               << "has no " << candidates.front() << " (nor "
                               << llvm::join(candidates.drop_front(), ", ")
                               << "), nor has its subfolder onnx";
    std::string present = onnxFilesIn(directory);
    error.attachNote() << (present.empty() ? "it holds no .onnx file; export the model there first"
                                           : "it holds " + present + "; name the file with " + option.str());
    return error;
  }
};

} // namespace

FailureOr<ModelFiles> halyard::onnx::findModelFiles(MLIRContext *context, StringRef directory,
                                                    const NamedFiles &named) {
  if (!fs::is_directory(directory))
    return emitError(fileLocation(context, directory))
           << (fs::exists(directory) ? "is not a folder; give the folder that holds the model's files"
                                     : "does not exist");
  Finder finder{context, directory};
  FailureOr<std::string> encoder = finder.required(named.encoder, "--encoder", kEncoders);
  if (failed(encoder))
    return failure();
  // A decoder that takes caches computes the first step as well, with empty ones, unless it takes what only
  // another file computes.
  std::string alone = named.decoder.empty() && findOne(directory, kDecoders).empty()
                          ? findOne(directory, kDecodersWithPast)
                          : "";
  FailureOr<std::string> decoder =
      alone.empty() ? finder.required(named.decoder, "--decoder", kDecoders) : FailureOr<std::string>(alone);
  if (failed(decoder))
    return failure();
  ModelFiles files;
  files.directory = directory.str();
  files.encoder = *encoder;
  files.decoder = *decoder;
  if (!named.decoderWithPast.empty()) {
    FailureOr<std::string> withPast = finder.named(named.decoderWithPast, "--decoder-with-past");
    if (failed(withPast))
      return failure();
    files.decoderWithPast = *withPast;
  } else if (named.decoder.empty() && alone.empty() && path::filename(files.decoder) != kMergedDecoder) {
    files.decoderWithPast = findOne(directory, kDecodersWithPast);
  }
  if (named.embedTokens.empty()) {
    files.embedTokens = findOne(directory, kEmbeddings);
  } else {
    FailureOr<std::string> embedTokens = finder.named(named.embedTokens, "--embed-tokens");
    if (failed(embedTokens))
      return failure();
    files.embedTokens = *embedTokens;
  }
  files.config = existing(directory, "config.json");
  files.generationConfig = existing(directory, "generation_config.json");
  files.preprocessorConfig = existing(directory, "preprocessor_config.json");
  return files;
}

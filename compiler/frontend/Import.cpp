// Imports a model's files one after the other and lays down what its configuration says.
#include "compiler/frontend/Import.h"
#include "compiler/frontend/Generation.h"
#include "compiler/frontend/GraphImporter.h"
#include "compiler/frontend/Limits.h"

#include "dialects/ONNX/IR/ONNX.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace halyard::onnx;

std::string halyard::onnx::makeIdentifier(StringRef text) {
  std::string name;
  for (char c : text)
    name += llvm::isAlnum(c) || c == '_' ? c : '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name.insert(0, "_");
  return name;
}

static std::string defaultName(StringRef directory) {
  SmallString<128> full;
  if (llvm::sys::fs::real_path(directory, full))
    full = directory;
  return makeIdentifier(llvm::sys::path::filename(full));
}

FailureOr<func::FuncOp> halyard::onnx::importFile(ModuleOp module, StringRef path, StringRef function) {
  module.getContext()->loadDialect<ONNXDialect, func::FuncDialect>();
  FailureOr<std::unique_ptr<OnnxFile>> file = OnnxFile::open(module.getContext(), path);
  if (failed(file))
    return failure();
  return GraphImporter(**file, module).importFunction(function);
}

static FailureOr<Configuration> readConfiguration(MLIRContext *context, const ModelFiles &files) {
  Configuration configuration;
  for (auto [path, into] : {std::pair(&files.config, &configuration.model),
                            std::pair(&files.generationConfig, &configuration.generation),
                            std::pair(&files.preprocessorConfig, &configuration.preprocessor)}) {
    *into = nlohmann::json::object();
    if (path->empty())
      continue;
    FailureOr<nlohmann::json> value = readJson(context, *path);
    if (failed(value))
      return failure();
    *into = std::move(*value);
  }
  return configuration;
}

FailureOr<OwningOpRef<ModuleOp>> halyard::onnx::importModel(MLIRContext *context,
                                                            const ImportOptions &options) {
  FailureOr<ModelFiles> files = findModelFiles(context, options.directory, options.files);
  if (failed(files))
    return failure();
  FailureOr<Configuration> configuration = readConfiguration(context, *files);
  if (failed(configuration))
    return failure();
  auto located = [&](const std::string &path) {
    return fileLocation(context, path.empty() ? files->directory : path);
  };
  OwningOpRef<ModuleOp> module = ModuleOp::create(located(files->directory));
  FailureOr<func::FuncOp> encoder = importFile(*module, files->encoder, "encoder");
  if (failed(encoder) || failed(importFile(*module, files->decoder, "decoder")))
    return failure();
  if (!files->decoderWithPast.empty() &&
      failed(importFile(*module, files->decoderWithPast, "decoder_with_past")))
    return failure();

  FailureOr<DictionaryAttr> generation =
      generationSettings(located(files->generationConfig.empty() ? files->config : files->generationConfig),
                         configuration->model, configuration->generation);
  if (failed(generation))
    return failure();
  FailureOr<Limits> limits =
      applyLimits(located(files->config), *configuration, *encoder, {options.maxSource, options.maxTarget});
  if (failed(limits))
    return failure();
  Builder builder(context);
  (*module)->setAttr(
      "halyard.name",
      builder.getStringAttr(options.name.empty() ? defaultName(files->directory) : options.name));
  (*module)->setAttr("halyard.generation", *generation);
  (*module)->setAttr("halyard.limits",
                     builder.getDictionaryAttr(
                         {builder.getNamedAttr("max_source", builder.getI64IntegerAttr(limits->maxSource)),
                          builder.getNamedAttr("max_target", builder.getI64IntegerAttr(limits->maxTarget))}));
  return module;
}

// Imports a model's files one after the other and lays down what its configuration says.
#include "compiler/frontend/Import.h"
#include "compiler/frontend/Generation.h"
#include "compiler/frontend/GraphImporter.h"
#include "compiler/frontend/Limits.h"
#include "compiler/frontend/TokenEmbedding.h"

#include "dialects/ONNX/IR/ONNX.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace halyard::onnx;

/// Names that generated code cannot give to a namespace and to functions: keywords of C++17 and C, and names
/// that the runtime and the standard library use.
static bool isReserved(StringRef name) {
  static const llvm::StringSet<> reserved = {
      "alignas",     "alignof",  "and",      "and_eq",    "asm",        "auto",         "bitand",
      "bitor",       "bool",     "break",    "case",      "catch",      "char",         "char16_t",
      "char32_t",    "class",    "compl",    "const",     "const_cast", "constexpr",    "continue",
      "decltype",    "default",  "delete",   "do",        "double",     "dynamic_cast", "else",
      "enum",        "explicit", "export",   "extern",    "false",      "float",        "for",
      "friend",      "goto",     "if",       "inline",    "int",        "long",         "mutable",
      "namespace",   "new",      "noexcept", "not",       "not_eq",     "nullptr",      "operator",
      "or",          "or_eq",    "private",  "protected", "public",     "register",     "reinterpret_cast",
      "restrict",    "return",   "short",    "signed",    "sizeof",     "static",       "static_assert",
      "static_cast", "struct",   "switch",   "template",  "this",       "thread_local", "throw",
      "true",        "try",      "typedef",  "typeid",    "typename",   "union",        "unsigned",
      "using",       "virtual",  "void",     "volatile",  "wchar_t",    "while",        "xor",
      "xor_eq",      "halyard",  "main",     "std"};
  return reserved.contains(name);
}

std::string halyard::onnx::makeIdentifier(StringRef text) {
  std::string name;
  for (char c : text)
    name += llvm::isAlnum(c) || c == '_' ? c : '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name.insert(0, "_");
  if (isReserved(name))
    name += '_';
  return name;
}

static std::string defaultName(StringRef directory) {
  SmallString<128> full;
  if (llvm::sys::fs::real_path(directory, full))
    full = directory;
  return makeIdentifier(llvm::sys::path::filename(full));
}

namespace {
struct ImportedGraph {
  func::FuncOp function;
  SmallVector<Type> declaredOutputs;
};
} // namespace

static FailureOr<ImportedGraph> importGraph(ModuleOp module, StringRef path, StringRef name) {
  module.getContext()->loadDialect<ONNXDialect, func::FuncDialect>();
  FailureOr<std::unique_ptr<OnnxFile>> file = OnnxFile::open(module.getContext(), path);
  if (failed(file))
    return failure();
  GraphImporter importer(**file, module);
  FailureOr<func::FuncOp> function = importer.importFunction(name);
  if (failed(function))
    return failure();
  return ImportedGraph{*function, SmallVector<Type>(importer.declaredOutputs())};
}

FailureOr<func::FuncOp> halyard::onnx::importFile(ModuleOp module, StringRef path, StringRef function) {
  FailureOr<ImportedGraph> graph = importGraph(module, path, function);
  return failed(graph) ? FailureOr<func::FuncOp>(failure()) : FailureOr<func::FuncOp>(graph->function);
}

/// Number of features of a tensor, its last extent; nothing if it is dynamic.
static std::optional<int64_t> features(Type type) {
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked || ranked.getRank() == 0 || ranked.isDynamicDim(ranked.getRank() - 1))
    return std::nullopt;
  return ranked.getShape().back();
}

/// The decoder reads what the encoder writes. Where both files say how wide that is, they must agree.
static LogicalResult checkWidths(ImportedGraph &encoder, func::FuncOp decoder) {
  std::optional<int64_t> written = features(encoder.declaredOutputs.front());
  for (unsigned i = 0; i < decoder.getNumArguments(); ++i) {
    auto name = decoder.getArgAttrOfType<StringAttr>(i, "onnx.name");
    if (!name || name.getValue() != "encoder_hidden_states")
      continue;
    std::optional<int64_t> read = features(decoder.getArgument(i).getType());
    if (!written || !read || *written == *read)
      continue;
    InFlightDiagnostic error = emitError(decoder.getArgument(i).getLoc())
                               << "has " << *read << " features, but the encoder's output has " << *written;
    error.attachNote(encoder.function.getLoc()) << "this is the encoder; both must come from one model";
    return error;
  }
  return success();
}

/// Decoders of embedded tokens become decoders of tokens.
static LogicalResult embedTokensOf(ArrayRef<func::FuncOp> decoders, ModuleOp module, const ModelFiles &files,
                                   bool isNamed) {
  SmallVector<func::FuncOp> taking(llvm::make_filter_range(decoders, takesEmbeddedTokens));
  if (taking.empty() && isNamed)
    return emitError(fileLocation(module.getContext(), files.embedTokens))
           << "is named by --embed-tokens, but no decoder takes inputs_embeds in place of input_ids";
  if (taking.empty())
    return success();
  if (files.embedTokens.empty()) {
    InFlightDiagnostic error = taking.front().emitError()
                               << "takes inputs_embeds, but what embeds tokens is not there";
    error.attachNote() << "the folder has no embed_tokens.onnx; name the file with --embed-tokens";
    return error;
  }
  FailureOr<func::FuncOp> embedding = importFile(module, files.embedTokens, "embed_tokens");
  if (failed(embedding))
    return failure();
  for (func::FuncOp decoder : taking)
    if (failed(embedTokens(decoder, *embedding)))
      return failure();
  embedding->erase();
  return success();
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
  FailureOr<ImportedGraph> encoder = importGraph(*module, files->encoder, "encoder");
  if (failed(encoder))
    return failure();
  FailureOr<func::FuncOp> decoder = importFile(*module, files->decoder, "decoder");
  if (failed(decoder) || failed(checkWidths(*encoder, *decoder)))
    return failure();
  SmallVector<func::FuncOp> decoders{*decoder};
  if (!files->decoderWithPast.empty()) {
    FailureOr<func::FuncOp> withPast = importFile(*module, files->decoderWithPast, "decoder_with_past");
    if (failed(withPast))
      return failure();
    decoders.push_back(*withPast);
  }
  if (failed(embedTokensOf(decoders, *module, *files, !options.files.embedTokens.empty())))
    return failure();

  FailureOr<DictionaryAttr> generation =
      generationSettings(located(files->generationConfig.empty() ? files->config : files->generationConfig),
                         configuration->model, configuration->generation);
  if (failed(generation))
    return failure();
  FailureOr<Limits> limits = applyLimits(located(files->config), *configuration, encoder->function,
                                         {options.maxSource, options.maxTarget});
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

// halyard inspect: what a model's folder holds and what it would be compiled for, or the report of an
// artifact.
#include "compiler/driver/ArtifactReport.h"
#include "compiler/driver/Commands.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/InspectText.h"
#include "compiler/driver/OutputDirectory.h"
#include "compiler/frontend/Describe.h"
#include "compiler/frontend/Import.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::driver;
using llvm::json::Array;
using llvm::json::Object;

namespace {

Array describeValues(const std::vector<onnx::ValueDescription> &values) {
  Array result;
  for (const onnx::ValueDescription &value : values)
    result.push_back(Object{{"name", value.name}, {"type", value.elementType}, {"shape", Array(value.dims)}});
  return result;
}

Object describe(const onnx::FileDescription &file) {
  Object opsets, operators;
  for (const auto &[domain, version] : file.opsets)
    opsets[domain] = version;
  for (const auto &[name, count] : file.operators)
    operators[name] = count;
  return Object{{"file", llvm::sys::path::filename(file.path).str()},
                {"bytes", file.bytes},
                {"weight_bytes", file.weightBytes},
                {"producer", file.producer},
                {"ir_version", file.irVersion},
                {"opsets", std::move(opsets)},
                {"inputs", describeValues(file.inputs)},
                {"outputs", describeValues(file.outputs)},
                {"operators", std::move(operators)}};
}

/// An attribute of the module as JSON.
llvm::json::Value toJson(Attribute attribute) {
  if (auto boolean = dyn_cast<BoolAttr>(attribute))
    return boolean.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return integer.getInt();
  if (auto real = dyn_cast<FloatAttr>(attribute))
    return real.getValueAsDouble();
  if (auto string = dyn_cast<StringAttr>(attribute))
    return string.getValue().str();
  if (auto list = dyn_cast<DenseI64ArrayAttr>(attribute))
    return Array(list.asArrayRef());
  if (auto dictionary = dyn_cast<DictionaryAttr>(attribute)) {
    Object result;
    for (NamedAttribute entry : dictionary)
      result[entry.getName().getValue().str()] = toJson(entry.getValue());
    return result;
  }
  Array result;
  if (auto array = dyn_cast<ArrayAttr>(attribute))
    for (Attribute element : array)
      result.push_back(toJson(element));
  return result;
}

FailureOr<Object> inspectModel(const InspectOptions &options) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  DiagnosticPrinter printer(&context);
  onnx::ImportOptions import;
  import.directory = options.path;
  import.files = {options.encoder, options.decoder, options.decoderWithPast, options.embedTokens};
  FailureOr<onnx::ModelFiles> files = onnx::findModelFiles(&context, import.directory, import.files);
  if (failed(files))
    return failure();
  Array descriptions;
  for (const std::string &path :
       {files->encoder, files->decoder, files->decoderWithPast, files->embedTokens}) {
    if (path.empty())
      continue;
    FailureOr<onnx::FileDescription> description = onnx::describeFile(&context, path);
    if (failed(description))
      return failure();
    descriptions.push_back(describe(*description));
  }
  FailureOr<OwningOpRef<ModuleOp>> module = onnx::importModel(&context, import);
  if (failed(module))
    return failure();
  return Object{{"model", options.path},
                {"files", std::move(descriptions)},
                {"limits", toJson((**module)->getAttr("halyard.limits"))},
                {"generation", toJson((**module)->getAttr("halyard.generation"))}};
}

FailureOr<Object> inspectArtifact(const InspectOptions &options) {
  Object report;
  RunError error;
  if (readReport(options.path, report, error))
    return report;
  return printError(error.where, error.what), failure();
}

} // namespace

int halyard::driver::inspectCommand(const InspectOptions &options) {
  FailureOr<Object> report = isArtifact(options.path) ? inspectArtifact(options) : inspectModel(options);
  if (failed(report))
    return kModelError;
  if (options.json) {
    llvm::outs() << llvm::formatv("{0:2}", llvm::json::Value(std::move(*report))) << "\n";
  } else {
    report->erase("kernel_work"); // for `halyard bench --profile`; too long to read
    printText(llvm::json::Value(std::move(*report)), llvm::outs());
  }
  llvm::outs().flush();
  return kDone;
}

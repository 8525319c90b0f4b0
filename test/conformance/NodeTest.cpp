// See NodeTest.h.
#include "NodeTest.h"

#include "compiler/frontend/Import.h"
#include "compiler/frontend/OpsetUpgrade.h"
#include "compiler/frontend/TensorImport.h"
#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Conversion/OnnxToLinalg.h"
#include "passes/Transforms/Simplification.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using namespace mlir;

namespace halyard::conformance {

namespace {
/// Keeps the text of the first error.
class FirstError {
public:
  explicit FirstError(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (text.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
            text = diagnostic.str();
          return success();
        }) {}

  std::string text;

private:
  ScopedDiagnosticHandler handler;
};

struct Case {
  std::unique_ptr<onnx::OnnxFile> file;
  SmallVector<ElementsAttr> inputs, outputs;
};
} // namespace

static FailureOr<SmallVector<ElementsAttr>> readTensors(onnx::OnnxFile &file, const std::string &prefix,
                                                        MLIRContext *context) {
  SmallVector<ElementsAttr> tensors;
  for (int i = 0; llvm::sys::fs::exists(prefix + std::to_string(i) + ".pb"); ++i) {
    auto buffer = llvm::MemoryBuffer::getFile(prefix + std::to_string(i) + ".pb");
    ::onnx::TensorProto proto;
    Location loc = UnknownLoc::get(context);
    if (!buffer || !proto.ParseFromString((*buffer)->getBuffer().str()))
      return emitError(loc) << "cannot read " << prefix << i << ".pb as a tensor";
    FailureOr<ElementsAttr> tensor = onnx::importTensor(file, proto, loc, "data");
    if (failed(tensor))
      return failure();
    tensors.push_back(*tensor);
  }
  return tensors;
}

/// A copy of the model that imports an operator set the importer knows. Each test names the operator set in
/// which its operator last changed: for many that is an older one than the importer's oldest, with the same
/// form still; from 25 on it is because of more element types.
static FailureOr<std::string> knownOpset(MLIRContext *context, const std::string &folder) {
  Location loc = UnknownLoc::get(context);
  auto buffer = llvm::MemoryBuffer::getFile(folder + "/model.onnx");
  ::onnx::ModelProto model;
  SmallString<128> path;
  if (!buffer || !model.ParseFromString((*buffer)->getBuffer().str()) ||
      llvm::sys::fs::createTemporaryFile("conformance", "onnx", path))
    return emitError(loc) << "cannot copy " << folder << "/model.onnx";
  auto clamp = [](auto &imported) {
    if (imported.domain().empty())
      imported.set_version(std::clamp<int64_t>(imported.version(), onnx::kOldestOpset, onnx::kNewestOpset));
  };
  for (auto &imported : *model.mutable_opset_import())
    clamp(imported);
  for (auto &function : *model.mutable_functions())
    for (auto &imported : *function.mutable_opset_import())
      clamp(imported);
  std::error_code error;
  llvm::raw_fd_ostream(path, error) << model.SerializeAsString();
  return path.str().str();
}

static FailureOr<Case> readCase(MLIRContext *context, const std::string &folder) {
  Case test;
  auto file = onnx::OnnxFile::open(context, folder + "/model.onnx");
  if (failed(file))
    return failure();
  test.file = std::move(*file);
  auto inputs = readTensors(*test.file, folder + "/test_data_set_0/input_", context);
  auto outputs = readTensors(*test.file, folder + "/test_data_set_0/output_", context);
  if (failed(inputs) || failed(outputs))
    return failure();
  test.inputs = *inputs;
  test.outputs = *outputs;
  return test;
}

/// Gives arguments the types of the inputs, or makes those constants that tend to be (integers, and the
/// factors of Resize); returns the inputs left as arguments.
static SmallVector<HostTensor> bindInputs(func::FuncOp function, ArrayRef<ElementsAttr> inputs,
                                          bool parametersConstant) {
  SmallVector<HostTensor> arguments;
  llvm::BitVector erased(inputs.size());
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  for (auto [argument, input] : llvm::zip(function.getArguments(), inputs)) {
    argument.setType(input.getType());
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "onnx.name");
    bool isParameter = isa<IntegerType>(input.getElementType()) || (name && name.getValue() == "scales");
    if (parametersConstant && isParameter) {
      argument.replaceAllUsesWith(
          onnx::ConstantOp::create(builder, function.getLoc(), input.getType(), input));
      erased.set(argument.getArgNumber());
    } else {
      arguments.push_back(fromAttribute(input));
    }
  }
  Block &entry = function.getBody().front();
  function.setFunctionType(
      FunctionType::get(function.getContext(), entry.getArgumentTypes(), function.getResultTypes()));
  (void)function.eraseArguments(erased);
  return arguments;
}

static FailureOr<SmallVector<HostTensor>> evaluate(Evaluator &evaluator, MLIRContext *context,
                                                   const std::string &model, const Case &test,
                                                   bool constants) {
  Location loc = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  FailureOr<func::FuncOp> function = onnx::importFile(*module, model, "main");
  if (failed(function))
    return failure();
  if (function->getNumArguments() != test.inputs.size())
    return emitError(loc) << "the model has " << function->getNumArguments() << " inputs, the test "
                          << test.inputs.size();
  SmallVector<HostTensor> arguments = bindInputs(*function, test.inputs, constants);
  if (constants && failed(specialiseBranches(*function)))
    return failure();
  if (failed(floatWeights(*module)) || failed(resolveShapes(*function)) || failed(lowerOnnxToLinalg(*module)))
    return failure();
  return evaluator.run(*function, arguments, /*source=*/1, /*target=*/1);
}

//===-- comparison
//---------------------------------------------------------------------------------------------------===//

static double numberAt(const HostTensor &tensor, int64_t i) {
  Type type = tensor.elementType;
  if (type.isF32())
    return tensor.values<float>()[i];
  if (type.isF64())
    return tensor.values<double>()[i];
  if (auto half = dyn_cast<FloatType>(type)) {
    APFloat value(half.getFloatSemantics(), APInt(16, tensor.values<uint16_t>()[i]));
    bool inexact;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
    return value.convertToDouble();
  }
  return static_cast<double>(tensor.integerAt(i));
}

static std::string describe(ElementsAttr expected, const HostTensor &got) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "expected " << expected.getType() << ", got " << got.type();
  return text;
}

/// Empty if the tensors agree.
static std::string difference(ElementsAttr expectedValue, const HostTensor &got) {
  HostTensor expected = fromAttribute(expectedValue);
  if (expected.shape != got.shape || expected.elementType != got.elementType)
    return describe(expectedValue, got);
  bool exact = isa<IntegerType>(got.elementType);
  for (int64_t i = 0, e = got.elements(); i < e; ++i) {
    double want = numberAt(expected, i), have = numberAt(got, i);
    bool same = want == have || (std::isnan(want) && std::isnan(have)) ||
                (!exact && std::abs(want - have) <= 1e-7 + 1e-3 * std::abs(want));
    if (!same)
      return "element " + std::to_string(i) + " is " + std::to_string(have) + ", not " + std::to_string(want);
  }
  return "";
}

Outcome runNodeTest(MLIRContext *context, Evaluator &evaluator, const std::string &folder) {
  FirstError error(context);
  FailureOr<Case> test = readCase(context, folder);
  if (failed(test))
    return {false, error.text};
  FailureOr<std::string> model = knownOpset(context, folder);
  if (failed(model))
    return {false, error.text};
  llvm::FileRemover remover(*model);
  FailureOr<SmallVector<HostTensor>> results = failure();
  for (bool constants : {false, true}) {
    error.text.clear();
    if (succeeded(results = evaluate(evaluator, context, *model, *test, constants)))
      break;
  }
  if (failed(results))
    return {false, error.text};
  if (results->size() != test->outputs.size())
    return {false, "expected " + std::to_string(test->outputs.size()) + " outputs"};
  for (auto [expected, got] : llvm::zip(test->outputs, *results))
    if (std::string text = difference(expected, got); !text.empty())
      return {false, text};
  return {true, ""};
}

} // namespace halyard::conformance

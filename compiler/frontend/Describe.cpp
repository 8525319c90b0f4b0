// Collects a file's description from its messages.
#include "compiler/frontend/Describe.h"
#include "compiler/frontend/ElementTypes.h"
#include "compiler/frontend/OnnxFile.h"

#include "mlir/IR/BuiltinTypes.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace halyard::onnx;
using ::onnx::GraphProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using ::onnx::ValueInfoProto;

namespace {

using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;

ValueDescription describeValue(const ValueInfoProto &value) {
  ValueDescription result;
  result.name = value.name();
  if (!value.type().has_tensor_type()) {
    result.elementType = "no tensor";
    return result;
  }
  const auto &tensor = value.type().tensor_type();
  result.elementType = dataTypeName(tensor.elem_type());
  for (const auto &dim : tensor.shape().dim()) {
    bool named = !dim.has_dim_value() && !dim.dim_param().empty();
    result.dims.push_back(named                 ? dim.dim_param()
                          : dim.has_dim_value() ? std::to_string(dim.dim_value())
                                                : "?");
  }
  return result;
}

void countOperators(const Nodes &nodes, std::map<std::string, int64_t> &operators) {
  for (const NodeProto &node : nodes) {
    bool standard = node.domain().empty() || node.domain() == "ai.onnx";
    ++operators[standard ? node.op_type() : node.domain() + "." + node.op_type()];
    for (const auto &attribute : node.attribute()) {
      if (attribute.has_g())
        countOperators(attribute.g().node(), operators);
      for (const GraphProto &graph : attribute.graphs())
        countOperators(graph.node(), operators);
    }
  }
}

uint64_t initializerBytes(MLIRContext *context, const GraphProto &graph) {
  uint64_t total = 0;
  for (const TensorProto &tensor : graph.initializer()) {
    Type type = elementTypeFromOnnx(context, tensor.data_type());
    uint64_t bytes = type ? elementBytes(type) : 1;
    for (int64_t dim : tensor.dims())
      bytes *= std::max<int64_t>(dim, 0);
    total += bytes;
  }
  return total;
}

} // namespace

FailureOr<FileDescription> halyard::onnx::describeFile(MLIRContext *context, StringRef path) {
  FailureOr<std::unique_ptr<OnnxFile>> file = OnnxFile::open(context, path);
  if (failed(file))
    return failure();
  const ::onnx::ModelProto &model = (*file)->model();
  FileDescription result;
  result.path = path.str();
  result.bytes = (*file)->mapping()->bytes().size();
  result.weightBytes = initializerBytes(context, model.graph());
  result.producer = StringRef(model.producer_name() + " " + model.producer_version()).trim().str();
  result.irVersion = model.ir_version();
  for (const auto &opset : model.opset_import())
    result.opsets[opset.domain().empty() ? "ai.onnx" : opset.domain()] = opset.version();
  countOperators(model.graph().node(), result.operators);
  for (const auto &function : model.functions())
    countOperators(function.node(), result.operators);
  llvm::StringSet<> initialized;
  for (const TensorProto &tensor : model.graph().initializer())
    initialized.insert(tensor.name());
  for (const ValueInfoProto &input : model.graph().input())
    if (!initialized.contains(input.name()))
      result.inputs.push_back(describeValue(input));
  for (const ValueInfoProto &output : model.graph().output())
    result.outputs.push_back(describeValue(output));
  return result;
}

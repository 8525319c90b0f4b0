// Graphs: inputs become arguments, initializers become constants where they are first used, nodes are
// imported in topological order, subgraphs become regions that see the names around them.
#include "compiler/frontend/GraphImporter.h"
#include "compiler/frontend/ElementTypes.h"
#include "compiler/frontend/TensorImport.h"
#include "compiler/frontend/TopologicalOrder.h"

#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;
using ::onnx::FunctionProto;
using ::onnx::GraphProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using ::onnx::ValueInfoProto;

std::string GraphImporter::functionKey(StringRef domain, StringRef name, StringRef overload) {
  return ((domain == "ai.onnx" ? "" : domain) + ":" + name + ":" + overload).str();
}

template <typename Imports> static void readOpsets(const Imports &imports, llvm::StringMap<int64_t> &opsets) {
  for (const auto &import : imports)
    opsets[import.domain() == "ai.onnx" ? "" : import.domain()] = import.version();
}

GraphImporter::GraphImporter(OnnxFile &file, ModuleOp module)
    : file(file), module(module), builder(module.getContext()) {
  for (const FunctionProto &function : file.model().functions())
    functions[functionKey(function.domain(), function.name(), function.overload())] = &function;
}

//===-- locations
//--------------------------------------------------------------------------------------------------===//

Location GraphImporter::locate(StringRef name, int index) {
  MLIRContext *context = module.getContext();
  return NameLoc::get(StringAttr::get(context, name), FileLineColLoc::get(context, file.path(), index, 0));
}

Location GraphImporter::locate(const NodeProto &node, int index, const Frame &frame) {
  std::string name = node.name().empty() ? node.op_type() + "#" + std::to_string(index) : node.name();
  return locate(frame.prefix + name, index);
}

//===-- the interface of the graph
//---------------------------------------------------------------------------------===//

FailureOr<func::FuncOp> GraphImporter::importFunction(StringRef name) {
  const GraphProto &graph = file.model().graph();
  Frame frame;
  readOpsets(file.model().opset_import(), frame.opsets);
  if (failed(checkOpsets(frame)))
    return failure();
  Scope scope{frame};
  builder.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(builder, fileLocation(module.getContext(), file.path()), name,
                                       builder.getFunctionType({}, {}));
  scope.block = entry = function.addEntryBlock();
  builder.setInsertionPointToEnd(entry);
  if (failed(declareInitializers(graph, scope)) || failed(importInputs(graph, function, scope)) ||
      failed(importNodes(graph.node(), scope)) || failed(importOutputs(graph, function, scope)))
    return failure();
  return function;
}

LogicalResult GraphImporter::checkOpsets(const Frame &frame) {
  auto standard = frame.opsets.find("");
  if (standard == frame.opsets.end())
    return success(); // an operator of the standard domain will be an error
  int64_t version = standard->second;
  if (version >= kOldestOpset && version <= kNewestOpset)
    return success();
  InFlightDiagnostic error = emitError(fileLocation(module.getContext(), file.path()))
                             << "uses operator set " << version << ", but only " << kOldestOpset << " to "
                             << kNewestOpset << " are supported";
  if (version < kOldestOpset)
    error.attachNote() << "export it again with a newer opset, or convert it with onnx.version_converter";
  return error;
}

FailureOr<Type> GraphImporter::importValueType(const ValueInfoProto &value) {
  Location loc = locate(value.name());
  if (!value.type().has_tensor_type())
    return emitError(loc) << "'" << value.name()
                          << "' is not a tensor; sequences, maps and optional values are not "
                          << "supported";
  const auto &tensor = value.type().tensor_type();
  Type elementType = elementTypeFromOnnx(module.getContext(), tensor.elem_type());
  if (!elementType)
    return emitError(loc) << "'" << value.name() << "' has element type " << dataTypeName(tensor.elem_type())
                          << ", which is not supported";
  if (!tensor.has_shape())
    return Type(UnrankedTensorType::get(elementType));
  SmallVector<int64_t> dims;
  for (const auto &dim : tensor.shape().dim()) {
    int64_t extent = ShapedType::kDynamic;
    if (dim.has_dim_value())
      extent = dim.dim_value();
    else if (StringRef(dim.dim_param())
                 .getAsInteger(10, extent)) // a name, or, in some files, a number as text
      extent = ShapedType::kDynamic;
    if (extent != ShapedType::kDynamic && (extent < 0 || extent > INT32_MAX))
      return emitError(loc) << "axis " << dims.size() << " of '" << value.name()
                            << "' has the impossible extent " << extent;
    dims.push_back(extent);
  }
  return Type(RankedTensorType::get(dims, elementType));
}

LogicalResult GraphImporter::importInputs(const GraphProto &graph, func::FuncOp function, Scope &scope) {
  for (const ValueInfoProto &input : graph.input()) {
    if (scope.initializers.contains(input.name()))
      continue; // a default value, as in files before IR version 4: it is a constant
    FailureOr<Type> type = importValueType(input);
    if (failed(type))
      return failure();
    Location loc = locate(input.name());
    DictionaryAttr name =
        builder.getDictionaryAttr(builder.getNamedAttr("onnx.name", builder.getStringAttr(input.name())));
    if (failed(function.insertArgument(function.getNumArguments(), *type, name, loc)) ||
        failed(define(input.name(), entry->getArguments().back(), scope, loc)))
      return failure();
  }
  return success();
}

LogicalResult GraphImporter::importOutputs(const GraphProto &graph, func::FuncOp function, Scope &scope) {
  SmallVector<Value> results;
  SmallVector<Attribute> names;
  for (const ValueInfoProto &output : graph.output()) {
    Location loc = locate(output.name());
    FailureOr<Value> value = lookUp(output.name(), scope, loc);
    FailureOr<Type> declared = importValueType(output);
    if (failed(value) || failed(declared))
      return failure();
    Type inferred = elementTypeOf(*value), expected = getElementTypeOrSelf(*declared);
    if (inferred != expected)
      return emitError(loc) << "output '" << output.name() << "' is declared with element type " << expected
                            << ", but is computed as " << inferred;
    results.push_back(*value);
    outputTypes.push_back(*declared);
    names.push_back(
        builder.getDictionaryAttr(builder.getNamedAttr("onnx.name", builder.getStringAttr(output.name()))));
  }
  if (results.empty())
    return emitError(function.getLoc()) << "the graph has no output";
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, function.getLoc(), results);
  function.setType(builder.getFunctionType(function.getArgumentTypes(), ValueRange(results).getTypes()));
  function.setResAttrsAttr(builder.getArrayAttr(names));
  return success();
}

//===-- values
//-----------------------------------------------------------------------------------------------------===//

LogicalResult GraphImporter::declareInitializers(const GraphProto &graph, Scope &scope) {
  if (graph.sparse_initializer_size())
    return emitError(locate(graph.sparse_initializer(0).values().name()))
           << "sparse initializers are not supported; store the tensor densely";
  for (const TensorProto &tensor : graph.initializer())
    if (!scope.initializers.try_emplace(tensor.name(), &tensor).second)
      return emitError(locate(tensor.name())) << "initializer '" << tensor.name() << "' is given twice";
  return success();
}

FailureOr<Value> GraphImporter::importInitializer(const TensorProto &tensor, Scope &scope) {
  Location loc = locate(tensor.name());
  FailureOr<ElementsAttr> value = importTensor(file, tensor, loc, tensor.name());
  if (failed(value))
    return failure();
  OpBuilder::InsertionGuard guard(builder);
  if (scope.lastConstant)
    builder.setInsertionPointAfter(scope.lastConstant);
  else
    builder.setInsertionPointToStart(scope.block);
  auto constant = ConstantOp::create(builder, loc, *value);
  scope.lastConstant = constant;
  return constant.getResult();
}

FailureOr<Value> GraphImporter::lookUp(StringRef name, Scope &innermost, Location loc) {
  for (Scope *scope = &innermost; scope; scope = scope->parent) {
    if (auto found = scope->values.find(name); found != scope->values.end())
      return found->second;
    if (auto found = scope->initializers.find(name); found != scope->initializers.end()) {
      FailureOr<Value> value = importInitializer(*found->second, *scope);
      if (succeeded(value))
        scope->values[name] = *value;
      return value;
    }
  }
  return emitError(loc) << "reads '" << name
                        << "', which no node, initializer or input of the graph provides";
}

LogicalResult GraphImporter::define(StringRef name, Value value, Scope &scope, Location loc) {
  if (!scope.values.try_emplace(name, value).second || scope.initializers.contains(name))
    return emitError(loc) << "value '" << name << "' is provided twice";
  return success();
}

//===-- nodes and subgraphs
//----------------------------------------------------------------------------------------===//

LogicalResult GraphImporter::importNodes(const google::protobuf::RepeatedPtrField<NodeProto> &nodes,
                                         Scope &scope) {
  NodeOrder order = topologicalOrder(nodes);
  if (!order.cycle.empty()) {
    int first = order.cycle.front();
    InFlightDiagnostic error = emitError(locate(nodes[first], first, scope.frame))
                               << "the graph has a cycle: this node reads its own output";
    if (order.cycle.size() > 1)
      error << " through " << order.cycle.size() - 1 << " other node" << (order.cycle.size() > 2 ? "s" : "");
    for (int index : ArrayRef(order.cycle).drop_front().take_front(4))
      error.attachNote(locate(nodes[index], index, scope.frame)) << "part of the cycle";
    return error;
  }
  for (int index : order.nodes)
    if (failed(importNode(nodes[index], index, scope)))
      return failure();
  return success();
}

LogicalResult GraphImporter::importSubgraph(const GraphProto &graph, Region &region, Scope &outer,
                                            Location loc) {
  OpBuilder::InsertionGuard guard(builder);
  Scope scope{outer.frame, &outer};
  scope.block = builder.createBlock(&region);
  if (graph.input_size())
    return emitError(loc) << "the branch '" << graph.name() << "' takes inputs, which a branch cannot";
  if (failed(declareInitializers(graph, scope)) || failed(importNodes(graph.node(), scope)))
    return failure();
  SmallVector<Value> results;
  for (const ValueInfoProto &output : graph.output()) {
    FailureOr<Value> value = lookUp(output.name(), scope, loc);
    if (failed(value))
      return failure();
    results.push_back(*value);
  }
  builder.setInsertionPointToEnd(scope.block);
  YieldOp::create(builder, loc, results);
  return success();
}

LogicalResult GraphImporter::importCall(const NodeProto &node, const FunctionProto &function, Scope &outer,
                                        Location loc) {
  for (const Frame *frame = &outer.frame; frame; frame = frame->caller)
    if (frame->function == &function)
      return emitError(loc) << "local function '" << function.name() << "' calls itself";
  if (node.input_size() > function.input_size() || node.output_size() > function.output_size())
    return emitError(loc) << "local function '" << function.name() << "' takes " << function.input_size()
                          << " inputs and has " << function.output_size() << " outputs, but is called with "
                          << node.input_size() << " and " << node.output_size();
  Frame frame;
  frame.caller = &outer.frame;
  frame.function = &function;
  frame.prefix = cast<NameLoc>(loc).getName().str() + "/";
  readOpsets(function.opset_import(), frame.opsets);
  for (const auto &attribute : function.attribute_proto()) // defaults
    frame.attributes[attribute.name()] = &attribute;
  for (const auto &attribute : node.attribute())
    if (const auto *resolved = resolve(attribute, outer.frame))
      frame.attributes[attribute.name()] = resolved;
  Scope scope{frame};
  scope.block = builder.getInsertionBlock();
  for (int i = 0; i < function.input_size(); ++i) {
    bool given = i < node.input_size() && !node.input(i).empty();
    FailureOr<Value> value = given ? lookUp(node.input(i), outer, loc) : FailureOr<Value>(absent(loc));
    if (failed(value) || failed(define(function.input(i), *value, scope, loc)))
      return failure();
  }
  if (failed(checkOpsets(frame)) || failed(importNodes(function.node(), scope)))
    return failure();
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty())
      continue;
    FailureOr<Value> value = lookUp(function.output(i), scope, loc);
    if (failed(value) || failed(define(node.output(i), *value, outer, loc)))
      return failure();
  }
  return success();
}

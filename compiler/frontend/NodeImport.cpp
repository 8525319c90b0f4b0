// Nodes: attributes become attributes of the same name, the node is brought to the newest operator set's
// form, and the operation is created by its name, so that adding an operator to the dialect is all that is
// needed to import it.
#include "compiler/frontend/ElementTypes.h"
#include "compiler/frontend/GraphImporter.h"
#include "compiler/frontend/TensorImport.h"

#include "dialects/ONNX/IR/ONNX.h"

#include "mlir/IR/Verifier.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace halyard::onnx;
using ::onnx::AttributeProto;
using ::onnx::FunctionProto;
using ::onnx::NodeProto;

//===-- attributes
//-------------------------------------------------------------------------------------------------===//

/// Attributes of ints that stand for an element type.
static bool isTypeAttribute(StringRef name) {
  return llvm::StringSwitch<bool>(name)
      .Cases({"to", "dtype", "output_dtype", "precision", "softmax_precision"}, true)
      .Default(false);
}

static FailureOr<Attribute> importDataType(const AttributeProto &attribute, Location loc) {
  if (attribute.i() == ::onnx::TensorProto::UNDEFINED)
    return Attribute(); // as if it were left out
  Type type = elementTypeFromOnnx(loc.getContext(), attribute.i());
  if (!type)
    return emitError(loc) << "attribute '" << attribute.name() << "' asks for element type "
                          << dataTypeName(attribute.i()) << ", which is not supported";
  return Attribute(TypeAttr::get(type));
}

FailureOr<Attribute> GraphImporter::importAttribute(const AttributeProto &attribute, Location loc) {
  switch (attribute.type()) {
  case AttributeProto::INT:
    if (isTypeAttribute(attribute.name()))
      return importDataType(attribute, loc);
    return Attribute(builder.getI64IntegerAttr(attribute.i()));
  case AttributeProto::FLOAT:
    return Attribute(builder.getF32FloatAttr(attribute.f()));
  case AttributeProto::STRING:
    return Attribute(builder.getStringAttr(attribute.s()));
  case AttributeProto::INTS:
    return Attribute(
        builder.getDenseI64ArrayAttr(ArrayRef<int64_t>(attribute.ints().data(), attribute.ints_size())));
  case AttributeProto::FLOATS:
    return Attribute(
        builder.getDenseF32ArrayAttr(ArrayRef<float>(attribute.floats().data(), attribute.floats_size())));
  case AttributeProto::STRINGS: {
    SmallVector<StringRef> strings(attribute.strings().begin(), attribute.strings().end());
    return Attribute(builder.getStrArrayAttr(strings));
  }
  case AttributeProto::TENSOR: {
    FailureOr<ElementsAttr> value = importTensor(file, attribute.t(), loc, attribute.t().name());
    return failed(value) ? FailureOr<Attribute>(failure()) : FailureOr<Attribute>(*value);
  }
  default:
    return emitError(loc) << "attribute '" << attribute.name() << "' is of a kind that is not supported ("
                          << ::onnx::AttributeProto_AttributeType_Name(attribute.type()) << ")";
  }
}

const AttributeProto *GraphImporter::resolve(const AttributeProto &attribute, const Frame &frame) {
  return attribute.ref_attr_name().empty() ? &attribute : frame.attributes.lookup(attribute.ref_attr_name());
}

LogicalResult GraphImporter::importAttributes(const NodeProto &node, Scope &scope, PendingNode &pending) {
  for (const AttributeProto &written : node.attribute()) {
    const AttributeProto *given = resolve(written, scope.frame);
    if (!given || given->type() == AttributeProto::GRAPH) // graphs become regions
      continue;
    AttributeProto attribute = *given;
    attribute.set_name(written.name());
    FailureOr<Attribute> value = importAttribute(attribute, pending.loc);
    if (failed(value))
      return failure();
    if (*value)
      pending.attributes.set(written.name(), *value);
  }
  return success();
}

//===-- operators
//--------------------------------------------------------------------------------------------------===//

static bool isStandard(StringRef domain) { return domain.empty() || domain == "ai.onnx"; }

/// The operation for an operator, if the dialect has it. ONNX Runtime puts a few of its own operators into
/// the standard domain; they are looked for in both.
static std::optional<RegisteredOperationName> findOperation(StringRef domain, StringRef type,
                                                            MLIRContext *context) {
  std::optional<RegisteredOperationName> name;
  if (isStandard(domain))
    name = RegisteredOperationName::lookup(("onnx." + type).str(), context);
  if (!name && (isStandard(domain) || domain == "com.microsoft"))
    name = RegisteredOperationName::lookup(("onnx.ms." + type).str(), context);
  if (name && !name->hasInterface<ElementTypeInterface>())
    return std::nullopt; // the dialect's own, onnx.None and onnx.Yield
  return name;
}

static LogicalResult unknownOperator(const NodeProto &node, Location loc) {
  InFlightDiagnostic error = emitError(loc) << "operator '" << node.op_type() << "'";
  if (!isStandard(node.domain()))
    error << " of domain '" << node.domain() << "'";
  error << " is not supported";
  StringRef help =
      llvm::StringSwitch<StringRef>(node.op_type())
          .Cases({"Loop", "Scan"}, "loops are not compiled: export one decoder step without its loop")
          .Cases({"BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"},
                 "generation is Halyard's own: export the encoder and the decoder as two files")
          .Default("");
  if (!help.empty()) {
    error.attachNote() << help;
    return error;
  }
  std::string closest;
  unsigned distance = 3;
  for (RegisteredOperationName name : loc.getContext()->getRegisteredOperations()) {
    if (name.getDialectNamespace() != "onnx")
      continue;
    StringRef type = name.stripDialect();
    type.consume_front("ms.");
    unsigned one = type.edit_distance(node.op_type(), true, distance);
    if (one < distance && one > 0) {
      distance = one;
      closest = type.str();
    }
  }
  if (!closest.empty())
    error.attachNote() << "did you mean '" << closest << "'?";
  else
    error.attachNote() << "export the model so that it is written with standard operators (opset "
                       << kOldestOpset << " to " << kNewestOpset << ")";
  return error;
}

static LogicalResult checkForm(const NodeProto &node, const PendingNode &pending,
                               RegisteredOperationName name) {
  auto *interface = name.getInterface<ElementTypeInterface>();
  int64_t operands = interface->getOperandLimit(), results = interface->getResultLimit();
  if (operands >= 0 && int64_t(pending.inputs.size()) > operands)
    return emitError(pending.loc) << "operator '" << node.op_type() << "' has " << pending.inputs.size()
                                  << " inputs, at most " << operands << " were expected";
  if (operands < 0 && pending.inputs.empty())
    return emitError(pending.loc) << "operator '" << node.op_type()
                                  << "' has no input, at least one was expected";
  if (results >= 0 && pending.outputs > results)
    return emitError(pending.loc) << "operator '" << node.op_type() << "' has " << pending.outputs
                                  << " outputs, at most " << results << " were expected";
  for (NamedAttribute attribute : pending.attributes)
    if (!llvm::is_contained(name.getAttributeNames(), attribute.getName()))
      return emitError(pending.loc) << "operator '" << node.op_type() << "' has no attribute '"
                                    << attribute.getName().getValue() << "'";
  return success();
}

Value GraphImporter::absent(Location loc) {
  if (!none) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(entry);
    none = NoneOp::create(builder, entry->getParentOp()->getLoc(), builder.getNoneType());
  }
  return none;
}

LogicalResult GraphImporter::importNode(const NodeProto &node, int index, Scope &scope) {
  Location loc = locate(node, index, scope.frame);
  StringRef domain = isStandard(node.domain()) ? StringRef() : StringRef(node.domain());
  if (const FunctionProto *function = functions.lookup(functionKey(domain, node.op_type(), node.overload())))
    return importCall(node, *function, scope, loc);
  if (!scope.frame.opsets.contains(domain))
    return emitError(loc) << "operator '" << node.op_type() << "' is of domain '"
                          << (domain.empty() ? "ai.onnx" : domain)
                          << "', for which the file imports no operator set";
  if (domain.empty() && node.op_type() == "Constant")
    return importConstant(node, scope, loc);
  return importOperator(node, scope, loc);
}

LogicalResult GraphImporter::importConstant(const NodeProto &node, Scope &scope, Location loc) {
  if (node.output_size() != 1)
    return emitError(loc) << "a Constant has one output, but this one has " << node.output_size();
  const AttributeProto *attribute =
      node.attribute_size() == 1 ? resolve(node.attribute(0), scope.frame) : nullptr;
  if (!attribute)
    return emitError(loc) << "a Constant has one attribute, its value; this one has "
                          << node.attribute_size();
  ElementsAttr value;
  auto vector = [&](int64_t size, Type type) { return RankedTensorType::get({size}, type); };
  if (attribute->type() == AttributeProto::TENSOR) {
    FailureOr<ElementsAttr> tensor = importTensor(file, attribute->t(), loc, node.output(0));
    if (failed(tensor))
      return failure();
    value = *tensor;
  } else if (attribute->type() == AttributeProto::INT) {
    value = DenseElementsAttr::get(RankedTensorType::get({}, builder.getI64Type()), attribute->i());
  } else if (attribute->type() == AttributeProto::FLOAT) {
    value = DenseElementsAttr::get(RankedTensorType::get({}, builder.getF32Type()), attribute->f());
  } else if (attribute->type() == AttributeProto::INTS) {
    value = DenseElementsAttr::get(vector(attribute->ints_size(), builder.getI64Type()),
                                   ArrayRef<int64_t>(attribute->ints().data(), attribute->ints_size()));
  } else if (attribute->type() == AttributeProto::FLOATS) {
    value = DenseElementsAttr::get(vector(attribute->floats_size(), builder.getF32Type()),
                                   ArrayRef<float>(attribute->floats().data(), attribute->floats_size()));
  } else {
    return emitError(loc) << "a Constant given by '" << attribute->name()
                          << "' is not supported: strings and sparse "
                          << "tensors have no form here";
  }
  return define(node.output(0), ConstantOp::create(builder, loc, value).getResult(), scope, loc);
}

LogicalResult GraphImporter::importOperator(const NodeProto &node, Scope &scope, Location loc) {
  std::optional<RegisteredOperationName> name =
      findOperation(node.domain(), node.op_type(), module.getContext());
  if (!name)
    return unknownOperator(node, loc);
  PendingNode pending{loc, node.op_type()};
  pending.outputs = node.output_size();
  while (pending.outputs > 1 && node.output(pending.outputs - 1).empty())
    --pending.outputs;
  if (failed(importOperands(node, scope, pending)) || failed(importAttributes(node, scope, pending)))
    return failure();
  if (isStandard(node.domain()))
    upgradeNode(pending, scope.frame.opsets.lookup(""), builder, ranks);
  if (failed(checkForm(node, pending, *name)))
    return failure();
  FailureOr<Operation *> op = createOperation(node, scope, pending, *name);
  if (failed(op))
    return failure();
  for (auto [index, result] : llvm::enumerate((*op)->getResults())) {
    Value value = index == 0 && pending.finish ? pending.finish(result) : Value(result);
    if (!node.output(index).empty() && failed(define(node.output(index), value, scope, loc)))
      return failure();
  }
  return success();
}

LogicalResult GraphImporter::importOperands(const NodeProto &node, Scope &scope, PendingNode &pending) {
  for (const std::string &input : node.input()) {
    FailureOr<Value> value =
        input.empty() ? FailureOr<Value>(absent(pending.loc)) : lookUp(input, scope, pending.loc);
    if (failed(value))
      return failure();
    pending.inputs.push_back(*value);
  }
  while (!pending.inputs.empty() && isAbsent(pending.inputs.back()))
    pending.inputs.pop_back(); // the upgrade may put a new input in its place
  return success();
}

FailureOr<Operation *> GraphImporter::createOperation(const NodeProto &node, Scope &scope,
                                                      PendingNode &pending, RegisteredOperationName name) {
  int64_t limit = name.getInterface<ElementTypeInterface>()->getOperandLimit();
  while (int64_t(pending.inputs.size()) < limit)
    pending.inputs.push_back(absent(pending.loc));
  OperationState state(pending.loc, name);
  state.addOperands(pending.inputs);
  state.addAttributes(pending.attributes);
  SmallVector<Type> unknown(pending.outputs, UnrankedTensorType::get(builder.getF32Type()));
  state.addTypes(unknown); // replaced by inferResultTypes
  if (failed(importBranches(node, scope, state)))
    return failure();
  Operation *op = builder.create(state);
  // Inference relies on required attributes and operands being there. An If is well-formed only once it is
  // typed.
  if (op->getNumRegions() == 0 && failed(verify(op, /*verifyRecursively=*/false)))
    return failure();
  if (failed(inferResultTypes(op)))
    return failure();
  // An If within a branch is in a region that belongs to no operation yet, which the verifier does not
  // expect.
  bool attached = op->getParentOp() != nullptr;
  if ((op->getNumRegions() == 0 || attached) && failed(verify(op, /*verifyRecursively=*/false)))
    return failure();
  return op;
}

LogicalResult GraphImporter::importBranches(const NodeProto &node, Scope &scope, OperationState &state) {
  if (state.name.getStringRef() != IfOp::getOperationName())
    return success();
  for (StringRef name : {"then_branch", "else_branch"}) {
    auto branch =
        llvm::find_if(node.attribute(), [&](const auto &attribute) { return attribute.name() == name; });
    if (branch == node.attribute().end() || !branch->has_g())
      return emitError(state.location) << "operator 'If' lacks its " << name;
    if (branch->g().output_size() != node.output_size())
      return emitError(state.location) << "the " << name << " has " << branch->g().output_size()
                                       << " outputs, but the node has " << node.output_size();
    if (failed(importSubgraph(branch->g(), *state.addRegion(), scope, state.location)))
      return failure();
  }
  return success();
}

LogicalResult GraphImporter::inferResultTypes(Operation *op) {
  auto interface = cast<ElementTypeInterface>(op);
  for (OpResult result : op->getResults()) {
    Type elementType = interface.inferElementType(result.getResultNumber());
    if (!elementType)
      return op->emitError("the element type of output ")
             << result.getResultNumber() << " is unknown: an input that it follows from was left out";
    result.setType(UnrankedTensorType::get(elementType));
  }
  return success();
}

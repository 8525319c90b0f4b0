// Turns the graph of one ONNX file into a function of the onnx dialect. Private to the frontend.
#ifndef HALYARD_COMPILER_FRONTEND_GRAPHIMPORTER_H
#define HALYARD_COMPILER_FRONTEND_GRAPHIMPORTER_H

#include "compiler/frontend/OnnxFile.h"
#include "compiler/frontend/OpsetUpgrade.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace halyard::onnx {

class GraphImporter {
public:
  GraphImporter(OnnxFile &file, mlir::ModuleOp module);

  /// Adds the file's graph to the module as a function. Emits one error, located at a node where there is
  /// one, on failure; the module may then hold a part of the function.
  mlir::FailureOr<mlir::func::FuncOp> importFunction(llvm::StringRef name);
  /// The types that the file declares for the graph's outputs; shapes in it are a hint, not a promise.
  llvm::ArrayRef<mlir::Type> declaredOutputs() const { return outputTypes; }

private:
  /// What surrounds the nodes being imported: the model itself, or a call of a local function that is being
  /// inlined.
  struct Frame {
    const Frame *caller = nullptr;
    const ::onnx::FunctionProto *function = nullptr;            // null for the model
    llvm::StringMap<int64_t> opsets;                            // by domain
    llvm::StringMap<const ::onnx::AttributeProto *> attributes; // of the call, by name
    std::string prefix;                                         // of node names in locations
  };
  /// Names visible in a graph or subgraph.
  struct Scope {
    const Frame &frame;
    Scope *parent = nullptr; // where names not found here are looked for
    mlir::Block *block = nullptr;
    mlir::Operation *lastConstant =
        nullptr; // constants of initializers stay together at the start of the block
    llvm::StringMap<mlir::Value> values = {};
    llvm::StringMap<const ::onnx::TensorProto *> initializers = {};
  };

  static std::string functionKey(llvm::StringRef domain, llvm::StringRef name, llvm::StringRef overload);

  // Graphs (GraphImporter.cpp).
  mlir::LogicalResult checkOpsets(const Frame &frame);
  mlir::FailureOr<mlir::Type> importValueType(const ::onnx::ValueInfoProto &value);
  mlir::LogicalResult importInputs(const ::onnx::GraphProto &graph, mlir::func::FuncOp function,
                                   Scope &scope);
  mlir::LogicalResult importOutputs(const ::onnx::GraphProto &graph, mlir::func::FuncOp function,
                                    Scope &scope);
  mlir::LogicalResult declareInitializers(const ::onnx::GraphProto &graph, Scope &scope);
  mlir::LogicalResult importNodes(const google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes,
                                  Scope &scope);
  mlir::LogicalResult importSubgraph(const ::onnx::GraphProto &graph, mlir::Region &region, Scope &outer,
                                     mlir::Location loc);
  mlir::FailureOr<mlir::Value> lookUp(llvm::StringRef name, Scope &scope, mlir::Location loc);
  mlir::FailureOr<mlir::Value> importInitializer(const ::onnx::TensorProto &tensor, Scope &scope);
  mlir::LogicalResult define(llvm::StringRef name, mlir::Value value, Scope &scope, mlir::Location loc);
  mlir::Location locate(const ::onnx::NodeProto &node, int index, const Frame &frame);
  mlir::Location locate(llvm::StringRef name, int index = 0);

  // Nodes (NodeImport.cpp).
  mlir::LogicalResult importNode(const ::onnx::NodeProto &node, int index, Scope &scope);
  mlir::LogicalResult importCall(const ::onnx::NodeProto &node, const ::onnx::FunctionProto &function,
                                 Scope &scope, mlir::Location loc);
  mlir::LogicalResult importConstant(const ::onnx::NodeProto &node, Scope &scope, mlir::Location loc);
  mlir::LogicalResult importOperator(const ::onnx::NodeProto &node, Scope &scope, mlir::Location loc);
  mlir::LogicalResult importAttributes(const ::onnx::NodeProto &node, Scope &scope, PendingNode &pending);
  mlir::LogicalResult importOperands(const ::onnx::NodeProto &node, Scope &scope, PendingNode &pending);
  mlir::FailureOr<mlir::Operation *> createOperation(const ::onnx::NodeProto &node, Scope &scope,
                                                     PendingNode &pending,
                                                     mlir::RegisteredOperationName name);
  mlir::FailureOr<mlir::Attribute> importAttribute(const ::onnx::AttributeProto &attribute,
                                                   mlir::Location loc);
  mlir::LogicalResult importBranches(const ::onnx::NodeProto &node, Scope &scope,
                                     mlir::OperationState &state);
  mlir::LogicalResult inferResultTypes(mlir::Operation *op);
  /// The attribute itself, or what the call being inlined gives for it; null if it gives nothing.
  const ::onnx::AttributeProto *resolve(const ::onnx::AttributeProto &attribute, const Frame &frame);
  mlir::Value absent(mlir::Location loc);

  OnnxFile &file;
  mlir::ModuleOp module;
  mlir::OpBuilder builder;
  Ranks ranks;
  llvm::StringMap<const ::onnx::FunctionProto *> functions; // by functionKey
  mlir::Block *entry = nullptr;
  mlir::Value none;
  llvm::SmallVector<mlir::Type> outputTypes;
};

} // namespace halyard::onnx

#endif

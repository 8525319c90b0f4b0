// The order in which the nodes of a graph are imported. ONNX asks for topologically sorted nodes, but float16
// converters leave files that are not.
#ifndef HALYARD_COMPILER_FRONTEND_TOPOLOGICALORDER_H
#define HALYARD_COMPILER_FRONTEND_TOPOLOGICALORDER_H

#include <onnx-ml.pb.h>

#include <vector>

namespace halyard::onnx {

struct NodeOrder {
  /// Indices of the nodes, each after the nodes whose outputs it (or a subgraph of it) reads; the file's own
  /// order where that is possible. Incomplete if there is a cycle.
  std::vector<int> nodes;
  /// Nodes of one cycle, each reading an output of the next; empty if there is none.
  std::vector<int> cycle;
};

NodeOrder topologicalOrder(const google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes);

} // namespace halyard::onnx

#endif

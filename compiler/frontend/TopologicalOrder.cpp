// Kahn's algorithm over the names of values, the node of smallest index first.
#include "compiler/frontend/TopologicalOrder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <queue>

using namespace halyard::onnx;
using ::onnx::GraphProto;
using ::onnx::NodeProto;

namespace {

using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;

/// Calls `use` for every name that the node reads from around it, those read by its subgraphs included.
void forEachUse(const NodeProto &node, llvm::function_ref<void(llvm::StringRef)> use);

void forEachFreeName(const GraphProto &graph, llvm::function_ref<void(llvm::StringRef)> use) {
  llvm::StringSet<> defined;
  for (const auto &input : graph.input())
    defined.insert(input.name());
  for (const auto &tensor : graph.initializer())
    defined.insert(tensor.name());
  for (const NodeProto &node : graph.node())
    for (const std::string &output : node.output())
      defined.insert(output);
  auto useIfFree = [&](llvm::StringRef name) {
    if (!defined.contains(name))
      use(name);
  };
  for (const NodeProto &node : graph.node())
    forEachUse(node, useIfFree);
  for (const auto &output : graph.output())
    useIfFree(output.name());
}

void forEachUse(const NodeProto &node, llvm::function_ref<void(llvm::StringRef)> use) {
  for (const std::string &input : node.input())
    use(input);
  for (const auto &attribute : node.attribute()) {
    if (attribute.has_g())
      forEachFreeName(attribute.g(), use);
    for (const GraphProto &graph : attribute.graphs())
      forEachFreeName(graph, use);
  }
}

/// Which nodes each node waits for.
std::vector<llvm::SmallSetVector<int, 4>> dependencies(const Nodes &nodes) {
  llvm::StringMap<int> producer;
  for (int i = 0; i < nodes.size(); ++i)
    for (const std::string &output : nodes[i].output())
      if (!output.empty())
        producer.try_emplace(output, i);
  std::vector<llvm::SmallSetVector<int, 4>> result(nodes.size());
  for (int i = 0; i < nodes.size(); ++i)
    forEachUse(nodes[i], [&](llvm::StringRef name) {
      if (auto found = producer.find(name); found != producer.end())
        result[i].insert(found->second);
    });
  return result;
}

/// A cycle among the nodes that could not be ordered: follow unfinished dependencies until a node comes back.
std::vector<int> findCycle(const std::vector<llvm::SmallSetVector<int, 4>> &needs,
                           const std::vector<bool> &done) {
  std::vector<int> path;
  int node = std::find(done.begin(), done.end(), false) - done.begin();
  while (!llvm::is_contained(path, node)) {
    path.push_back(node);
    node = *llvm::find_if(needs[node], [&](int other) { return !done[other]; });
  }
  path.erase(path.begin(), llvm::find(path, node));
  return path;
}

} // namespace

NodeOrder halyard::onnx::topologicalOrder(const Nodes &nodes) {
  std::vector<llvm::SmallSetVector<int, 4>> needs = dependencies(nodes);
  std::vector<std::vector<int>> users(nodes.size());
  std::vector<size_t> waiting(nodes.size());
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (int i = 0; i < nodes.size(); ++i) {
    waiting[i] = needs[i].size();
    for (int other : needs[i])
      users[other].push_back(i);
    if (waiting[i] == 0)
      ready.push(i);
  }
  NodeOrder order;
  std::vector<bool> done(nodes.size());
  while (!ready.empty()) {
    int node = ready.top();
    ready.pop();
    order.nodes.push_back(node);
    done[node] = true;
    for (int user : users[node])
      if (--waiting[user] == 0)
        ready.push(user);
  }
  if (order.nodes.size() != size_t(nodes.size()))
    order.cycle = findCycle(needs, done);
  return order;
}

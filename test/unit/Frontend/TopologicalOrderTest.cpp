// The order in which nodes are imported.
#include "compiler/frontend/TopologicalOrder.h"

#include <gtest/gtest.h>

using namespace halyard::onnx;

namespace {

void addNode(::onnx::GraphProto &graph, std::initializer_list<const char *> inputs, const char *output) {
  ::onnx::NodeProto *node = graph.add_node();
  for (const char *input : inputs)
    node->add_input(input);
  node->add_output(output);
}

TEST(TopologicalOrder, KeepsAnOrderThatIsRight) {
  ::onnx::GraphProto graph;
  addNode(graph, {"x"}, "a");
  addNode(graph, {"y"}, "b");
  addNode(graph, {"b", "a", ""}, "c");
  NodeOrder order = topologicalOrder(graph.node());
  EXPECT_EQ(order.nodes, (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(order.cycle.empty());
}

TEST(TopologicalOrder, MovesNodesOnlyAsFarAsNeeded) {
  ::onnx::GraphProto graph;
  addNode(graph, {"c"}, "d");
  addNode(graph, {"x"}, "a");
  addNode(graph, {"a"}, "c");
  addNode(graph, {"x"}, "e");
  EXPECT_EQ(topologicalOrder(graph.node()).nodes, (std::vector<int>{1, 2, 0, 3}));
}

TEST(TopologicalOrder, SubgraphsReadWhatIsAroundThem) {
  ::onnx::GraphProto graph;
  addNode(graph, {"condition"}, "r");
  addNode(graph, {"x"}, "outer");
  ::onnx::GraphProto *branch = graph.mutable_node(0)->add_attribute()->mutable_g();
  addNode(*branch, {"own", "outer"}, "inner");
  branch->add_initializer()->set_name("own"); // hides nothing outside
  branch->add_output()->set_name("inner");
  addNode(graph, {"r"}, "own");
  NodeOrder order = topologicalOrder(graph.node());
  EXPECT_EQ(order.nodes, (std::vector<int>{1, 0, 2}));
}

TEST(TopologicalOrder, FindsACycle) {
  ::onnx::GraphProto graph;
  addNode(graph, {"x"}, "a");
  addNode(graph, {"a", "d"}, "b");
  addNode(graph, {"b"}, "c");
  addNode(graph, {"c"}, "d");
  addNode(graph, {"d"}, "e"); // waits for the cycle, but is no part of it
  NodeOrder order = topologicalOrder(graph.node());
  EXPECT_EQ(order.nodes, (std::vector<int>{0}));
  std::vector<int> cycle = order.cycle;
  std::sort(cycle.begin(), cycle.end());
  EXPECT_EQ(cycle, (std::vector<int>{1, 2, 3}));
}

} // namespace

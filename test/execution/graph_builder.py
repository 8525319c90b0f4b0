"""Writes ONNX graphs by hand: a few lines per layer, weights from a seeded generator."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Collects nodes and weights. A value is its name; every method that adds a node returns the name of its output."""

    def __init__(self, name, seed):
        self.name = name
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []

    def input(self, name, kind, shape):
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value, name, shape):
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def constant(self, array):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weight(self, *shape):
        return self.constant((self.random.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32))

    def integers(self, *values):
        return self.constant(np.array(values, np.int64))

    def op(self, kind, *operands, **attributes):
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(operands), [name], name=name, **attributes))
        return name

    def length(self, value):
        """The extent of axis 1, as a scalar."""
        return self.op("Gather", self.op("Shape", value), self.constant(np.int64(1)), axis=0)

    def positions(self, value):
        """0, 1, ... along axis 1 of a value."""
        return self.op("Range", self.constant(np.int64(0)), self.length(value), self.constant(np.int64(1)))

    def linear(self, x, inputs, outputs):
        return self.op("MatMul", x, self.weight(inputs, outputs))

    def norm(self, x, width):
        scale, bias = np.ones(width, np.float32), np.zeros(width, np.float32)
        return self.op("LayerNormalization", x, self.constant(scale), self.constant(bias), axis=-1, epsilon=1e-5)

    def heads(self, x, heads, size):
        split = self.op("Reshape", x, self.integers(0, 0, heads, size))
        return self.op("Transpose", split, perm=[0, 2, 1, 3])

    def attention(self, x, memory, bias, width, heads):
        """Multi-head attention of x over memory; `bias`, added to the scores, may be None."""
        size = width // heads
        query, key, value = (self.heads(self.linear(y, width, width), heads, size) for y in (x, memory, memory))
        scores = self.op("MatMul", query, self.op("Transpose", key, perm=[0, 1, 3, 2]))
        scores = self.op("Mul", scores, self.constant(np.float32(size ** -0.5)))
        if bias:
            scores = self.op("Add", scores, bias)
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), value)
        merged = self.op("Reshape", self.op("Transpose", mixed, perm=[0, 2, 1, 3]), self.integers(0, 0, width))
        return self.linear(merged, width, width)

    def save(self, path):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)

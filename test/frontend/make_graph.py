"""Makes the folder of a model whose encoder shows one thing that the importer does.

usage: make_graph.py CASE FOLDER
"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.append(str(pathlib.Path(__file__).parent.parent / "inputs"))
from tiny_model import WIDTH, Model, tensor, value

cases = {}


def case(function):
    cases[function.__name__.replace("_", "-")] = function
    return function


def encoder(model, nodes, initializers=(), opset=24, opsets=(), functions=()):
    """An encoder of these nodes, from x = tanh(embedding[input_ids]) to last_hidden_state."""
    embed = [helper.make_node("Gather", ["embedding", "input_ids"], ["embedded"], name="embed"),
             helper.make_node("Tanh", ["embedded"], ["x"], name="x")]
    graph = helper.make_graph(
        embed + nodes, "encoder", [value("input_ids", TensorProto.INT64, "batch", "source")],
        [value("last_hidden_state", TensorProto.FLOAT, None, None, None)],
        [tensor("embedding", 16, WIDTH), *initializers])
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(*one) for one in opsets)]
    model.encoder = helper.make_model(graph, opset_imports=imports, functions=list(functions))


def ints(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


@case
def opset_11(model):
    """Every form that a later operator set changed."""
    node = helper.make_node
    encoder(model, [
        node("Unsqueeze", ["x"], ["a"], name="unsqueeze", axes=[1]),
        node("Squeeze", ["a"], ["b"], name="squeeze", axes=[1]),
        node("Dropout", ["b"], ["c"], name="dropout", ratio=0.5),
        node("ReduceSum", ["c"], ["d"], name="sum", axes=[2], keepdims=1),
        node("ReduceMean", ["d"], ["e"], name="mean", axes=[-1], keepdims=1),
        node("Split", ["x"], ["f", "g"], name="sized", axis=2, split=[3, 5]),
        node("Split", ["x"], ["h", "i"], name="even", axis=2),
        node("Softmax", ["e"], ["j"], name="flattened", axis=1),
        node("Softmax", ["j"], ["k"], name="last", axis=-1),
        node("ReduceMax", ["k"], ["last_hidden_state"], name="all"),
    ], opset=11)


@case
def softmax_rank(model):
    """The axis of an old Softmax is the last one of a tensor whose rank follows from a Reshape."""
    node = helper.make_node
    encoder(model, [
        node("Shape", ["x"], ["shape"], name="shape"),
        node("Gather", ["shape", "first"], ["batch"], name="batch"),
        node("Unsqueeze", ["batch"], ["batches"], name="batches", axes=[0]),
        node("Concat", ["batches", "rest"], ["target"], name="target", axis=0),
        node("Reshape", ["x", "target"], ["y"], name="reshape"),
        node("Add", ["y", "y"], ["z"], name="add"),
        node("LogSoftmax", ["z"], ["last_hidden_state"], name="softmax", axis=2),
    ], [numpy_helper.from_array(np.array(0), "first"), ints("rest", -1, WIDTH)], opset=12)


@case
def group_normalization(model):
    """Until opset 20, scale and bias of GroupNormalization are given per group."""
    encoder(model, [helper.make_node("GroupNormalization", ["x", "scale", "bias"], ["last_hidden_state"],
                                     name="norm", num_groups=2)],
            [tensor("scale", 2), tensor("bias", 2)], opset=18)


@case
def unsorted(model):
    """Nodes in the opposite order, as some converters leave them."""
    node = helper.make_node
    encoder(model, [node("Neg", ["b"], ["last_hidden_state"], name="third"),
                    node("Exp", ["a"], ["b"], name="second"),
                    node("Sqrt", ["x"], ["a"], name="first")])


@case
def functions(model):
    """Local functions, one calling the other, with an attribute handed on, a default, and an input left out."""
    node, opsets = helper.make_node, [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    reference = lambda name, to: onnx.AttributeProto(name=name, type=onnx.AttributeProto.FLOAT, ref_attr_name=to)
    leaky = node("LeakyRelu", ["v"], ["w"], name="leaky")
    leaky.attribute.append(reference("alpha", "slope"))
    inner = helper.make_function("local", "Inner", ["v"], ["w"], [leaky], opsets, attributes=["slope"])
    call = node("Inner", ["u"], ["w"], name="inner", domain="local")
    call.attribute.append(reference("slope", "steep"))
    outer = helper.make_function(
        "local", "Outer", ["u", "low"], ["y"],
        [call, node("Clip", ["w", "low"], ["y"], name="clip")], opsets,
        attribute_protos=[helper.make_attribute("steep", 0.25)])
    encoder(model, [node("Outer", ["x"], ["a"], name="default", domain="local"),
                    node("Outer", ["a", "zero"], ["last_hidden_state"], name="given", domain="local", steep=0.5)],
            [numpy_helper.from_array(np.float32(0), "zero")], opsets=[("local", 1)], functions=[inner, outer])


@case
def branches(model):
    """An If whose branches read values and initializers around them and have constants of their own."""
    node = helper.make_node
    output = [value("r", TensorProto.FLOAT, None, None, None)]
    then = helper.make_graph([node("Mul", ["x", "weight"], ["r"], name="scale")], "then", [], output)
    other = helper.make_graph([node("Add", ["x", "own"], ["r"], name="shift")], "else", [], output,
                              [tensor("own", WIDTH)])
    encoder(model, [node("If", ["truth"], ["last_hidden_state"], name="choose", then_branch=then, else_branch=other)],
            [tensor("weight", WIDTH), numpy_helper.from_array(np.array(True), "truth")])


@case
def microsoft(model):
    """Operators of com.microsoft, one of which ONNX Runtime has in the standard domain."""
    node = helper.make_node
    encoder(model, [
        node("FastGelu", ["x"], ["a"], name="gelu", domain="com.microsoft"),
        node("SimplifiedLayerNormalization", ["a", "scale"], ["last_hidden_state"], name="norm", axis=-1, epsilon=1e-6),
    ], [tensor("scale", WIDTH)], opsets=[("com.microsoft", 1)])


@case
def element_types(model):
    """Tensors in every typed field, in raw data and in another file; large ones stay where they are."""
    node, make = helper.make_node, helper.make_tensor
    tensors = [
        make("f16", TensorProto.FLOAT16, [2], np.array([1.5, -2], np.float16)),
        make("bf16", TensorProto.BFLOAT16, [2], [1.5, -2]),
        make("bool", TensorProto.BOOL, [3], [True, False, True]),
        make("i8", TensorProto.INT8, [2], [-1, 7]),
        make("u8", TensorProto.UINT8, [2], [200, 7]),
        make("u16", TensorProto.UINT16, [1], [65535]),
        make("u64", TensorProto.UINT64, [1], [1 << 63]),
        make("i64", TensorProto.INT64, [2], [-5, 1 << 40]),
        make("f64", TensorProto.DOUBLE, [1], [0.1]),
        make("empty", TensorProto.FLOAT, [0, 4], []),
        tensor("large", 16, 16)]
    external = TensorProto(name="external", data_type=TensorProto.FLOAT, dims=[2, 128],
                           data_location=TensorProto.EXTERNAL)
    for key, text in (("location", "weights.data"), ("offset", "16"), ("length", "1024")):
        external.external_data.add(key=key, value=text)
    model.files["weights.data"] = bytes(16) + np.full(256, 3, np.float32).tobytes()
    names = [one.name for one in tensors] + ["external"]
    encoder(model, [node("Cast", [name], [name + "_cast"], name=name, to=TensorProto.FLOAT) for name in names] +
            [node("Identity", ["x"], ["last_hidden_state"], name="out")], [*tensors, external])


@case
def constants(model):
    """A Constant's value in each of its forms."""
    node = helper.make_node
    values = {"value_int": 3, "value_ints": [1, 2], "value_float": 0.5, "value_floats": [1.5], "value": ints("v", 9)}
    encoder(model, [node("Constant", [], [key], name=key, **{key: v}) for key, v in values.items()] +
            [node("Identity", ["x"], ["last_hidden_state"], name="out")])


def main():
    name, folder = sys.argv[1:]
    model = Model()
    cases[name](model)
    model.write(pathlib.Path(folder))


if __name__ == "__main__":
    main()

"""Takes the embedding of tokens out of a model's files.

usage: make_embedded.py MODEL_DIR OUTPUT_DIR FILE...

The folder made holds the configuration, embed_tokens.onnx, and of the files given what is left of them: graphs that take
inputs_embeds in place of input_ids, of which they want to know nothing but the shape.
"""
import pathlib
import shutil
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def subgraphs(graph):
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from subgraphs(attribute.g)


def embedding_of(graph):
    """The node that gathers rows for input_ids, or for what has its elements in another shape."""
    ids = {"input_ids"}
    for node in graph.node:
        if node.op_type in ("Reshape", "Identity") and node.input[0] in ids:
            ids.add(node.output[0])
        if node.op_type == "Gather" and node.input[1] in ids:
            return node
    return None


def take_out(model):
    """Returns the matrix that rows were taken from."""
    matrices = {tensor.name: tensor for graph in subgraphs(model.graph) for tensor in graph.initializer}
    for graph in subgraphs(model.graph):
        node = embedding_of(graph)
        if node is not None:
            matrix = numpy_helper.to_array(matrices[node.input[0]])
            node.op_type = "Identity"
            node.input[:] = ["inputs_embeds"]
            del node.attribute[:]
    ids = next(value for value in model.graph.input if value.name == "input_ids")
    model.graph.input.remove(ids)
    model.graph.input.append(
        helper.make_tensor_value_info("inputs_embeds", TensorProto.FLOAT, ["batch", "rows", matrix.shape[1]]))
    one = numpy_helper.from_array(np.ones(1, np.int64), "one")
    shape = [helper.make_node("Shape", ["inputs_embeds"], ["embeds_shape"]),
             helper.make_node("Slice", ["embeds_shape", "slice_from", "slice_to"], ["ids_shape"]),
             helper.make_node("ConstantOfShape", ["ids_shape"], ["input_ids"], value=one)]
    model.graph.initializer.extend([numpy_helper.from_array(np.array([0]), "slice_from"),
                                    numpy_helper.from_array(np.array([2]), "slice_to")])
    nodes = [*shape, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return matrix


def main():
    source, target, *files = map(pathlib.Path, sys.argv[1:])
    target.mkdir(parents=True)
    for path in [source / "encoder_model.onnx", *source.glob("*.json")]:
        shutil.copy(path, target)
    for file in files:
        model = onnx.load(source / file)
        matrix = take_out(model)
        onnx.checker.check_model(model)
        onnx.save(model, target / file)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["weight", "input_ids"], ["inputs_embeds"], name="embed")], "embed_tokens",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "rows"])],
        [helper.make_tensor_value_info("inputs_embeds", TensorProto.FLOAT, ["batch", "rows", matrix.shape[1]])],
        [numpy_helper.from_array(matrix, "weight")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8),
              target / "embed_tokens.onnx")


if __name__ == "__main__":
    main()

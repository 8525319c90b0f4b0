"""What a step costs, as `halyard inspect` counts it from the IR, against what the ONNX file says it has to.

usage: check_cost.py HALYARD MODEL_DIR WORK_DIR

Expected of one row, from decoder_model.onnx: a multiply-add for every element of a weight that is multiplied with
something that depends on the decoder's tokens, and those weights read once. Projections of the encoder's output (keys
and values of cross-attention) do not count: they are no part of a step. Agreement to 1%, and the cost is the same for
models compiled for short and for long sources.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper

from halyard_tool import Failure, compile_model, main, run

TOLERANCE = 0.01
MOVES = ("Transpose", "Cast", "Identity", "Unsqueeze", "Squeeze", "Reshape")


def token_weights(path):
    """The distinct weights of a decoder that are multiplied with what depends on its tokens."""
    graph = onnx.load(path).graph
    weights = {tensor.name: (tensor.name, numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            weights[node.output[0]] = (node.output[0], numpy_helper.to_array(node.attribute[0].t))
    depends, used, products = {"input_ids"}, {}, 0
    for node in graph.node:
        if node.op_type in ("Shape", "Size"):  # a length is not a token
            continue
        if node.op_type in MOVES and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
        if not depends.intersection(node.input):
            continue
        depends.update(node.output)
        if node.op_type in ("MatMul", "Gemm"):
            for name, array in (weights[each] for each in node.input[:2] if each in weights):
                used[name] = array
                products += array.size
    return used, products


def expect_near(what, got, want):
    if abs(got - want) > TOLERANCE * want:
        raise Failure(f"{what}: {got}, expected {want} within {TOLERANCE:.0%}")


def step_cost(halyard, model, artifact, options):
    artifact = compile_model(halyard, model, artifact, options)
    return json.loads(run([halyard, "inspect", artifact, "--json"]))["cost"]["step"]


def check():
    halyard, model, work = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    options = ["--decoder", "decoder_model.onnx"]
    short = step_cost(halyard, model, work / "source_32", [*options, "--max-source", 32])
    long = step_cost(halyard, model, work / "source_256", [*options, "--max-source", 256])
    weights, products = token_weights(model / "decoder_model.onnx")
    expect_near("multiply-adds of a step", short["multiply_adds"], products)
    # Biases and scales are a few rows beside the matrices.
    expect_near("bytes of weights of a step", short["weight_bytes"], sum(4 * np.size(each) for each in weights.values()))
    for key in ("multiply_adds", "weight_bytes"):
        if short[key] != long[key]:
            raise Failure(f"{key} grows with the source: {short[key]} for 32 tokens, {long[key]} for 256")
    return f"{products} multiply-adds a step"


if __name__ == "__main__":
    main(check)

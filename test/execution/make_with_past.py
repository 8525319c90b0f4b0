"""Gives the decoder of a T5 export caches of self-attention as inputs.

usage: make_with_past.py MODEL_DIR OUTPUT_DIR

The folder made holds the encoder and, as its only decoder, decoder_with_past_model.onnx: decoder_model.onnx with keys
and values of self-attention that begin with past_key_values.N.decoder.{key,value}. It computes cross-attention itself.
"""
import json
import pathlib
import shutil
import sys

import onnx
from onnx import helper

# Keys and values of a layer, [batch, rows, heads, size], by the names that the exporter gave them.
ROWS = {"key": "/decoder/block.{}/layer.0/SelfAttention/Reshape_1_output_0",
        "value": "/decoder/block.{}/layer.0/SelfAttention/Reshape_2_output_0"}


def add_cache(graph, layer, kind, shape):
    rows = ROWS[kind].format(layer)
    cache = f"past_key_values.{layer}.decoder.{kind}"
    graph.input.append(helper.make_tensor_value_info(cache, onnx.TensorProto.FLOAT, shape))
    for node in graph.node:
        node.input[:] = [rows + "_all" if name == rows else name for name in node.input]
    producer = next(index for index, node in enumerate(graph.node) if rows in node.output)
    graph.node.insert(producer + 1, helper.make_node("Transpose", [cache], [cache + "_rows"], perm=[0, 2, 1, 3]))
    graph.node.insert(producer + 2, helper.make_node("Concat", [cache + "_rows", rows], [rows + "_all"], axis=1))


def main():
    source, target = map(pathlib.Path, sys.argv[1:])
    target.mkdir(parents=True)
    for path in [source / "encoder_model.onnx", *source.glob("*config.json")]:
        shutil.copy(path, target)
    config = json.loads((source / "config.json").read_text())
    model = onnx.load(source / "decoder_model.onnx")
    for layer in range(config["num_decoder_layers"]):
        for kind in ROWS:
            add_cache(model.graph, layer, kind, ["batch", config["num_heads"], "past_rows", config["d_kv"]])
    onnx.save(model, target / "decoder_with_past_model.onnx")


if __name__ == "__main__":
    main()

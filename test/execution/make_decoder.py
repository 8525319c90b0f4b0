"""Writes a small encoder-decoder model whose decoder has something unusual about it.

usage: make_decoder.py VARIANT FOLDER

VARIANT   what a decoder row sees of the rows of its own text, or what else is special
  causal      rows up to its own
  window      its own row and the three before it
  everything  all rows: the text must be computed again for every token
  lookahead   rows up to the one after its own
  late        rows up to its own, and the row nine after its own: not causal, but only in texts of ten rows and more
  source-work causal; the decoder's file also transforms and averages the encoder's output
"""
import json
import pathlib
import sys

import numpy as np
from onnx import TensorProto

from graph_builder import Graph

WIDTH, HEADS, HIDDEN, VOCABULARY, LENGTH = 16, 2, 32, 60, 24
LAYERS = 2  # with one alone, the last row would not depend on what earlier rows see
VARIANTS = ("causal", "window", "everything", "lookahead", "late", "source-work")


def key_bias(graph, mask):
    """A mask of ones and zeros [batch, keys] as a bias [batch, 1, 1, keys]."""
    absent = graph.op("Sub", graph.constant(np.float32(1)), graph.op("Cast", mask, to=TensorProto.FLOAT))
    bias = graph.op("Mul", absent, graph.constant(np.float32(-1e9)))
    return graph.op("Unsqueeze", bias, graph.integers(1, 2))


def encoder():
    graph = Graph("encoder", seed=1)
    ids = graph.input("input_ids", TensorProto.INT64, ["batch", "source"])
    mask = graph.input("attention_mask", TensorProto.INT64, ["batch", "source"])
    x = graph.op("Gather", graph.weight(VOCABULARY, WIDTH), ids, axis=0)
    x = graph.op("Add", x, graph.attention(graph.norm(x, WIDTH), graph.norm(x, WIDTH), key_bias(graph, mask), WIDTH, HEADS))
    graph.output(graph.norm(x, WIDTH), "last_hidden_state", ["batch", "source", WIDTH])
    return graph


def visible(graph, variant, distance):
    """Whether a row sees another, from `distance` = row - other row."""
    compare = lambda kind, value: graph.op(kind, distance, graph.constant(np.int64(value)))
    if variant == "window":
        return graph.op("And", compare("GreaterOrEqual", 0), compare("Less", 4))
    if variant == "lookahead":
        return compare("GreaterOrEqual", -1)
    if variant == "late":
        return graph.op("Or", compare("GreaterOrEqual", 0), compare("Equal", -9))
    return compare("GreaterOrEqual", 0)


def self_bias(graph, variant, ids):
    """The decoder's mask [1, 1, rows, rows] as a bias, or None."""
    if variant == "everything":
        return None
    position = graph.positions(ids)
    rows, others = (graph.op("Unsqueeze", position, graph.integers(axis)) for axis in (1, 0))
    seen = visible(graph, variant, graph.op("Sub", rows, others))
    bias = graph.op("Where", seen, graph.constant(np.float32(0)), graph.constant(np.float32(-1e9)))
    return graph.op("Unsqueeze", bias, graph.integers(0, 1))


def decoder(variant):
    graph = Graph("decoder", seed=2)
    ids = graph.input("input_ids", TensorProto.INT64, ["batch", "target"])
    mask = graph.input("encoder_attention_mask", TensorProto.INT64, ["batch", "source"])
    memory = graph.input("encoder_hidden_states", TensorProto.FLOAT, ["batch", "source", WIDTH])
    position = graph.op("Gather", graph.weight(LENGTH, WIDTH), graph.positions(ids), axis=0)
    x = graph.op("Add", graph.op("Gather", graph.weight(VOCABULARY, WIDTH), ids, axis=0), position)
    if variant == "source-work":
        memory = graph.norm(graph.op("Tanh", graph.linear(memory, WIDTH, WIDTH)), WIDTH)
        x = graph.op("Add", x, graph.op("ReduceMean", memory, graph.integers(1), keepdims=1))
    own, cross = self_bias(graph, variant, ids), key_bias(graph, mask)
    for _ in range(LAYERS):
        normed = graph.norm(x, WIDTH)
        x = graph.op("Add", x, graph.attention(normed, normed, own, WIDTH, HEADS))
        x = graph.op("Add", x, graph.attention(graph.norm(x, WIDTH), memory, cross, WIDTH, HEADS))
        hidden = graph.op("Relu", graph.linear(graph.norm(x, WIDTH), WIDTH, HIDDEN))
        x = graph.op("Add", x, graph.linear(hidden, HIDDEN, WIDTH))
    graph.output(graph.linear(graph.norm(x, WIDTH), WIDTH, VOCABULARY), "logits", ["batch", "target", VOCABULARY])
    return graph


def main():
    variant, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if variant not in VARIANTS:
        sys.exit(f"unknown variant {variant}: one of {', '.join(VARIANTS)}")
    folder.mkdir(parents=True, exist_ok=True)
    encoder().save(folder / "encoder_model.onnx")
    decoder(variant).save(folder / "decoder_model.onnx")
    config = {"is_encoder_decoder": True, "vocab_size": VOCABULARY, "max_position_embeddings": LENGTH,
              "decoder_start_token_id": 1, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    main()

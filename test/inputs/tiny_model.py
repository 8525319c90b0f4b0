"""A tiny encoder-decoder model that tests change to their needs before it is written."""
import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, VOCABULARY = 8, 16


def tensor(name, *shape):
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    return numpy_helper.from_array(values, name)


def value(name, element_type, *dims):
    return helper.make_tensor_value_info(name, element_type, dims)


class Model:
    """Encoder and decoder as messages, and the files that are written besides them."""

    def __init__(self):
        embed = helper.make_node("Gather", ["embedding", "input_ids"], ["embedded"], name="embed")
        self.encoder = self.graph(
            [embed, helper.make_node("Tanh", ["embedded"], ["last_hidden_state"], name="squash")],
            [value("input_ids", TensorProto.INT64, "batch", "source")],
            [value("last_hidden_state", TensorProto.FLOAT, "batch", "source", WIDTH)],
            [tensor("embedding", VOCABULARY, WIDTH)])
        self.decoder = self.graph(
            [embed,
             helper.make_node("ReduceMean", ["encoder_hidden_states", "one"], ["context"], name="context"),
             helper.make_node("Add", ["embedded", "context"], ["mixed"], name="mix"),
             helper.make_node("MatMul", ["mixed", "head"], ["logits"], name="head")],
            [value("input_ids", TensorProto.INT64, "batch", "target"),
             value("encoder_hidden_states", TensorProto.FLOAT, "batch", "source", WIDTH)],
            [value("logits", TensorProto.FLOAT, "batch", "target", VOCABULARY)],
            [tensor("embedding", VOCABULARY, WIDTH), tensor("head", WIDTH, VOCABULARY),
             numpy_helper.from_array(np.array([1]), "one")])
        self.config = {"max_position_embeddings": 32, "is_encoder_decoder": True}
        self.generation = {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}
        self.files = {}  # name: bytes; None for a file that is not to be written

    @staticmethod
    def graph(nodes, inputs, outputs, initializers):
        graph = helper.make_graph(nodes, "graph", inputs, outputs, initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)

    def node(self, name):
        return next(n for m in (self.encoder, self.decoder) for n in m.graph.node if n.name == name)

    def write(self, folder):
        folder.mkdir(parents=True)
        files = {"encoder_model.onnx": self.encoder.SerializeToString(),
                 "decoder_model.onnx": self.decoder.SerializeToString(),
                 "config.json": json.dumps(self.config, indent=2).encode(),
                 "generation_config.json": json.dumps(self.generation, indent=2).encode()} | self.files
        for name, data in files.items():
            if data is not None:
                (folder / name).write_bytes(data)

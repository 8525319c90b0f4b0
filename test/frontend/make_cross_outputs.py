"""Lays a model's files out as exporters for ONNX Runtime do.

usage: make_cross_outputs.py MODEL_DIR OUTPUT_DIR [--states|--first-step]

encoder.onnx computes keys and values of cross-attention (present_key_cross_0, ..), and only with --states its last hidden
state as well; decoder.onnx takes them (past_key_cross_0, ..) in its place. With --first-step encoder.onnx is the encoder
and the decoder's first step together.
"""
import pathlib
import re
import shutil
import sys

import onnx


def renamed(name):
    """past_key_values.0.encoder.key becomes past_key_cross_0, present.0.decoder.value present_value_self_0."""
    match = re.fullmatch(r"(past|present)(?:_key_values)?\.(\d+)\.(encoder|decoder)\.(key|value)", name)
    if not match:
        return name
    time, layer, side, kind = match.groups()
    return f"{time}_{kind}_{'cross' if side == 'encoder' else 'self'}_{layer}"


def rename(graph, new_name):
    for node in graph.node:
        node.input[:] = [new_name(name) for name in node.input]
        node.output[:] = [new_name(name) for name in node.output]
        node.name = new_name(node.name)
    for item in [*graph.input, *graph.output, *graph.initializer]:
        item.name = new_name(item.name)


def slice_of(graph, outputs):
    """The nodes that the outputs are computed by, in order, and the initializers that they read. Of the decoder's own
    rows they want to know the batch only, which is that of the encoder's states."""
    wanted, nodes = set(outputs), []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            nodes.append(node)
            if node.op_type == "Shape":
                node.input[:] = ["encoder_hidden_states"]
            wanted |= set(node.input) - {""}
    return nodes[::-1], [tensor for tensor in graph.initializer if tensor.name in wanted]


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    target.mkdir(parents=True)
    for path in [*source.glob("*.json"), *source.glob("reference.npz")]:
        shutil.copy(path, target)
    encoder = onnx.load(source / "encoder_model.onnx")
    first = onnx.load(source / "decoder_model.onnx").graph
    states = encoder.graph.output[0].name
    cross = [output for output in first.output if ".encoder." in output.name]
    same = {"encoder_hidden_states": states, "": ""} | {output.name: output.name for output in first.output}
    if "--first-step" in sys.argv:
        rename(encoder.graph, lambda name: {"input_ids": "encoder_input_ids",
                                            "attention_mask": "encoder_attention_mask"}.get(name, name))
        same |= {"input_ids": "decoder_input_ids", "encoder_attention_mask": "encoder_attention_mask"}
        inputs = [value for value in first.input if value.name == "input_ids"]
        part = onnx.helper.make_graph(first.node, "first", inputs, first.output, first.initializer)
    else:
        nodes, initializers = slice_of(first, [output.name for output in cross])
        part = onnx.helper.make_graph(nodes, "cross", [], cross, initializers)
    rename(part, lambda name: same.get(name, f"cross/{name}"))
    if "--states" not in sys.argv:
        del encoder.graph.output[:]
    for field in ("input", "node", "output", "initializer"):
        getattr(encoder.graph, field).extend(getattr(part, field))
    decoder = onnx.load(source / "decoder_with_past_model.onnx")
    for model, name in ((encoder, "encoder.onnx"), (decoder, "decoder.onnx")):
        rename(model.graph, renamed)
        onnx.checker.check_model(model)
        onnx.save(model, target / name)


if __name__ == "__main__":
    main()

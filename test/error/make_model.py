"""Makes the folder of a tiny encoder-decoder model that is wrong in one way.

usage: make_model.py FAULT FOLDER

FAULT is the name of one of the functions below that are marked @fault; "none" makes the model as it should be.
"""
import pathlib
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

sys.path.append(str(pathlib.Path(__file__).parent.parent / "inputs"))
from tiny_model import VOCABULARY, WIDTH, Model, value

faults = {}


def fault(function):
    faults[function.__name__.replace("_", "-")] = function
    return function


@fault
def none(model):
    pass


# ---- files ----

@fault
def no_encoder(model):
    model.files = {"encoder_model.onnx": None, "encoder_model_fp16.onnx": model.encoder.SerializeToString()}


@fault
def truncated(model):
    model.files["decoder_model.onnx"] = model.decoder.SerializeToString()[:-100]


@fault
def empty_file(model):
    model.files["encoder_model.onnx"] = b""


@fault
def not_onnx(model):
    model.files["encoder_model.onnx"] = b"PK\x03\x04 an archive, perhaps"


@fault
def lfs_pointer(model):
    model.files["encoder_model.onnx"] = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@fault
def bad_config(model):
    model.files["config.json"] = b'{\n  "max_position_embeddings": 32,\n  "model_type" "t5"\n}\n'


@fault
def bad_token_id(model):
    model.generation["eos_token_id"] = "</s>"


# ---- tensors ----

@fault
def external_missing(model):
    external(model.encoder.graph.initializer[0], "weights.data", 0)


@fault
def external_short(model):
    external(model.encoder.graph.initializer[0], "weights.data", 400)
    model.files["weights.data"] = bytes(500)


@fault
def external_absolute(model):
    external(model.encoder.graph.initializer[0], "/etc/hostname", 0)


def external(initializer, location, offset):
    size = len(initializer.raw_data)
    initializer.ClearField("raw_data")
    initializer.data_location = TensorProto.EXTERNAL
    for key, text in (("location", location), ("offset", str(offset)), ("length", str(size))):
        initializer.external_data.add(key=key, value=text)


@fault
def huge_dims(model):
    model.encoder.graph.initializer[0].dims[:] = [1 << 40, 1 << 40]


@fault
def negative_dim(model):
    model.encoder.graph.initializer[0].dims[:] = [-16, WIDTH]


@fault
def wrong_size(model):
    model.encoder.graph.initializer[0].dims[:] = [VOCABULARY, WIDTH + 1]


@fault
def string_tensor(model):
    del model.encoder.graph.initializer[0]
    model.encoder.graph.initializer.append(helper.make_tensor("embedding", TensorProto.STRING, [2], [b"a", b"b"]))


@fault
def huge_input(model):
    model.encoder.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1 << 33


@fault
def complex_input(model):
    model.encoder.graph.input[0].type.tensor_type.elem_type = TensorProto.COMPLEX64


@fault
def sequence_input(model):
    model.encoder.graph.input[0].type.CopyFrom(
        helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.INT64, [1])))


# ---- graphs ----

@fault
def cycle(model):
    model.node("embed").input[1] = "clipped"
    model.encoder.graph.node.append(helper.make_node("Cast", ["last_hidden_state"], ["clipped"], name="clip", to=7))


@fault
def dangling(model):
    model.node("mix").input[1] = "nowhere"


@fault
def twice(model):
    model.encoder.graph.node.append(helper.make_node("Neg", ["embedded"], ["last_hidden_state"], name="again"))


@fault
def no_output(model):
    del model.encoder.graph.output[:]


@fault
def wrong_output_type(model):
    model.encoder.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16


@fault
def widths(model):
    model.decoder.graph.input[1].type.tensor_type.shape.dim[2].dim_value = WIDTH + 4


@fault
def old_opset(model):
    model.encoder.opset_import[0].version = 9


@fault
def new_opset(model):
    model.encoder.opset_import[0].version = 99


# ---- nodes ----

@fault
def misspelled_operator(model):
    model.node("squash").op_type = "Tahn"


@fault
def foreign_operator(model):
    model.node("squash").op_type = "Flourish"
    model.node("squash").domain = "org.example"
    model.encoder.opset_import.append(helper.make_opsetid("org.example", 1))


@fault
def domain_not_imported(model):
    model.node("squash").domain = "com.microsoft"


@fault
def loop(model):
    body = helper.make_graph([], "body", [], [])
    model.encoder.graph.node[1].CopyFrom(
        helper.make_node("Loop", ["", "", "embedded"], ["last_hidden_state"], name="again", body=body))


@fault
def unknown_attribute(model):
    model.node("squash").attribute.append(helper.make_attribute("alpha", 1.0))


@fault
def missing_attribute(model):
    model.node("squash").op_type = "Cast"


@fault
def unsupported_cast(model):
    model.node("squash").op_type = "Cast"
    model.node("squash").attribute.append(helper.make_attribute("to", TensorProto.STRING))


@fault
def too_many_inputs(model):
    model.node("squash").input.append("embedded")


@fault
def missing_input(model):
    model.node("mix").input[1] = ""


@fault
def axis_out_of_range(model):
    model.encoder.graph.node[0].attribute.append(helper.make_attribute("axis", 5))


@fault
def branch_outputs(model):
    one = helper.make_node("Identity", ["embedded"], ["a"], name="inner")
    value_of = lambda name: value(name, TensorProto.FLOAT, None)
    branch = helper.make_graph([one], "branch", [], [value_of("a"), value_of("a")])
    truth = numpy_helper.from_array(np.array(True), "truth")
    model.encoder.graph.initializer.append(truth)
    model.encoder.graph.node[1].CopyFrom(helper.make_node(
        "If", ["truth"], ["last_hidden_state"], name="choose", then_branch=branch, else_branch=branch))


@fault
def recursive_function(model):
    call = helper.make_node("Squash", ["x"], ["y"], name="call", domain="local")
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    model.encoder.functions.append(helper.make_function("local", "Squash", ["x"], ["y"], [call], opsets))
    model.encoder.opset_import.append(helper.make_opsetid("local", 1))
    model.node("squash").op_type = "Squash"
    model.node("squash").domain = "local"


def main():
    name, folder = sys.argv[1:]
    model = Model()
    faults[name](model)
    model.write(pathlib.Path(folder))


if __name__ == "__main__":
    main()

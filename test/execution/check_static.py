"""Quantises a model folder with ONNX Runtime's static quantiser, compiles that, and counts how often it agrees with the
references of the model that was quantised.

usage: check_static.py HALYARD MODEL_DIR WORK_DIR AGREEMENT

Matrix products are quantised in both forms that the quantiser writes: between pairs of QuantizeLinear and
DequantizeLinear (QDQ), and as operators of codes (QOperator). Both are compiled with weights of f32 and of int8.
"""
import pathlib
import shutil
import sys

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from check_precision import agreement
from halyard_tool import Failure, compile_model, main

LENGTH = 6


class Samples(CalibrationDataReader):
    """Random inputs, from which the quantiser finds ranges."""

    def __init__(self, file):
        random = np.random.default_rng(7)
        self.samples = iter([{value.name: self.sample(random, value) for value in onnx.load(file).graph.input}
                             for _ in range(4)])

    @staticmethod
    def sample(random, value):
        tensor = value.type.tensor_type
        shape = [dim.dim_value or (1 if dim.dim_param == "batch_size" else LENGTH) for dim in tensor.shape.dim]
        if tensor.elem_type == onnx.TensorProto.FLOAT:
            return random.standard_normal(shape).astype(np.float32)
        return np.ones(shape, np.int64) if "mask" in value.name else random.integers(3, 30, shape)

    def get_next(self):
        return next(self.samples, None)


def quantise(model, folder, form):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "generation_config.json"):
        shutil.copyfile(model / name, folder / name)
    for name in ("encoder_model.onnx", "decoder_model.onnx"):
        quantize_static(model / name, folder / name, Samples(model / name), quant_format=form,
                        weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"])


def check():
    halyard, model, work, needed = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    shares = []
    for form in (QuantFormat.QDQ, QuantFormat.QOperator):
        folder = work / form.name
        quantise(model, folder, form)
        for weights in ("f32", "int8"):
            artifact = compile_model(halyard, folder, work / f"{form.name}-{weights}", ["--weights", weights])
            share, positions = agreement(halyard, artifact, model, work)
            if not positions or share < float(needed):
                raise Failure(f"{form.name} {weights}: {share:.1%} of {positions} tokens agree, expected {float(needed):.1%}")
            shares.append(f"{form.name} {weights} {share:.1%}")
    return ", ".join(shares)


if __name__ == "__main__":
    main(check)

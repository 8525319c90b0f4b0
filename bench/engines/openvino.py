"""OpenVINO: graphs from the same ONNX files; int8 and int4 are weights compressed by NNCF, with activations quantised
as they come."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import openvino as ov

from .base import Workload
from .onnx_pair import FILES, OnnxPair

HINTS = {"f32": "f32", "bf16": "bf16", "int8": "f32", "int4": "f32"}


def compress(model: ov.Model, precision: str) -> ov.Model:
    import nncf

    if precision == "int8":
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
    return nncf.compress_weights(
        model, mode=nncf.CompressWeightsMode.INT4_SYM, group_size=32, ratio=1.0, all_layers=True,
        ignored_scope=nncf.IgnoredScope(patterns=[".*bias.*"], validate=False),
    )  # fmt: skip


def file_name(output: Any) -> str:
    """The name that an output has in the ONNX file, among those that OpenVINO gives it."""
    return next(n for n in output.names if n in ("logits", "last_hidden_state") or n.startswith("present"))


class OpenVino(OnnxPair):
    PRECISIONS = ("f32", "bf16", "int8", "int4")

    @staticmethod
    def prepare(name: str, work: Workload, prepared: pathlib.Path, precision: str) -> None:
        core = ov.Core()
        for file in FILES:
            model = core.read_model(work.folder / file)
            if precision.startswith("int"):
                model = compress(model, precision)
            ov.save_model(model, (prepared / file).with_suffix(".xml"), compress_to_fp16=False)

    def __init__(self, work: Workload, prepared: pathlib.Path, precision: str, threads: int) -> None:
        super().__init__(work, prepared, precision, threads)
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": HINTS[precision],
        }
        if precision.startswith("int"):
            options["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = 32
        core = ov.Core()
        self.graphs = []
        for file in FILES:
            compiled = core.compile_model((prepared / file).with_suffix(".xml"), "CPU", options)
            inputs = {name for port in compiled.inputs for name in port.names}
            self.graphs.append((compiled.create_infer_request(), inputs, [file_name(p) for p in compiled.outputs]))

    def value(self, array: np.ndarray) -> Any:
        return array

    def array(self, value: Any) -> np.ndarray:
        return value

    def call(self, graph: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        request, wanted, names = graph
        given = {name: value for name, value in inputs.items() if name in wanted}
        request.infer(given, share_inputs=True)
        # Copied: the next call writes to the same memory while it reads its caches.
        return {name: np.array(request.get_tensor(name).data) for name in names}

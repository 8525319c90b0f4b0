"""ONNX Runtime: values stay in its own memory by IO binding; int8 by dynamic quantisation with a scale per output
channel, int4 by MatMulNBits in blocks of 32 with int8 arithmetic."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from .base import Workload
from .onnx_pair import FILES, OnnxPair


def quantize_int8(source: pathlib.Path, target: pathlib.Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source, target, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )  # fmt: skip


def quantize_int4(source: pathlib.Path, target: pathlib.Path) -> None:
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load(source), block_size=32, is_symmetric=True, accuracy_level=4)
    quantizer.process()
    quantizer.model.save_model_to_file(str(target), use_external_data_format=False)


class OnnxRuntime(OnnxPair):
    PRECISIONS = ("f32", "int8", "int4")

    @staticmethod
    def prepare(name: str, work: Workload, prepared: pathlib.Path, precision: str) -> None:
        make = {"f32": shutil.copy, "int8": quantize_int8, "int4": quantize_int4}[precision]
        for file in FILES:
            make(work.folder / file, prepared / file)

    def __init__(self, work: Workload, prepared: pathlib.Path, precision: str, threads: int) -> None:
        super().__init__(work, prepared, precision, threads)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.graphs = [
            ort.InferenceSession(prepared / file, options, providers=["CPUExecutionProvider"]) for file in FILES
        ]
        self.names = {
            id(graph): ({x.name for x in graph.get_inputs()}, [x.name for x in graph.get_outputs()])
            for graph in self.graphs
        }

    def value(self, array: np.ndarray) -> Any:
        return ort.OrtValue.ortvalue_from_numpy(array)

    def array(self, value: Any) -> np.ndarray:
        return value.numpy()

    def call(self, graph: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        wanted, names = self.names[id(graph)]
        binding = graph.io_binding()
        for name, value in inputs.items():
            if name in wanted:
                binding.bind_ortvalue_input(name, value)
        for name in names:
            binding.bind_output(name, "cpu")
        graph.run_with_iobinding(binding)
        return dict(zip(names, binding.get_outputs()))

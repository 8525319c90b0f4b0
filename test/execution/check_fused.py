"""Has ONNX Runtime's optimiser for transformers fuse what it can in a model folder, compiles that in f32, and follows the
references of the model.

usage: check_fused.py HALYARD MODEL_DIR WORK_DIR KIND FUSED...

KIND is what the optimiser calls the architecture, FUSED operators that it has to have made. Every token has to be the
reference's.
"""
import json
import logging
import pathlib
import shutil
import sys

import onnxruntime
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions

from check_precision import agreement
from halyard_tool import Failure, compile_model, main

FILES = ("encoder_model.onnx", "decoder_model.onnx")


def fold(source, destination):
    """Folds constants, without which few patterns are found."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(destination)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def fuse(model, folder, kind):
    """Writes the folder with fused files; returns the names of the operators that were made."""
    logging.disable(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "generation_config.json"):
        shutil.copyfile(model / name, folder / name)
    config = json.loads((model / "config.json").read_text())
    options = FusionOptions(kind)
    options.use_multi_head_attention = True
    made = set()
    for name in FILES:
        fold(model / name, folder / name)
        fused = optimizer.optimize_model(str(folder / name), kind, num_heads=config["encoder_attention_heads"],
                                         hidden_size=config["d_model"], optimization_options=options, opt_level=0)
        fused.save_model_to_file(str(folder / name))
        made |= {operator for operator, count in fused.get_fused_operator_statistics().items() if count}
    return made


def check():
    halyard, model, work, kind, *wanted = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    missing = set(wanted) - fuse(model, work / "fused", kind)
    if missing:
        raise Failure(f"the optimiser made no {', '.join(missing)}")
    artifact = compile_model(halyard, work / "fused", work / "artifact")
    share, positions = agreement(halyard, artifact, model, work)
    if not positions or share < 1:
        raise Failure(f"{share:.1%} of {positions} tokens agree")
    return f"all {positions} tokens agree"


if __name__ == "__main__":
    main(check)

"""Compiles one model with bounds for its logits and checks that they are bounds, and that tokens are what they were.

usage: check_screening.py HALYARD MODEL_DIR WORK_DIR CHECK_SCREENING [COMPILE_OPTION...]

CHECK_SCREENING is test/tools/check-screening: for random tokens, no logit is above its bound. Texts of the references'
inputs, alone and in a batch, are those of an artifact that computes all logits.
"""
import json
import pathlib
import sys

import numpy as np

from halyard_tool import Failure, compile_model, main, run


def texts(halyard, artifact, inputs):
    command = [halyard, "run", artifact, "--json", "--max-new-tokens", 24]
    for name, path in inputs.items():
        command += ["--input", f"{name}={path}"]
    return json.loads(run(command))["tokens"]


def source_inputs(model, work):
    """For every prompt of the references, files with what the encoder reads."""
    arrays = np.load(model / "reference.npz")
    prompts = {}
    for key in arrays.files:
        prompt, _, name = key.partition(".")
        if name in ("input_ids", "attention_mask", "input_features", "input_values", "pixel_values"):
            path = work / f"{key}.npy"
            np.save(path, arrays[key])
            prompts.setdefault(prompt, {})[name] = path
    return prompts


def check():
    halyard, model, work, tool, *options = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    screened = compile_model(halyard, model, work / "screened", [*options, "--screen", "always"])
    whole = compile_model(halyard, model, work / "whole", [*options, "--screen", "never"])
    said = run([tool, screened, "screened"]).strip()
    prompts = source_inputs(model, work)
    if not prompts:
        raise Failure(f"{model}/reference.npz has no inputs")
    for prompt, inputs in prompts.items():
        expected, got = (texts(halyard, artifact, inputs) for artifact in (whole, screened))
        if expected != got:
            raise Failure(f"{prompt}: {got} instead of {expected}")
    return f"{said}; {len(prompts)} prompts, the same tokens"


if __name__ == "__main__":
    main(check)

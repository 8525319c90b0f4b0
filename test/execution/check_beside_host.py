"""Compiles one model folder for another target and for one of this machine, and compares what both compute.

usage: check_beside_host.py HALYARD TARGET HOST_TARGET MODEL_DIR WORK_DIR TOKENS [COMPILE_OPTION...]

The first prompt of reference.npz, repeated until it is long if it is made of tokens, with at most TOKENS new tokens, by
greedy search and by beam search: the tokens are equal; the encoder's output and the logits agree as far as two targets
that round alike but add up in other orders can. Prints how large the code is.
"""
import json
import pathlib
import sys

import numpy as np

from check_model import SOURCES
from halyard_tool import Failure, compile_model, generate, main, run

# Of the largest logit or encoder output.
TOLERANCE = 1e-4
# Tokens of a source, which are more than a vector of any target.
SOURCE = 40


def expect_alike(what, got, want):
    if got.shape != want.shape:
        raise Failure(f"{what}: shape {got.shape}, expected {want.shape}")
    apart = np.abs(got - want).max() / max(np.abs(want).max(), 1e-30)
    if not apart <= TOLERANCE:
        raise Failure(f"{what}: {apart:.2g} of the largest apart, expected {TOLERANCE}")
    return float(apart)


def first_prompt(model):
    """The inputs of the first prompt, made long; the letters of the first word for the example, whose vocabulary has them."""
    if (model / "vocabulary.json").exists():
        letters = json.loads((model / "vocabulary.json").read_text())["letters"]
        word = next(iter(json.loads((model / "reference.json").read_text())))
        return {"input_ids": np.array([[letters.index(letter) for letter in word]], np.int64)}
    archive = np.load(model / "reference.npz")
    prompt = min(key.split(".")[0] for key in archive.files if key.endswith(".greedy_ids"))
    if f"{prompt}.input_ids" in archive.files:
        return {"input_ids": np.resize(archive[f"{prompt}.input_ids"][:1], (1, SOURCE))}
    return {name: archive[f"{prompt}.{name}"] for name in (*SOURCES, "attention_mask")
            if f"{prompt}.{name}" in archive.files}


def code_bytes(artifact):
    """Bytes of instructions in the artifact's program."""
    name = json.loads((artifact / "report.json").read_text())["name"]
    sections = run(["llvm-size-22", "-A", artifact / name]).splitlines()
    return sum(int(line.split()[1]) for line in sections if line.startswith(".text"))


def check():
    halyard, target, host, model, work, tokens, *options = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    artifacts = [compile_model(halyard, model, work / name, ["--target", name, *options]) for name in (target, host)]
    inputs = first_prompt(model)
    worst = 0.0
    for search in ((), ("--num-beams", "3")):
        got, want = (generate(halyard, artifact, inputs, work / "run", ["--max-new-tokens", tokens, *search])
                     for artifact in artifacts)
        if got[0] != want[0]:
            raise Failure(f"tokens {got[0]}, expected {want[0]} {search}")
        worst = max(worst, expect_alike("logits", got[1], want[1]), expect_alike("encoder output", got[2], want[2]))
    return f"{len(got[0])} texts alike, {worst:.2g} of the largest apart; {code_bytes(artifacts[0])} bytes of code"


if __name__ == "__main__":
    main(check)

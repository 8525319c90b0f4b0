"""Compiles one model folder for another target and for one of this machine, and compares what both compute.

usage: check_beside_host.py HALYARD TARGET HOST_TARGET MODEL_DIR WORK_DIR TOKENS [--quick] [COMPILE_OPTION...]

The first prompt of the references, repeated until it is long if it is made of tokens, with at most TOKENS new tokens, by
greedy search and by beam search: the tokens are equal; the encoder's output and the logits agree as far as two targets
that round alike but add up in other orders can. Prints how large the code is. --quick: without beams.
"""
import json
import pathlib
import sys

import numpy as np

from check_model import references
from halyard_tool import Failure, compile_model, expect_level, generate, main, run

# Of the largest logit or encoder output.
TOLERANCE = 1e-4
# A number half way between two codes becomes another one where sums are rounded otherwise: of few rows, by one code.
RARE, CODE = 0.01, 1 / 127
# Tokens of a source, which are more than a vector of any target.
SOURCE = 40


def expect_alike(what, got, want):
    if got.shape != want.shape:
        raise Failure(f"{what}: shape {got.shape}, expected {want.shape}")
    rows = np.abs(got - want).max(axis=-1) / max(np.abs(want).max(), 1e-30)
    apart, share = float(rows.max()), float((rows > TOLERANCE).mean())
    if not (apart <= CODE and share <= RARE):
        raise Failure(f"{what}: {apart:.2g} of the largest apart, {share:.1%} of rows by more than {TOLERANCE}")
    return apart


def first_prompt(model):
    """The inputs of the first prompt, made long if the model takes that."""
    inputs = next(references(model)).inputs
    if "input_ids" in inputs and (model / "reference.npz").exists():
        return {"input_ids": np.resize(inputs["input_ids"][:1], (1, SOURCE))}
    return inputs


def code_bytes(artifact):
    """Bytes of instructions in the artifact's program."""
    name = json.loads((artifact / "report.json").read_text())["name"]
    sections = run(["llvm-size-22", "-A", artifact / name]).splitlines()
    return sum(int(line.split()[1]) for line in sections if line.startswith(".text"))


def check():
    halyard, target, host, model, work, tokens, *options = sys.argv[1:]
    quick = options[:1] == ["--quick"]
    options = options[quick:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    expect_level(halyard, target)
    artifacts = [compile_model(halyard, model, work / name, ["--target", name, *options]) for name in (target, host)]
    inputs = first_prompt(model)
    worst = 0.0
    for search in ((),) if quick else ((), ("--num-beams", "3")):
        got, want = (generate(halyard, artifact, inputs, work / f"run.{target}", ["--max-new-tokens", tokens, *search])
                     for artifact in artifacts)
        if got[0] != want[0]:
            raise Failure(f"tokens {got[0]}, expected {want[0]} {search}")
        worst = max(worst, expect_alike("logits", got[1], want[1]), expect_alike("encoder output", got[2], want[2]))
    return f"{len(got[0])} texts alike, {worst:.2g} of the largest apart; {code_bytes(artifacts[0])} bytes of code"


if __name__ == "__main__":
    main(check)

"""Compiles one model folder and compares its first text with the folder's references.

usage: check_first_text.py HALYARD MODEL_DIR WORK_DIR NEW_TOKENS [--takes-logits] --target TARGET [COMPILE_OPTION...]

The first text of the first prompt: its first NEW_TOKENS tokens are the reference's by greedy search, and the encoder's
output and the first three logits agree as check_model.py asks, where the references have them; its tokens are the same
where nothing else is wanted. On the stand-in for a GPU's driver (HALYARD_EMULATOR_LOG says where it counts): steps after
the second are replayed, and a step of which nothing but the token is wanted takes one integer from the device.

With --weights f16, weights and the rows that layers read are rounded to 11 bits: values agree to HALVES of the largest
of them. A source of many rows, which tensor cores multiply where there are any, is compared with ONNX Runtime: encoder's
output, logits and, unless settings change logits (--takes-logits), tokens.
"""
import json
import os
import pathlib
import sys

import numpy as np

from check_model import LOGITS, references, settings, text
from halyard_tool import (TOLERANCE, Failure, compile_model, evaluate, expect_close, expect_level, generate, main, run,
                          session)

HALVES = 2**-9
MANY_ROWS = 40


def first_text(reference):
    """The inputs of the first row, without its padding unless the encoder needs it."""
    inputs, length = {}, reference.unpadded_length(0)
    for name, array in reference.inputs.items():
        if name != "attention_mask":
            inputs[name] = array[:1] if length is None else array[:1, :length]
    return inputs


def expect_tokens(what, got, want):
    """All but the last, which a limit on the length may change."""
    if got[:-1] != want[:len(got) - 1]:
        raise Failure(f"{what}: tokens {got}, expected {want[:len(got)]}")


def check_replay(halyard, artifact, inputs, scratch, options):
    """Greedy search of which nothing is wanted but tokens."""
    log = os.environ.get("HALYARD_EMULATOR_LOG")
    command = [halyard, "run", artifact, "--json", *options]
    for name in inputs:
        command += ["--input", f"{name}={scratch / name}.npy"]
    tokens = json.loads(run(command))["tokens"][0]
    if not log:
        return tokens
    counts = json.loads(pathlib.Path(log).read_text())
    if counts["graphs"] < 1 or counts["graph_launches"] < len(tokens) - 4:
        raise Failure(f"steps are not replayed: {counts}")
    if counts["bytes_to_host"] > 4 * len(tokens) and "--takes-logits" not in sys.argv:
        raise Failure(f"{counts['bytes_to_host']} bytes came from the device for {len(tokens)} tokens")
    return tokens


def expect_near(what, got, want, is_half):
    scale = np.abs(want).max() if is_half else 1
    expect_close(what, got / scale, want / scale, HALVES if is_half else TOLERANCE)


def check_tensor_cores():
    """The stand-in has counted their products in the process that ran last."""
    log = os.environ.get("HALYARD_EMULATOR_LOG")
    if log and not json.loads(pathlib.Path(log).read_text())["matrix_products"]:
        raise Failure("no product by tensor cores")


def check_many_rows(halyard, artifact, model, scratch, options):
    """A source of more ids than tensor cores have to have."""
    ids = np.random.default_rng(0).integers(3, settings(model).get("vocab_size") or 500, (1, MANY_ROWS))
    mask = np.ones_like(ids)
    tokens, logits, memory = generate(halyard, artifact, {"input_ids": ids}, scratch, [*options, "--num-beams", 1])
    check_tensor_cores()
    want = evaluate(session(model / "encoder_model.onnx"), {"input_ids": ids, "attention_mask": mask})
    expect_near(f"encoder output of {MANY_ROWS} rows", memory[0], want[0], True)
    decoder, begin = session(model / "decoder_model.onnx"), len(tokens[0]) - len(logits[0])
    for step, got in enumerate(logits[0]):
        before, chosen = np.array([tokens[0][:begin + step]], np.int64), tokens[0][begin + step]
        row = evaluate(decoder, {"input_ids": before, "encoder_attention_mask": mask,
                                 "encoder_hidden_states": want})[0, -1]
        expect_near(f"logits of step {step} after {MANY_ROWS} rows", got, row, True)
        if "--takes-logits" not in sys.argv and chosen != row.argmax():
            raise Failure(f"token {chosen} of step {step}, expected {row.argmax()}")


def check():
    halyard, model, work, new_tokens, *options = [part for part in sys.argv[1:] if part != "--takes-logits"]
    model, work = pathlib.Path(model), pathlib.Path(work)
    expect_level(halyard, options[options.index("--target") + 1])
    artifact = compile_model(halyard, model, work / "model", options)
    reference = next(references(model))
    inputs, eos = first_text(reference), settings(model).get("eos_token_id")
    given = ["--max-new-tokens", new_tokens, *reference.options()]
    want = text(reference.values["greedy_ids"][0], eos)

    tokens, logits, memory = generate(halyard, artifact, inputs, work, [*given, "--num-beams", 1])
    expect_tokens("greedy search", tokens[0], want)
    is_half = "f16" in options
    want_memory, want_logits = reference.expected(0, memory[0])
    if want_memory is not None:
        expect_near("encoder output", memory[0][:len(want_memory)], want_memory, is_half)
    if want_logits is not None:
        expect_near("logits", logits[0][:LOGITS], want_logits, is_half)
    expect_tokens("replayed steps", check_replay(halyard, artifact, inputs, work, given), want)
    if is_half and "input_ids" in inputs:
        check_many_rows(halyard, artifact, model, work, given)
    elif is_half:
        check_tensor_cores()
    return f"{len(tokens[0])} tokens exact"


if __name__ == "__main__":
    main(check)

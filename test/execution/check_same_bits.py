"""One model's deterministic artifacts: every target gives the same logits, bit by bit.

usage: check_same_bits.py HALYARD MODEL_DIR WORK_DIR AGREEMENT TARGET,TARGET,... [COMPILE_OPTION...]

Sources of the references are continued greedily by every target's artifact, as few as 20 steps need, and the encoder's
output and the logits of all steps are compared as bytes. A level of x86-64 that this machine lacks is named as such;
every other target has to run, by its emulator if need be. The share of tokens that are the reference's, each position given the reference's tokens before it, has
to be AGREEMENT or more.
"""
import json
import pathlib
import sys

import numpy as np

from check_model import references, settings, text
from check_precision import agreement
from halyard_tool import Failure, compile_model, generate, main, runnable

STEPS = 20


def sources(model):
    """(name, inputs) of everything in the references, one source each, unpadded; those of the longest texts first."""
    found, eos = [], settings(model).get("eos_token_id")
    for reference in references(model):
        for row, source in enumerate(reference.inputs[reference.source]):
            if reference.unpadded_length(row) is None:
                length = len(text(reference.values["greedy_ids"][row], eos))
                found.append((length, f"{reference.prompt}[{row}]", {reference.source: source[None]}))
    return [each[1:] for each in sorted(found, key=lambda each: -each[0])]


def results(halyard, artifact, model, work, options):
    """Of each source: its tokens, and the bytes of logits and encoder output."""
    found = {}
    steps = 0
    for name, inputs in sources(model):
        tokens, logits, memory = generate(halyard, artifact, inputs, work, ["--max-new-tokens", STEPS + 4, *options])
        found[name] = (tokens, logits.shape, logits.tobytes(), memory.tobytes())
        steps += logits.shape[1]
        if steps >= STEPS:
            break
    return found


def compare(target, got, base, want):
    for name, (tokens, shape, logits, memory) in want.items():
        if name not in got:
            raise Failure(f"{target} makes longer texts than {base}")
        other = got[name]
        if other[3] != memory:
            raise Failure(f"{name}: the encoder's output of {target} is not that of {base}")
        if other[1] != shape or other[2] != logits:
            a, b = (np.frombuffer(x, np.float32) for x in (other[2], logits))
            far = np.abs(a - b).max() if len(a) == len(b) else float("nan")
            raise Failure(f"{name}: logits of {target} are not those of {base} (up to {far} off)")
        if other[0] != tokens:
            raise Failure(f"{name}: tokens of {target} are not those of {base}")


def check():
    halyard, model, work, needed, targets, *options = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    prompt = json.loads((model / "reference.json").read_text()).get("generate", {}).get("decoder_input_ids")
    decoder = ["--decoder-ids", ",".join(map(str, prompt))] if prompt else []
    here, absent, artifacts, base, want = runnable(halyard), [], [], None, {}
    for target in targets.split(","):
        if target.split("+")[0] not in here:
            if not target.startswith("x86-64"):
                raise Failure(f"{target} does not run here: is its emulator missing?")
            absent.append(target)
            continue
        artifacts.append(compile_model(halyard, model, work / target, ["--numerics", "deterministic", "--target", target, *options]))
        got = results(halyard, artifacts[-1], model, work, decoder)
        if not want:
            base, want = target, got
        compare(target, got, base, want)
    steps = sum(shape[1] for _, shape, *_ in want.values())
    if steps < STEPS:
        raise Failure(f"only {steps} steps were compared, expected {STEPS}")
    share, positions = agreement(halyard, artifacts[0], model, work)
    if share < float(needed):
        raise Failure(f"{share:.1%} of {positions} tokens agree with the reference, expected {float(needed):.1%}")
    missing = f"; not compared, as this machine does not run them: {', '.join(absent)}" if absent else ""
    return f"{steps} steps, the same bits by {len(artifacts)} targets; {share:.1%} of {positions} tokens agree{missing}"


if __name__ == "__main__":
    main(check)

"""Compiles one model folder with narrow weights and counts how often it agrees with the folder's references.

usage: check_precision.py HALYARD MODEL_DIR WORK_DIR AGREEMENT [COMPILE_OPTION...]

Every text of the reference is followed token by token, each position given the reference's tokens before it. The share
of positions whose most likely token is the reference's has to be AGREEMENT or more.
"""
import json
import pathlib
import sys

import numpy as np

from check_model import references, settings, text
from halyard_tool import Failure, compile_model, expect_level, main, run


def following(halyard, artifact, source, prefix, count):
    """The `count` tokens that greedy search puts after a prefix, or those up to its end."""
    command = [halyard, "run", artifact, "--json", "--max-new-tokens", count, "--input", source,
               "--decoder-ids", ",".join(map(str, prefix))]
    return json.loads(run(command))["tokens"][0][len(prefix):]


def disagreements(halyard, artifact, source, want, begin):
    """Positions from `begin` on where the model would have gone another way than the text `want`."""
    found, at = 0, begin
    while at < len(want):
        got = following(halyard, artifact, source, want[:at], len(want) - at)
        same = next((i for i, pair in enumerate(zip(got, want[at:])) if pair[0] != pair[1]), len(want) - at)
        found += at + same < len(want)
        at += same + 1
    return found


def agreement(halyard, artifact, model, work):
    """The share of the reference's tokens that an artifact would have chosen, and how many there are."""
    generate = json.loads((model / "reference.json").read_text()).get("generate", {})
    begin = len(generate.get("decoder_input_ids", [0]))
    wrong = positions = 0
    for reference in references(model):
        name = reference.source
        for row, tokens in enumerate(reference.values["greedy_ids"]):
            if reference.unpadded_length(row) is not None:
                continue
            np.save(work / f"{name}.npy", reference.values[name][row:row + 1])
            want = text(tokens, settings(model).get("eos_token_id"))
            positions += len(want) - begin
            wrong += disagreements(halyard, artifact, f"{name}={work / name}.npy", want, begin)
    return 1 - wrong / max(positions, 1), positions


def check():
    halyard, model, work, needed, *options = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    if "--target" in options:
        expect_level(halyard, options[options.index("--target") + 1])
    artifact = compile_model(halyard, model, work / "model", options)
    share, positions = agreement(halyard, artifact, model, work)
    if not positions or share < float(needed):
        raise Failure(f"{share:.1%} of {positions} tokens agree, expected {float(needed):.1%}")
    return f"{share:.1%} of {positions} tokens agree"


if __name__ == "__main__":
    main(check)

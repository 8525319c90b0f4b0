"""Compiles one model of token sources and checks that a text's logits do not depend on what else is computed.

usage: check_identical.py HALYARD MODEL_DIR WORK_DIR [COMPILE_OPTION...]

The logits of every source, computed alone by one thread, equal bit by bit those computed in batches, in either order
(so in other slots and among other rows) and with more threads.
"""
import json
import pathlib
import sys

import numpy as np

from halyard_tool import Failure, compile_model, main, run

TOKENS = 12


def logits(halyard, artifact, work, sources, threads):
    """Logits of every source, each up to the end of its text."""
    command = [halyard, "run", artifact, "--json", "--threads", threads, "--max-new-tokens", TOKENS,
               "--logits", work / "logits.npy"]
    for source in sources:
        command += ["--ids", ",".join(map(str, source))]
    texts = json.loads(run(command))["tokens"]
    return [rows[:len(text) - 1] for rows, text in zip(np.load(work / "logits.npy"), texts)]


def check():
    halyard, model, work, *options = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    artifact = compile_model(halyard, model, work / "model", options)
    vocabulary = json.loads((model / "config.json").read_text())["vocab_size"]
    random = np.random.default_rng(7)
    sources = [random.integers(3, vocabulary, size=length).tolist() for length in (5, 29, 64, 1, 17, 40)]
    alone = [logits(halyard, artifact, work, [source], 1)[0] for source in sources]
    for threads in (1, 2, 3):
        for order in (list(range(len(sources))), list(reversed(range(len(sources))))):
            together = logits(halyard, artifact, work, [sources[i] for i in order], threads)
            for i, got in zip(order, together):
                if got.shape != alone[i].shape or not np.array_equal(got.view(np.int32), alone[i].view(np.int32)):
                    raise Failure(f"source {i} in a batch of {len(order)}, {threads} threads: other logits than alone")
    return f"{len(sources)} sources, the same bits alone and together"


if __name__ == "__main__":
    main(check)

"""Compiles a model folder and compares every generated token and its logits with ONNX Runtime.

usage: check_onnxruntime.py HALYARD MODEL_DIR WORK_DIR [COMPILE_OPTION...]

Sources of several lengths, a batch among them; ONNX Runtime runs decoder_model.onnx over the whole text for every
token. The model has no end token. Logits agree to 1e-4, absolute plus relative, and a token is the largest logit.
"""
import json
import pathlib
import sys

import numpy as np

from halyard_tool import Failure, compile_model, evaluate, expect_close, generate, main, session

NEW_TOKENS = 20
LENGTHS = ((1,), (4,), (11,), (3, 7, 5))


def check_text(name, model, source, tokens, logits):
    """One text: `source` are its ids, `tokens` and `logits` what the compiled model generated."""
    encoder, decoder = model
    mask = np.ones((1, len(source)), np.int64)
    memory = evaluate(encoder, {"input_ids": source[None], "attention_mask": mask})
    new = len(tokens) - 1
    if new != NEW_TOKENS:
        raise Failure(f"{name}: {new} tokens, expected {NEW_TOKENS}")
    for step in range(new):
        text = np.array([tokens[:step + 1]], np.int64)
        want = evaluate(decoder, {"input_ids": text, "encoder_attention_mask": mask, "encoder_hidden_states": memory})
        expect_close(f"{name} logits of step {step}", logits[step], want[0, -1])
        if tokens[step + 1] != logits[step].argmax():
            raise Failure(f"{name}: token {tokens[step + 1]} at {step + 1}, expected {logits[step].argmax()}")


def check():
    halyard, folder, work, *options = sys.argv[1:]
    folder, work = pathlib.Path(folder), pathlib.Path(work)
    config = json.loads((folder / "config.json").read_text())
    artifact = compile_model(halyard, folder, work / "model", options)
    model = session(folder / "encoder_model.onnx"), session(folder / "decoder_model.onnx")
    random = np.random.default_rng(0)
    for lengths in LENGTHS:
        ids = random.integers(1, config["vocab_size"], (len(lengths), max(lengths)))
        mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
        tokens, logits, _ = generate(halyard, artifact, {"input_ids": ids * mask, "attention_mask": mask}, work,
                                     ["--max-new-tokens", NEW_TOKENS])
        for row, length in enumerate(lengths):
            check_text(f"source of {length}", model, ids[row, :length], tokens[row], logits[row])
    return "logits agree"


if __name__ == "__main__":
    main(check)

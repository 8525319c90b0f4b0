"""Compiles one model folder and compares what it computes with the folder's reference.npz.

usage: check_model.py HALYARD MODEL_DIR WORK_DIR [--quick] [COMPILE_OPTION...]

For every prompt, batches with padding included: the tokens by greedy search and, where the reference has them, with
four beams are equal, and the encoder's output and the first three logits agree to 1e-4, absolute plus relative. Files
that are quantised or of f16 are compared with what ONNX Runtime makes of them (keys ort_*), to 2e-2.
--quick: of the first prompt alone, and without beams.
"""
import itertools
import json
import pathlib
import sys

import numpy as np

from halyard_tool import TOLERANCE, Failure, compile_model, expect_close, generate, main

SOURCES = ("input_ids", "input_features", "input_values", "pixel_values")
LOGITS = 3
RUNTIME, RUNTIME_TOLERANCE = "ort_", 2e-2


def settings(model):
    """config.json with generation_config.json over it."""
    merged = {}
    for name in ("config.json", "generation_config.json"):
        if (model / name).exists():
            merged.update(json.loads((model / name).read_text()))
    return merged


def text(row, eos):
    """A row of the reference up to its end token, which may be its first token as well."""
    row = [int(token) for token in row]
    return row[:row.index(eos, 1) + 1] if eos in row[1:] else row


class Reference:
    """One prompt of a folder's references: its inputs and what a model is to make of them."""

    def __init__(self, model, prompt, values):
        self.model = model
        self.prompt = prompt
        runtime = {name[len(RUNTIME):]: value for name, value in values.items() if name.startswith(RUNTIME)}
        self.values = {**values, **runtime}
        self.tolerance = RUNTIME_TOLERANCE if runtime else TOLERANCE
        self.source = next(name for name in SOURCES if name in self.values)
        self.inputs = {name: self.values[name] for name in (self.source, "attention_mask") if name in self.values}

    def unpadded_length(self, row):
        """How many positions of a row's source are not padding, or None when none is."""
        mask = self.values.get("attention_mask")
        if mask is None or mask[row].all():
            return None
        return int(mask[row].sum())

    def options(self):
        """What it was generated with: for some models the decoder's prompt."""
        ids = json.loads((self.model / "reference.json").read_text()).get("generate", {}).get("decoder_input_ids")
        return ["--decoder-ids", ",".join(map(str, ids))] if ids else []

    def expected(self, row, got):
        """(encoder output or None, logits or None) of a row, of whose encoder output `got` is computed, filled up with zeros:
        padding is dropped, or computed as well where the encoder sees it in spite of its mask."""
        memory, logits = self.values.get("encoder_last_hidden_state"), None
        if "logits" in self.values:
            logits = self.values["logits"][row][:LOGITS]
        if memory is None:
            return None, logits
        rows = int(np.flatnonzero(got.any(axis=1)).max()) + 1
        if rows not in (memory.shape[1], self.unpadded_length(row)):
            raise Failure(f"{self.prompt}[{row}] encoder output: {rows} rows, expected {memory.shape[1]} or those without padding")
        return memory[row][:rows], logits


def references(model):
    """All prompts of reference.npz; of the example, whose references are words and their sounds, all words."""
    if (model / "reference.npz").exists():
        archive = np.load(model / "reference.npz")
        for prompt in sorted({key.split(".")[0] for key in archive.files if key.endswith(".greedy_ids")}):
            names = [key for key in archive.files if key.startswith(prompt + ".")]
            yield Reference(model, prompt, {key.split(".", 1)[1]: archive[key] for key in names})
        return
    letters = json.loads((model / "vocabulary.json").read_text())["letters"]
    for word, sounds in json.loads((model / "reference.json").read_text()).items():
        ids = np.array([[letters.index(letter) for letter in word]], np.int64)
        yield Reference(model, word, {"input_ids": ids, "greedy_ids": np.array([sounds], np.int64)})


def check_prompt(reference, halyard, artifact, scratch, eos, quick):
    with_limit = json.loads((reference.model / "reference.json").read_text()).get("generate", {})
    options = ["--max-new-tokens", with_limit.get("max_new_tokens", 24), *reference.options()]
    for beams, key in ((4, "beam4_ids"), (1, "greedy_ids")):
        if key not in reference.values or (quick and beams > 1):
            continue
        tokens, logits, memory = generate(halyard, artifact, reference.inputs, scratch, [*options, "--num-beams", beams])
        for row, want in enumerate(reference.values[key]):
            if tokens[row] != text(want, eos):
                raise Failure(f"{reference.prompt}[{row}] with {beams} beams: tokens {tokens[row]}, expected {text(want, eos)}")
    for row in range(len(tokens)):
        want_memory, want_logits = reference.expected(row, memory[row])
        if want_memory is not None:
            expect_close(f"{reference.prompt}[{row}] encoder output", memory[row][:len(want_memory)], want_memory,
                         reference.tolerance)
        expect_close(f"{reference.prompt}[{row}] logits", logits[row][:LOGITS], want_logits, reference.tolerance)
    return len(tokens)


def check():
    halyard, model, work, *options = sys.argv[1:]
    quick = options[:1] == ["--quick"]
    model, work = pathlib.Path(model), pathlib.Path(work)
    artifact = compile_model(halyard, model, work / "model", options[quick:])
    texts = 0
    for reference in itertools.islice(references(model), 1 if quick else None):
        eos = settings(model).get("eos_token_id")
        texts += check_prompt(reference, halyard, artifact, work / reference.prompt, eos, quick)
    if not texts:
        raise Failure("reference.npz holds no texts")
    return f"{texts} texts exact"


if __name__ == "__main__":
    main(check)

"""Checks `halyard compile --accuracy` and `--weights auto` on one model folder.

usage: check_accuracy.py HALYARD MODEL_DIR WORK_DIR

 - What the report says of int8 over the texts of the folder's reference.npz is computed again from the logits that
   `halyard run` writes for every position.
 - f32 costs nothing at all, and int4 more than int8.
 - `auto` is within its tolerance, no worse than int8, wider where it has to be, and the same every time.
 - Nothing but the artifact is left.
"""
import json
import pathlib
import shutil
import sys

import numpy as np

from check_model import SOURCES, settings, text
from halyard_tool import Failure, main, run

OPTIONS = ["--target", "host"]


def texts(model):
    """(name of the input, source row, text) of every text of the reference that has no padding."""
    archive = np.load(model / "reference.npz")
    for prompt in sorted({key.split(".")[0] for key in archive.files if key.endswith(".greedy_ids")}):
        name = next(name for name in SOURCES if f"{prompt}.{name}" in archive.files)
        mask = archive.get(f"{prompt}.attention_mask")
        for row, tokens in enumerate(archive[f"{prompt}.greedy_ids"]):
            if mask is None or mask[row].all():
                yield name, archive[f"{prompt}.{name}"][row:row + 1], text(tokens, settings(model).get("eos_token_id"))


def write_data(samples, work):
    """The samples as --accuracy reads them: ids in the lines, features in files."""
    lines = []
    for i, (_, source, tokens) in enumerate(samples):
        if source.dtype.kind == "f":
            np.save(work / f"source{i}.npy", source)
        lines.append({"source": f"source{i}.npy" if source.dtype.kind == "f" else source[0].tolist(), "target": tokens})
    path = work / "data.jsonl"
    path.write_text("".join(json.dumps(line) + "\n\n" for line in lines))
    return path


def report_of(halyard, model, artifact, weights, *options):
    """report.json of the model compiled so."""
    printed = run([halyard, "compile", model, "-o", artifact, "--weights", weights, *OPTIONS, *options])
    left = {path.name for path in artifact.iterdir()}
    if "accuracy" in left or [path for path in artifact.parent.iterdir() if path.name.startswith(".")]:
        raise Failure(f"temporary files are left: {sorted(left)}")
    if not printed.startswith("auto: " if weights == "auto" else "beside f32, over "):
        raise Failure(f"unexpected output: {printed}")
    return json.loads((artifact / "report.json").read_text())


def logits_of(halyard, artifact, samples, work):
    """Logits at every position but the first of all texts, each computed by a run of its own."""
    rows = []
    for name, source, tokens in samples:
        np.save(work / "source.npy", source)
        for at in range(1, len(tokens)):
            run([halyard, "run", artifact, "--input", f"{name}={work / 'source.npy'}", "--max-new-tokens", 1,
                 "--decoder-ids", ",".join(map(str, tokens[:at])), "--logits", work / "logits.npy"])
            rows.append(np.load(work / "logits.npy")[0, 0].astype(np.float64))
    return np.array(rows)


def expected(reference, logits, following):
    """The report's numbers, from logits [positions, vocabulary] and the tokens that follow."""
    def log_softmax(values):
        values = values - values.max(-1, keepdims=True)
        return values - np.log(np.exp(values).sum(-1, keepdims=True))

    def centred(values):
        return values - values.mean(-1, keepdims=True)

    want, got = log_softmax(reference), log_softmax(logits)
    error, scale = centred(logits) - centred(reference), np.sqrt((centred(reference) ** 2).mean())
    each = np.arange(len(following))
    return {"agreement": (reference.argmax(-1) == logits.argmax(-1)).mean(),
            "logit_error": np.sqrt((error ** 2).mean()) / scale,
            "largest_logit_error": np.abs(error).max() / scale,
            "divergence": (np.exp(want) * (want - got)).sum(-1).mean(),
            "perplexity": np.exp(-got[each, following].mean())}


def check_numbers(halyard, model, work, samples, data):
    """int8 as reported against int8 as computed here."""
    reports = {weights: report_of(halyard, model, work / weights, weights, "--accuracy", data)["accuracy"]
               for weights in ("f32", "int8", "int4")}
    logits = {weights: logits_of(halyard, work / weights, samples, work) for weights in ("f32", "int8")}
    following = np.array([token for _, _, tokens in samples for token in tokens[1:]])
    for key, value in expected(logits["f32"], logits["int8"], following).items():
        if not np.isclose(reports["int8"]["all"][key], value, rtol=1e-3, atol=1e-9):
            raise Failure(f"{key} of int8: {reports['int8']['all'][key]} reported, {value} computed")
    exact = reports["f32"]["all"]
    if exact["agreement"] != 1 or exact["logit_error"] != 0 or exact["divergence"] != 0 or reports["f32"]["groups"]:
        raise Failure(f"f32 differs from itself: {reports['f32']}")
    if not reports["int4"]["all"]["divergence"] > reports["int8"]["all"]["divergence"] > 0:
        raise Failure(f"int4 {reports['int4']['all']} is not worse than int8 {reports['int8']['all']}")
    groups = [group["group"] for group in reports["int8"]["groups"]]
    for needed in ("encoder-attention", "encoder-feed-forward", "bind", "decoder-self-attention",
                   "decoder-cross-attention", "decoder-feed-forward", "head", "caches"):
        if needed not in groups:
            raise Failure(f"there is no group '{needed}' among {groups}")
    parts = sum(group["divergence"] for group in reports["int8"]["groups"])
    if not 0.3 < parts / reports["int8"]["all"]["divergence"] < 3:
        raise Failure(f"groups diverge by {parts} in all, the model by {reports['int8']['all']['divergence']}")
    return len(following)


def check_auto(halyard, model, work):
    def auto(name, tolerance, *options):
        return report_of(halyard, model, work / name, "auto", "--tolerance", tolerance, *options)

    narrow = auto("loose", 100)["precision"]
    if narrow["wide"] or narrow["variants_measured"] != 1:
        raise Failure(f"a tolerance of 100% is not all int8: {narrow}")
    tolerance = np.expm1(narrow["divergence"] / 2)
    report = auto("auto", tolerance * 100, "--accuracy", "self")
    choice, cost = report["precision"], report["accuracy"]["all"]
    again = auto("again", tolerance * 100)
    if choice != again["precision"] or report["weights_bytes"] != again["weights_bytes"]:
        raise Failure(f"two choices differ: {choice} and {again['precision']}")
    if not choice["wide"] or not choice["within_tolerance"]:
        raise Failure(f"expected some weights to stay wide, and that to be enough: {choice}")
    if cost["divergence"] > np.log1p(tolerance) or cost["divergence"] != choice["divergence"]:
        raise Failure(f"auto diverges by {cost['divergence']}, its choice by {choice['divergence']}")
    if cost["agreement"] < narrow["agreement"]:
        raise Failure(f"auto agrees with {cost['agreement']} of the tokens, int8 with {narrow['agreement']}")
    return len(choice["wide"])


def check():
    halyard, model, work = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    shutil.rmtree(work, ignore_errors=True)  # what a test that was killed may have left
    work.mkdir(parents=True)
    samples = list(texts(model))
    positions = check_numbers(halyard, model, work, samples, write_data(samples, work))
    return f"{positions} positions, {check_auto(halyard, model, work)} parts wide"


if __name__ == "__main__":
    main(check)

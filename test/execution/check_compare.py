"""bench/compare.py, on a tiny model and beside ONNX Runtime: its tables hold what was asked for. Times are not judged.

usage: check_compare.py HALYARD COMPARE MODEL_DIR WORK_DIR
"""
import json
import pathlib
import shutil
import sys

from halyard_tool import Failure, main, run

ENGINES = ("halyard", "onnxruntime")
NUMBERS = ("encode_ms", "first_token_ms", "tokens_per_s", "load_ms", "peak_rss_mb")
OWN_NUMBERS = ("bound_tokens_per_s", "bind_ms")  # of Halyard alone


def expect(condition, what):
    if not condition:
        raise Failure(what)


def check_results(results):
    seen = {(each["engine"], each["batch"], each["threads"]) for each in results}
    expect(seen == {(engine, batch, 2) for engine in ENGINES for batch in (1, 2)}, f"measured {seen}")
    for each in results:
        for key in NUMBERS:
            expect(each[key] > 0, f"{each['engine']}: {key} is {each[key]}, expected a positive number")
        for key in OWN_NUMBERS:
            expect((each[key] is not None) == (each["engine"] == "halyard"), f"whose {key} is it?")


def check_decode_table(text, results):
    """The first table: a line for each batch, with the best rate of each engine and what they give."""
    decode = text.split("### ")[1].splitlines()
    expect(decode[0] == "Decode, tokens/s", f"the first table is '{decode[0]}'")
    for line, batch in zip(decode[4:6], (1, 2)):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rates = {each["engine"]: each["tokens_per_s"] for each in results if each["batch"] == batch}
        want = ["t5-small", "f32", str(batch), *(f"{rates[engine]:.0f}" for engine in ENGINES)]
        expect(cells[:5] == want, f"{cells}, expected {want}")
        expect(abs(float(cells[5]) - rates["halyard"] / rates["onnxruntime"]) < 0.01, f"ratio {cells[5]}")
        expect(cells[6].endswith("%"), f"share of the bound: {cells[6]}")


def check_encoder_table(text, results):
    """The second: what other engines compute later is not among the encoder's time, but beside it."""
    encoder = text.split("### ")[2].splitlines()
    expect(encoder[0] == "Encoder, ms", f"the second table is '{encoder[0]}'")
    own = next(each for each in results if each["engine"] == "halyard" and each["batch"] == 1)
    cells = [cell.strip() for cell in encoder[4].strip("|").split("|")]
    expect(cells[3] == f"{own['encode_ms']:.1f}" and cells[6] == f"{own['bind_ms']:.1f}", f"{cells}, measured {own}")


def check():
    halyard, compare, model, work = sys.argv[1:]
    work = pathlib.Path(work)
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(model, work / "models" / "t5-small")
    (work / "tables.md").write_text("before\n<!-- written by bench/compare.py -->\nold\n<!-- end -->\nafter\n")
    earlier = {"engine": "halyard", "model": "marian", "precision": "int8", "threads": 2, "batch": 1,
               **dict.fromkeys(OWN_NUMBERS, 2.0), **dict.fromkeys(NUMBERS, 1.0)}
    (work / "results.json").write_text(json.dumps([earlier]))
    run([sys.executable, compare, "--halyard", halyard, "--python", sys.executable, "--cache", work,
         "--models", "t5-small", "--precisions", "f32", "--engines", *ENGINES, "--threads", "2", "--batch", "1", "2",
         "--rounds", "1", "--source", "16", "--new-tokens", "8",
         "--json", work / "results.json", "--output", work / "tables.md"])
    *results, kept = json.loads((work / "results.json").read_text())
    expect(kept == earlier, "results of an earlier run are lost")
    check_results(results)
    text = (work / "tables.md").read_text()
    check_decode_table(text, results)
    check_encoder_table(text, results)
    expect("| marian | int8 | 1 | 1 | - |" in text, "results of an earlier run are not shown")
    expect(text.startswith("before\n") and text.endswith("after\n") and "\nold\n" not in text,
           "only what stands between the marks is replaced")
    return "ok"


if __name__ == "__main__":
    main(check)

"""What `halyard bench` reports, on tiny models: every number is there and fits the others. Times are not judged.

usage: check_bench.py HALYARD WORK_DIR MODEL_DIR...
"""
import json
import pathlib
import sys

from halyard_tool import Failure, compile_model, main, run

NUMBERS = ("load_s", "load_to_first_token_ms", "encode_ms", "first_token_ms", "tokens_per_s", "peak_rss_bytes",
           "step_ms", "step_of_4_rows_ms", "weights_bytes", "arena_bytes", "bytes_per_step", "bound_tokens_per_s", "ratio_to_bound")
QUICK = ["--new-tokens", "8", "--repetitions", "2", "--threads", "2"]


def expect(condition, what):
    if not condition:
        raise Failure(what)


def check_numbers(report, batch, numbers=NUMBERS):
    for key in numbers:
        expect(report.get(key, 0) > 0, f"{key}: {report.get(key)}, expected a positive number")
    for key, want in (("batch", batch), ("new_tokens", 8), ("threads", 2)):
        expect(report[key] == want, f"{key}: {report[key]}, expected {want}")
    ratio = report["tokens_per_s"] / report["bound_tokens_per_s"]
    expect(abs(report["ratio_to_bound"] - ratio) < 1e-6 * ratio, "ratio_to_bound is not what the rates give")
    expect(report["load_to_first_token_ms"] > report["load_s"] * 1e3, "the first token came before loading was done")


def check_model(halyard, model, artifact):
    compile_model(halyard, model, artifact, ["--max-target", "16"])
    one, two = (json.loads(run([halyard, "bench", artifact, "--json", "--batch", batch, *QUICK])) for batch in (1, 2))
    check_numbers(one, 1)
    check_numbers(two, 2)
    said = json.loads(run([halyard, "inspect", artifact, "--json"]))
    expect(one["weights_bytes"] == said["weights_bytes"], "weights_bytes differ from the artifact's report")
    weights = said["cost"]["step"]["weight_bytes"]
    kept = one["bytes_per_step"] - weights  # keys and values of one text
    expect(kept > 0 and two["bytes_per_step"] == weights + 2 * kept, "keys and values are not counted for each text")


def check_profile(halyard, artifact):
    """Every stage has its kernels, and together they cost what the compiler counted for a step."""
    report = json.loads(run([halyard, "bench", artifact, "--json", "--profile", *QUICK]))
    check_numbers(report, 1, [key for key in NUMBERS if not key.startswith("step_")])
    kernels = report["profile"]
    expect({each["stage"] for each in kernels} == {"encode", "bind", "step"}, "expected kernels of each stage")
    for each in kernels:
        for key in ("calls", "us", "bytes", "share_of_bound"):
            expect(each[key] > 0, f"{each['kernel']}: {key} is {each[key]}, expected a positive number")
    step = [each for each in kernels if each["stage"] == "step"]
    cost = json.loads(run([halyard, "inspect", artifact, "--json"]))["cost"]["step"]
    linear = sum(each["flop"] for each in step if "attention" not in each["kernel"])
    expect_near("multiply-adds of a step", linear / 2, cost["multiply_adds"])
    attention = sum(each["flop"] for each in step if "attention" in each["kernel"])
    expect(attention > 0, "attention computes nothing")
    read = sum(each["bytes"] for each in step)
    expect(report["bytes_per_step"] < read < 2 * report["bytes_per_step"],
           f"kernels read {read} bytes, a step has to read {report['bytes_per_step']}")
    text = run([halyard, "bench", artifact, "--profile", *QUICK])
    expect("of the bound  kernel" in text and step[0]["kernel"] in text, f"unexpected text: {text}")


def expect_near(what, got, want):
    expect(abs(got - want) <= 0.01 * want, f"{what}: {got}, expected {want} within 1%")


def check_length(halyard, artifact):
    """A longer source has more keys and values to read."""
    short, long = (json.loads(run([halyard, "bench", artifact, "--json", "--source-length", length, *QUICK]))
                   for length in (8, 32))
    expect((short["source_length"], long["source_length"]) == (8, 32), "--source-length is not what was asked for")
    expect(long["bytes_per_step"] > short["bytes_per_step"], "a longer source is not more to read")
    text = run([halyard, "bench", artifact, "--pin", "--threads", "1", "--new-tokens", "4", "--repetitions", "1"])
    expect("tokens/s" in text and "of the bound" in text, f"unexpected text: {text}")


def check():
    halyard, work, *models = sys.argv[1:]
    work = pathlib.Path(work)
    for model in map(pathlib.Path, models):
        check_model(halyard, model, work / model.name)
    check_length(halyard, work / pathlib.Path(models[0]).name)
    check_profile(halyard, work / pathlib.Path(models[0]).name)
    return "ok"


if __name__ == "__main__":
    main(check)

"""Measures Halyard beside ONNX Runtime, OpenVINO and CTranslate2 on this machine and prints tables of ratios.

    python bench/compare.py [--models t5-small ...] [--precisions f32 int8 ...] [--engines halyard onnxruntime ...]

The first run makes an environment with the other engines, writes the models (real sizes, random weights) and
quantises them; all of it is kept in a cache folder. Then, for every model, precision and number of threads, all
engines are loaded, and take turns: each round measures every engine once at every batch size, so that whatever else
the machine does slows all alike. Medians over the rounds are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import sys
from dataclasses import asdict

import report
from runners import SUPPORTED, Failed, Loaded, Sample, Settings, Task, start

MODELS = ("t5-small", "marian", "whisper-tiny", "m330")
PRECISIONS = ("f32", "bf16", "int8", "int4")
BUILD = pathlib.Path(__file__).resolve().parent.parent / "build"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--engines", nargs="+", choices=list(SUPPORTED), default=list(SUPPORTED))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="numbers of threads [1 2]")
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8], help="batch sizes [1 8]")
    parser.add_argument("--rounds", type=int, default=7, help="measurements that medians are taken over [7]")
    parser.add_argument("--source", type=int, default=128, help="source tokens; recordings have 30 s [128]")
    parser.add_argument("--new-tokens", type=int, default=64, help="tokens generated [64]")
    parser.add_argument("--halyard", type=pathlib.Path, default=BUILD / "bin" / "halyard", help="the compiler")
    parser.add_argument("--cache", type=pathlib.Path, default=BUILD / "bench", help="folder for all that is kept")
    parser.add_argument("--python", type=pathlib.Path, help="interpreter that has the other engines [made for it]")
    parser.add_argument("--output", type=pathlib.Path, help="Markdown file for the tables, between its marks")
    parser.add_argument("--json", type=pathlib.Path, help="file for every number, beside those of earlier runs")
    return parser.parse_args()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def load(settings: Settings, tasks: list[Task], threads: int) -> dict[Task, object]:
    """The engines that could be started."""
    running = {}
    for task in tasks:
        try:
            running[task] = start(settings, task, threads)
        except Failed as failure:
            say(f"{task.engine} {task.model} {task.precision}: left out: {failure}")
    return running


def measure(running: dict[Task, object], batches: list[int], rounds: int) -> dict[Task, Loaded]:
    found = {task: runner.loaded for task, runner in running.items()}
    for _ in range(rounds):
        for batch in batches:
            for task, runner in running.items():
                found[task].samples.setdefault(batch, []).append(runner.measure(batch))
    for runner in running.values():
        runner.close()
    return found


def results_of(task: Task, threads: int, loaded: Loaded) -> list[dict]:
    results = []
    for batch, samples in loaded.samples.items():
        medians = {
            key: report.median([getattr(sample, key) for sample in samples]) for key in Sample.__dataclass_fields__
        }
        once = {"load_ms": loaded.load_ms, "peak_rss_mb": loaded.peak_rss_mb}
        results.append({**asdict(task), "threads": threads, "batch": batch, **medians, **once})
    return results


def place(result: dict) -> tuple:
    """Where a result belongs in the order of tables; the same for two measurements of one thing."""
    return (MODELS.index(result["model"]), PRECISIONS.index(result["precision"]), result["batch"],
            result["threads"], result["engine"])  # fmt: skip


def with_earlier(path: pathlib.Path | None, results: list[dict]) -> list[dict]:
    """All that is known, of which what is measured now replaces what was measured before."""
    earlier = json.loads(path.read_text()) if path and path.exists() else []
    known = {place(result): result for result in [*earlier, *results]}
    return [known[key] for key in sorted(known)]


def machine() -> str:
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        names = [line for line in open("/proc/cpuinfo") if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return f"{model}, {len(os.sched_getaffinity(0))} processors, {platform.system()}"


def describe(options: argparse.Namespace) -> str:
    return (
        f"Measured on {machine()}: medians of {options.rounds} interleaved rounds, source {options.source} "
        f"(recordings 30 s), {options.new_tokens} new tokens, each engine at the faster of "
        f"{' and '.join(map(str, options.threads))} threads. \"ratio\" is Halyard to the best other engine at the same "
        "precision; above 1, Halyard is ahead. Encoder times of a batch are for all its sources. What Halyard computes "
        "of cross-attention's keys and values in the same call, and others with the first token, stands beside it. "
        "Memory and load are of the process at batch 1; peers' values include what Python needs to hold them.\n"
    )


def main() -> None:
    options = parse()
    cache = options.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        cache, options.halyard.resolve(), options.python, options.source, options.new_tokens, max(options.batch)
    )
    results: list[dict] = []
    for model in options.models:
        for precision in options.precisions:
            tasks = [Task(engine, model, precision) for engine in options.engines]
            for threads in options.threads:
                say(f"{model} {precision}, {threads} threads")
                running = load(settings, [task for task in tasks if task.possible()], threads)
                for task, loaded in measure(running, options.batch, options.rounds).items():
                    results += results_of(task, threads, loaded)
                results = with_earlier(options.json, results)
                if options.json:
                    options.json.write_text(json.dumps(results, indent=1))
    text = describe(options) + "\n" + report.tables(results, options.engines)
    print(text)
    if options.output:
        report.write(options.output, text)


if __name__ == "__main__":
    main()

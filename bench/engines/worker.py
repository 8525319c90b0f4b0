"""One engine with one model in a process of its own, so that its threads and memory are its own.

    python -m engines.worker prepare ENGINE NAME MODEL_DIR PREPARED PRECISION
    python -m engines.worker serve   ENGINE NAME MODEL_DIR PREPARED PRECISION --threads N --source N --new-tokens N

`serve` loads the model and then answers every line of standard input, a batch size, by a line of JSON; the first line
of output, before any input, says what loading took, and the last, after the end of input, the memory.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pathlib
import resource
import sys
import time
from dataclasses import asdict

from .base import Engine, Workload

ENGINES = {"onnxruntime": "OnnxRuntime", "openvino": "OpenVino", "ctranslate2": "CTranslate2"}


def engine(name: str) -> type[Engine]:
    return getattr(importlib.import_module(f"engines.{name}"), ENGINES[name])


def resident_bytes() -> int:
    """Largest so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def serve(options: argparse.Namespace, work: Workload, answers) -> None:
    kind = engine(options.engine)
    before, began = resident_bytes(), time.perf_counter()
    running = kind(work, options.prepared, options.precision, options.threads)
    loaded = time.perf_counter() - began
    running.measure(1)
    print(json.dumps({"load_s": loaded, "peak_rss_bytes": resident_bytes() - before}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(asdict(running.measure(int(line)))), file=answers, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("prepare", "serve"))
    parser.add_argument("engine", choices=list(ENGINES))
    parser.add_argument("name")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("prepared", type=pathlib.Path)
    parser.add_argument("precision")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--source", type=int, default=128)
    parser.add_argument("--new-tokens", type=int, default=64)
    options = parser.parse_args()
    work = Workload(options.folder, options.source, options.new_tokens)
    if options.action == "prepare":
        options.prepared.mkdir(parents=True, exist_ok=True)
        engine(options.engine).prepare(options.name, work, options.prepared, options.precision)
        return
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever engines print does not mix with the answers
    serve(options, work, answers)


if __name__ == "__main__":
    main()

"""What is measured, behind one interface: Halyard by `halyard bench`, every other engine by a worker process."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Any, Optional

import environment

BENCH = pathlib.Path(__file__).resolve().parent
SUPPORTED = {
    "halyard": ("f32", "bf16", "int8", "int4"),
    "onnxruntime": ("f32", "int8", "int4"),
    "openvino": ("f32", "bf16", "int8", "int4"),
    "ctranslate2": ("f32", "bf16", "int8"),
}
WITHOUT = {("ctranslate2", "m330")}  # models that an engine cannot run


@dataclass(frozen=True)
class Task:
    """One engine with one model at one precision."""

    engine: str
    model: str
    precision: str

    def possible(self) -> bool:
        return self.precision in SUPPORTED[self.engine] and (self.engine, self.model) not in WITHOUT


@dataclass
class Settings:
    cache: pathlib.Path
    halyard: pathlib.Path
    given_python: Optional[pathlib.Path]
    source: int
    new_tokens: int
    largest_batch: int
    compiled: set[pathlib.Path] = field(default_factory=set)  # artifacts made by this run

    @property
    def python(self) -> pathlib.Path:
        """The interpreter that other engines run in; made when it is first needed."""
        if not self.given_python:
            self.given_python = environment.python_of(self.cache / "environment")
        return self.given_python


@dataclass
class Sample:
    """One measurement; milliseconds and tokens per second of the whole batch. `encode_ms` is of the encoder alone,
    `bind_ms` of keys and values of cross-attention, which other engines compute when they decode the first token."""

    encode_ms: Optional[float]
    first_token_ms: float
    tokens_per_s: float
    bound_tokens_per_s: Optional[float] = None
    bind_ms: Optional[float] = None


@dataclass
class Loaded:
    load_ms: float
    peak_rss_mb: float
    samples: dict[int, list[Sample]] = field(default_factory=dict)  # by batch


class Failed(Exception):
    """An engine cannot do what was asked; the text is the end of what it said."""


def call(command: list[Any], folder: Optional[pathlib.Path] = None) -> str:
    try:
        done = subprocess.run([str(x) for x in command], cwd=folder, capture_output=True, text=True)
    except OSError as error:
        raise Failed(str(error)) from error
    if done.returncode:
        raise Failed(" ".join((done.stderr or done.stdout).strip().splitlines()[-1:]) or f"exit {done.returncode}")
    return done.stdout


def write_model(settings: Settings, model: str) -> pathlib.Path:
    folder = settings.cache / "models" / model
    if not (folder / "config.json").exists():
        call([settings.python, "models.py", "--output", folder.parent, "--models", model], BENCH)
    return folder


class Halyard:
    def __init__(self, settings: Settings, task: Task, threads: int) -> None:
        self.settings, self.threads = settings, threads
        self.artifact = settings.cache / "artifacts" / f"{task.model}_{task.precision}".replace("-", "_")
        model = write_model(settings, task.model)
        audio = "num_mel_bins" in json.loads((model / "config.json").read_text())
        if self.artifact not in settings.compiled:
            lengths = [] if audio else ["--max-source", settings.source]
            call([settings.halyard, "compile", model, "-o", self.artifact, "--weights", task.precision,
                  "--target", "host",
                  "--max-target", settings.new_tokens, "--slots", settings.largest_batch,
                  "--max-rows", settings.largest_batch, *lengths])  # fmt: skip
            settings.compiled.add(self.artifact)
        self.length = [] if audio else ["--source-length", settings.source]
        first = self.bench(1, 1)
        self.loaded = Loaded(first["load_s"] * 1e3, first["peak_rss_bytes"] * 1e-6)
        self.bind_share = self.share_of_bind()

    def bench(self, batch: int, repetitions: int, *more: str) -> dict[str, Any]:
        return json.loads(call([self.settings.halyard, "bench", self.artifact, "--json", "--batch", batch,
                                "--threads", self.threads, "--repetitions", repetitions,
                                "--new-tokens", self.settings.new_tokens, *self.length, *more]))  # fmt: skip

    def share_of_bind(self) -> float:
        """Of the time that encoding takes. One call does both parts, and only a profile tells them apart."""
        times = {"encode": 0.0, "bind": 0.0}
        for kernel in self.bench(1, 5, "--profile")["profile"]:
            if kernel["stage"] in times:
                times[kernel["stage"]] += kernel["us"]
        return times["bind"] / sum(times.values())

    def measure(self, batch: int) -> Sample:
        numbers = self.bench(batch, 1)
        both = numbers["encode_ms"]
        return Sample(both * (1 - self.bind_share), numbers["first_token_ms"], numbers["tokens_per_s"],
                      numbers["bound_tokens_per_s"], both * self.bind_share)  # fmt: skip

    def close(self) -> None:
        pass


class Peer:
    def __init__(self, settings: Settings, task: Task, threads: int) -> None:
        self.settings = settings
        prepared = settings.cache / "prepared" / f"{task.model}-{task.engine}-{task.precision}"
        model = write_model(settings, task.model)
        identity = [task.engine, task.model, model, prepared, task.precision]
        worker = [settings.python, "-m", "engines.worker"]
        if not (prepared / "prepared").exists():
            shutil.rmtree(prepared, ignore_errors=True)
            call([*worker, "prepare", *identity], BENCH)
            (prepared / "prepared").touch()
        command = [*worker, "serve", *identity, "--threads", threads, "--source", settings.source,
                   "--new-tokens", settings.new_tokens]  # fmt: skip
        self.process = subprocess.Popen(
            [str(x) for x in command], cwd=BENCH, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        first = self.answer()
        self.loaded = Loaded(first["load_s"] * 1e3, first["peak_rss_bytes"] * 1e-6)

    def answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"its worker ended with {self.process.wait()}")
        return json.loads(line)

    def measure(self, batch: int) -> Sample:
        print(batch, file=self.process.stdin, flush=True)
        times = self.answer()
        rest = (self.settings.new_tokens - 1) * batch / (times["generate"] - times["first_token"])
        return Sample(times["encode"] and times["encode"] * 1e3, times["first_token"] * 1e3, rest)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def start(settings: Settings, task: Task, threads: int) -> Halyard | Peer:
    return (Halyard if task.engine == "halyard" else Peer)(settings, task, threads)

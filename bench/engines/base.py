"""What every engine can do: be prepared once for a precision, be loaded, encode, and generate greedily."""

from __future__ import annotations

import abc
import json
import pathlib
import time
from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np


@dataclass
class Workload:
    """A model's folder and what is asked of it."""

    folder: pathlib.Path
    source: int
    new_tokens: int

    @property
    def config(self) -> dict:
        return json.loads((self.folder / "config.json").read_text())

    @property
    def start(self) -> int:
        return json.loads((self.folder / "generation_config.json").read_text())["decoder_start_token_id"]

    @property
    def audio(self) -> bool:
        return "num_mel_bins" in self.config

    def features(self, batch: int) -> np.ndarray:
        shape = (batch, self.config["num_mel_bins"], 2 * self.config["max_source_positions"])
        return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)

    def ids(self, batch: int) -> np.ndarray:
        """Random source tokens; small ids, which are special ones in many vocabularies, are left out."""
        return np.random.default_rng(1).integers(10, self.config["vocab_size"] - 10, (batch, self.source))


@dataclass
class Times:
    """Seconds. `encode` is None where an engine has no call that only encodes."""

    encode: Optional[float]
    first_token: float
    generate: float


class Engine(abc.ABC):
    """Greedy search of exactly `new_tokens` tokens, with the fastest interface that the engine offers."""

    PRECISIONS: tuple[str, ...] = ()

    def __init__(self, work: Workload, prepared: pathlib.Path, precision: str, threads: int) -> None:
        self.work = work

    @staticmethod
    @abc.abstractmethod
    def prepare(name: str, work: Workload, prepared: pathlib.Path, precision: str) -> None:
        """Writes what is loaded into the folder `prepared`."""

    @abc.abstractmethod
    def encode(self, batch: int) -> bool:
        """Encodes once; False if there is no such call."""

    @abc.abstractmethod
    def generate(self, batch: int, tokens: int, on_first: Callable[[], None]) -> None:
        """Encodes and generates `tokens` tokens for every source; calls back when each has its first, if it can."""

    def measure(self, batch: int) -> Times:
        began = time.perf_counter()
        encodes = self.encode(batch)
        encode = time.perf_counter() - began if encodes else None
        first, total = self.seconds(batch, self.work.new_tokens)
        if first is None:
            _, first = self.seconds(batch, 1)
        return Times(encode, first, total)

    def seconds(self, batch: int, tokens: int) -> tuple[Optional[float], float]:
        """Until the first token of every text, if the engine tells, and until the last."""
        firsts: list[float] = []
        began = time.perf_counter()
        self.generate(batch, tokens, lambda: firsts.append(time.perf_counter()))
        total = time.perf_counter() - began
        return firsts[0] - began if firsts else None, total

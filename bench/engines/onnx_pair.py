"""Greedy search over three graphs: the encoder, the decoder's first call, and its calls with caches."""

from __future__ import annotations

import abc
from typing import Any, Callable

import numpy as np

from .base import Engine

FILES = ("encoder_model.onnx", "decoder_model.onnx", "decoder_with_past_model.onnx")


class OnnxPair(Engine):
    """An engine implements `call`; values that one graph gives another stay in the engine's own form."""

    graphs: list[Any]  # encoder, first, following

    @abc.abstractmethod
    def call(self, graph: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        """Outputs of a graph by name."""

    @abc.abstractmethod
    def array(self, value: Any) -> np.ndarray:
        """A value as an array."""

    @abc.abstractmethod
    def value(self, array: np.ndarray) -> Any:
        """An array as a value."""

    def inputs(self, batch: int) -> dict[str, Any]:
        if self.work.audio:
            return {"input_features": self.value(self.work.features(batch))}
        ids = self.work.ids(batch)
        return {"input_ids": self.value(ids), "attention_mask": self.value(np.ones_like(ids))}

    def encode(self, batch: int) -> bool:
        self.call(self.graphs[0], self.inputs(batch))
        return True

    def generate(self, batch: int, tokens: int, on_first: Callable[[], None]) -> None:
        inputs = self.inputs(batch)
        encoder, first, following = self.graphs
        given = {"input_ids": self.value(np.full((batch, 1), self.work.start, dtype=np.int64))}
        if "attention_mask" in inputs:
            given["encoder_attention_mask"] = inputs["attention_mask"]
        given["encoder_hidden_states"] = self.call(encoder, inputs)["last_hidden_state"]
        outputs = self.call(first, given)
        del given["encoder_hidden_states"]
        chosen = self.best(outputs)
        on_first()
        for _ in range(tokens - 1):
            given["input_ids"] = self.value(chosen)
            for name, value in outputs.items():
                if name != "logits":
                    given[name.replace("present", "past_key_values")] = value
            outputs = self.call(following, given)
            chosen = self.best(outputs)

    def best(self, outputs: dict[str, Any]) -> np.ndarray:
        return self.array(outputs["logits"])[:, -1].argmax(-1)[:, None]

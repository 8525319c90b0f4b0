"""CTranslate2: converted from the same weights; it knows T5, Marian and Whisper, not the 330M model."""

from __future__ import annotations

import pathlib
from typing import Callable

import ctranslate2
import numpy as np

from .base import Engine, Times, Workload

TYPES = {"f32": "float32", "bf16": "bfloat16", "int8": "int8_float32"}
WHISPER = {50257: "<|endoftext|>", 50258: "<|startoftranscript|>", 50363: "<|notimestamps|>"}
SPECIAL = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}


def check(lengths: list[int], tokens: int) -> None:
    """What is timed must be what was asked for."""
    if any(length != tokens for length in lengths):
        raise RuntimeError(f"generated {lengths} tokens instead of {tokens}")


class CTranslate2(Engine):
    PRECISIONS = ("f32", "bf16", "int8")

    @staticmethod
    def prepare(name: str, work: Workload, prepared: pathlib.Path, precision: str) -> None:
        from ctranslate2.converters import transformers as converters

        import models

        model = models.build(name).source
        if model is None:
            raise NotImplementedError("not a model that CTranslate2 converts")
        loader = converters._MODEL_LOADERS[type(model.config).__name__]
        spec = loader.get_model_spec(model)
        projection = spec.decoder.projection.weight
        tokens = [f"t{i}" for i in range(projection.shape[0])]
        tokens[:3] = SPECIAL.values()
        for index, token in WHISPER.items() if work.audio else ():
            tokens[index] = token
        loader.set_vocabulary(spec, tokens)
        if not work.audio:
            for key, token in SPECIAL.items():
                setattr(spec.config, key, token)
            spec.config.decoder_start_token = tokens[min(work.start, len(tokens) - 1)]
        spec.validate()
        spec.optimize(quantization=TYPES[precision])
        spec.save(str(prepared))

    def __init__(self, work: Workload, prepared: pathlib.Path, precision: str, threads: int) -> None:
        super().__init__(work, prepared, precision, threads)
        load = ctranslate2.models.Whisper if work.audio else ctranslate2.Translator
        self.model = load(
            str(prepared), device="cpu", compute_type=TYPES[precision], intra_threads=threads, inter_threads=1
        )

    def encode(self, batch: int) -> bool:
        if self.work.audio:
            features = ctranslate2.StorageView.from_array(np.ascontiguousarray(self.work.features(batch)))
            self.encoded = self.model.encode(features)
        return self.work.audio

    def generate(self, batch: int, tokens: int, on_first: Callable[[], None]) -> None:
        if self.work.audio:
            results = self.model.generate(
                self.encoded, [[self.work.start]] * batch, beam_size=1, max_length=2 * tokens,  # half of it is for text
                suppress_tokens=[min(WHISPER)], suppress_blank=False,
            )  # fmt: skip
            check([len(result.sequences_ids[0]) for result in results], tokens)
            return
        seen = iter(range(1, batch + 1))

        def on_token(_: ctranslate2.GenerationStepResult) -> bool:
            if next(seen, None) == batch:
                on_first()
            return False

        sources = [[f"t{i}" for i in row] for row in self.work.ids(batch)]
        results = self.model.translate_batch(
            sources, beam_size=1, max_decoding_length=tokens, min_decoding_length=tokens, max_input_length=0,
            callback=on_token,
        )  # fmt: skip
        check([len(result.hypotheses[0]) for result in results], tokens)

    def measure(self, batch: int) -> Times:
        """Whisper's generation takes what was encoded before, and tells nothing of its first token."""
        times = super().measure(batch)
        if times.encode is None:
            return times
        return Times(times.encode, times.encode + times.first_token, times.encode + times.generate)

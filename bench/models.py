"""Writes the models that are measured: real sizes, random weights, under the file names Hugging Face's exporter uses.

    python bench/models.py --output DIR [--models t5-small marian whisper-tiny m330]

Every model's folder gets encoder_model.onnx, decoder_model.onnx (whole texts), decoder_with_past_model.onnx (one
token, caches in and out), config.json and generation_config.json. No end token is set, so that a text never ends
early, and weights come from one seed, so that every engine is given the same ones.
"""

from __future__ import annotations

import argparse
import json
import logging
import pathlib
import warnings
from dataclasses import asdict, dataclass
from typing import Any, Callable, Optional

import torch
import transformers as hf
from transformers.cache_utils import EncoderDecoderCache

from slm import Slm, SlmConfig, causal_mask

OPSET = 18
SOURCE, TARGET = 11, 5  # lengths of the example inputs that are traced
Past = list[tuple[torch.Tensor, ...]]


class HfDecoder(torch.nn.Module):
    """A decoder of transformers behind the interface that Slm.decode has."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def decode(
        self,
        input_ids: torch.Tensor,
        encoder_attention_mask: Optional[torch.Tensor],
        memory: Optional[torch.Tensor],
        past: Optional[Past],
    ) -> tuple[torch.Tensor, Past]:
        if memory is None:  # only its extent is looked at once there are cross keys and values
            length = past[0][2].shape[2]
            memory = torch.zeros(input_ids.shape[0], length, self.model.config.d_model)
        masks = {"attention_mask": encoder_attention_mask}
        if encoder_attention_mask is None:  # Whisper: its own mask is made by vmap, which cannot be traced
            before = past[0][0].shape[2] if past else 0
            masks = {"decoder_attention_mask": causal_mask(input_ids.shape[1], before)[None, None]}
        out = self.model(
            decoder_input_ids=input_ids,
            encoder_outputs=(memory,),
            past_key_values=EncoderDecoderCache.from_legacy_cache(past) if past else None,
            use_cache=True,
            return_dict=True,
            **masks,
        )
        return out.logits, list(out.past_key_values.to_legacy_cache())


class HfEncoder(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder = model.get_encoder()

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.encoder(*inputs, return_dict=True).last_hidden_state


@dataclass
class Model:
    """What is exported, and the folder's configuration."""

    encoder: torch.nn.Module
    decoder: Any  # has decode()
    layers: int
    config: dict[str, Any]
    start: int
    audio: bool = False
    source: Any = None  # the transformers model, if it is one


def from_hf(model: Any, start: int, audio: bool = False) -> Model:
    plain = (int, float, str, bool, type(None))
    config = {key: value for key, value in model.config.to_dict().items() if isinstance(value, plain)}
    for key in ("eos_token_id", "forced_eos_token_id", "forced_bos_token_id"):
        config[key] = None
    layers = config.get("num_decoder_layers") or config.get("decoder_layers")
    return Model(HfEncoder(model), HfDecoder(model), layers, config, start, audio, model)


def t5_small() -> Model:
    config = hf.T5Config(
        vocab_size=32128, d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_heads=8, n_positions=512,
        decoder_start_token_id=0,
    )  # fmt: skip
    return from_hf(hf.T5ForConditionalGeneration(config), 0)


def marian() -> Model:
    vocabulary = 59514
    config = hf.MarianConfig(
        vocab_size=vocabulary, d_model=512, encoder_layers=6, decoder_layers=6, encoder_attention_heads=8,
        decoder_attention_heads=8, encoder_ffn_dim=2048, decoder_ffn_dim=2048, max_position_embeddings=512,
        activation_function="swish", scale_embedding=True, pad_token_id=vocabulary - 1,
        decoder_start_token_id=vocabulary - 1,
    )  # fmt: skip
    config._attn_implementation = "eager"
    return from_hf(hf.MarianMTModel(config), vocabulary - 1)


def whisper_tiny() -> Model:
    config = hf.WhisperConfig(
        vocab_size=51865, d_model=384, encoder_layers=4, decoder_layers=4, encoder_attention_heads=6,
        decoder_attention_heads=6, encoder_ffn_dim=1536, decoder_ffn_dim=1536, decoder_start_token_id=50258,
    )  # fmt: skip
    config._attn_implementation = "eager"
    return from_hf(hf.WhisperForConditionalGeneration(config), 50258, audio=True)


def m330() -> Model:
    config, model = SlmConfig(), Slm(SlmConfig())
    with torch.no_grad():
        model.encoder.embedding.weight.mul_(config.d_model**-0.5)
    described = {
        "model_type": "slm",
        "is_encoder_decoder": True,
        "max_position_embeddings": config.max_positions,
        **asdict(config),
    }
    return Model(model.encoder, model, config.decoder_layers, described, 0)


MODELS: dict[str, Callable[[], Model]] = {
    "t5-small": t5_small,
    "marian": marian,
    "whisper-tiny": whisper_tiny,
    "m330": m330,
}


def build(name: str) -> Model:
    torch.manual_seed(0)
    model = MODELS[name]()
    model.encoder.eval()
    model.decoder.eval()
    return model


def cache_names(prefix: str, layers: int, kinds: tuple[str, ...]) -> list[str]:
    return [f"{prefix}.{i}.{kind}.{part}" for i in range(layers) for kind in kinds for part in ("key", "value")]


def axes(name: str) -> dict[int, str]:
    """Which axes of an input or output vary, by its name."""
    if name in ("input_ids#decoder", "logits"):
        return {0: "batch_size", 1: "decoder_sequence_length"}
    if name.startswith(("past_key_values", "present")):
        length = "encoder_sequence_length" if ".encoder." in name else "past_decoder_sequence_length"
        return {0: "batch_size", 2: length + ("_out" if name.startswith("present") else "")}
    if name == "input_features":
        return {0: "batch_size"}
    return {0: "batch_size", 1: "encoder_sequence_length"}


class Decoder(torch.nn.Module):
    """The decoder over flat lists of tensors, as an exporter wants it."""

    def __init__(self, model: Model, with_past: bool) -> None:
        super().__init__()
        self.model, self.with_past = model, with_past
        self.inner = model.decoder

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rest = list(inputs)
        ids = rest.pop(0)
        mask = None if self.model.audio else rest.pop(0)
        memory = None if self.with_past else rest.pop(0)
        past = [tuple(rest[i : i + 4]) for i in range(0, len(rest), 4)] if self.with_past else None
        logits, present = self.inner.decode(ids, mask, memory, past)
        kept = 2 if self.with_past else 4  # cross keys and values never change
        return (logits, *(x for layer in present for x in layer[:kept]))


def export(module: torch.nn.Module, inputs: dict[str, torch.Tensor], outputs: list[str], path: pathlib.Path) -> None:
    decoder = isinstance(module, Decoder)
    dynamic = {n: axes("input_ids#decoder" if decoder and n == "input_ids" else n) for n in (*inputs, *outputs)}
    torch.onnx.export(
        module, tuple(inputs.values()), str(path), input_names=list(inputs), output_names=outputs,
        dynamic_axes=dynamic, opset_version=OPSET, dynamo=False,
    )  # fmt: skip


def encoder_inputs(model: Model) -> dict[str, torch.Tensor]:
    if model.audio:
        frames = 2 * model.config["max_source_positions"]
        return {"input_features": torch.randn(2, model.config["num_mel_bins"], frames)}
    ids = torch.randint(3, 90, (2, SOURCE))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def write_onnx(model: Model, folder: pathlib.Path, with_past: bool) -> None:
    inputs = encoder_inputs(model)
    memory = model.encoder(*inputs.values())
    export(model.encoder, inputs, ["last_hidden_state"], folder / "encoder_model.onnx")
    first = {"input_ids": torch.randint(3, 90, (2, TARGET))}
    if not model.audio:
        first["encoder_attention_mask"] = inputs["attention_mask"]
    no_past = Decoder(model, False)
    presents = cache_names("present", model.layers, ("decoder", "encoder"))
    export(no_past, first | {"encoder_hidden_states": memory}, ["logits", *presents], folder / "decoder_model.onnx")
    if not with_past:
        return
    caches = no_past(*first.values(), memory)[1:]
    following = first | {"input_ids": first["input_ids"][:, -1:]}
    following |= dict(zip(cache_names("past_key_values", model.layers, ("decoder", "encoder")), caches))
    presents = cache_names("present", model.layers, ("decoder",))
    export(Decoder(model, True), following, ["logits", *presents], folder / "decoder_with_past_model.onnx")


def write_configuration(model: Model, folder: pathlib.Path) -> None:
    (folder / "config.json").write_text(json.dumps(model.config, indent=1))
    generation = {"decoder_start_token_id": model.start, "max_new_tokens": 64}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=1))


def write(name: str, output: pathlib.Path, with_past: bool) -> None:
    folder = output / name
    folder.mkdir(parents=True, exist_ok=True)
    model = build(name)
    with torch.no_grad():
        write_onnx(model, folder, with_past)
    write_configuration(model, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder that gets a folder per model")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--no-past", action="store_true", help="leave decoder_with_past_model.onnx out")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    for name in options.models:
        write(name, options.output, not options.no_past)
        print(name, flush=True)


if __name__ == "__main__":
    main()

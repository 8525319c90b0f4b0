"""Turns a checkpoint of train.py into the ONNX files of this folder, and checks them.

usage: python export.py CHECKPOINT [FOLDER]

Writes encoder_model.onnx, decoder_model.onnx (no caches), config.json, generation_config.json, vocabulary.json, and
reference.json: what ONNX Runtime makes of fifty held-out words with these very files.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import torch

from dictionary import EOS, LETTERS, MAX_LENGTH, PAD, PHONEMES, START, load, spell
from model import DECODER_LAYERS, ENCODER_LAYERS, HEADS, HIDDEN, WIDTH, Pronouncer
from train import error_rates, pronounce


def export_files(model, folder):
    batch, source, target = (torch.export.Dim(name) for name in ("batch_size", "source_length", "target_length"))
    letters = torch.randint(1, len(LETTERS), (2, 7))
    mask = torch.ones_like(letters)
    memory = model.encoder(letters, mask)
    save(model.encoder, (letters, mask), ["input_ids", "attention_mask"], "last_hidden_state",
         ({0: batch, 1: source},) * 2, folder / "encoder_model.onnx")
    save(model.decoder, (torch.ones(2, 5, dtype=torch.long), mask, memory),
         ["input_ids", "encoder_attention_mask", "encoder_hidden_states"], "logits",
         ({0: batch, 1: target}, {0: batch, 1: source}, {0: batch, 1: source}), folder / "decoder_model.onnx")


def save(module, arguments, inputs, output, dynamic_shapes, path):
    program = torch.onnx.export(module, arguments, dynamo=True, opset_version=18, input_names=inputs,
                                output_names=[output], dynamic_shapes=dynamic_shapes, verbose=False)
    file = program.model_proto
    for node in file.graph.node:  # stack traces of the exporting machine
        del node.metadata_props[:]
    for value in [*file.graph.value_info, *file.graph.input, *file.graph.output]:
        del value.metadata_props[:]
    del file.graph.metadata_props[:]
    onnx.checker.check_model(file)
    onnx.save(file, path)


def write_configuration(folder):
    config = {"model_type": "g2p", "is_encoder_decoder": True, "d_model": WIDTH, "d_ff": HIDDEN, "num_heads": HEADS,
              "num_layers": ENCODER_LAYERS, "num_decoder_layers": DECODER_LAYERS, "vocab_size": len(PHONEMES),
              "max_position_embeddings": MAX_LENGTH, "decoder_start_token_id": START, "eos_token_id": EOS,
              "pad_token_id": PAD}
    generation = {"decoder_start_token_id": START, "eos_token_id": EOS, "pad_token_id": PAD, "max_length": MAX_LENGTH}
    for name, content in (("config.json", config), ("generation_config.json", generation),
                          ("vocabulary.json", {"letters": LETTERS, "phonemes": PHONEMES})):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n")


def open_session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options)


def pronounce_by_onnxruntime(encoder, decoder, word):
    """Greedy phoneme ids with start and end."""
    letters = np.array([spell(word)])
    mask = np.ones_like(letters)
    memory, = encoder.run(None, {"input_ids": letters, "attention_mask": mask})
    text = [START]
    while len(text) < MAX_LENGTH and text[-1:] != [EOS]:
        logits, = decoder.run(None, {"input_ids": np.array([text]), "encoder_attention_mask": mask,
                                     "encoder_hidden_states": memory})
        text.append(int(logits[0, -1].argmax()))
    return text


def main():
    checkpoint, folder = sys.argv[1], pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).parent)
    torch.set_num_threads(1)
    model = Pronouncer()
    model.load_state_dict(torch.load(checkpoint)["model"])
    model.eval()
    export_files(model, folder)
    write_configuration(folder)
    _, held_out = load()
    words = [word for word, _ in held_out if word.isalpha()][::120][:50]
    sessions = [open_session(folder / f"{name}_model.onnx") for name in ("encoder", "decoder")]
    answers = {word: pronounce_by_onnxruntime(*sessions, word) for word in words}
    for word, ids in zip(words, pronounce(model, words)):
        if [START, *ids, EOS] != answers[word]:
            raise SystemExit(f"{word}: PyTorch says {ids}, ONNX Runtime {answers[word]}")
    lines = ",\n".join(f" {json.dumps(word)}: {json.dumps(ids)}" for word, ids in answers.items())
    (folder / "reference.json").write_text("{\n" + lines + "\n}\n")
    size = sum((folder / f"{name}_model.onnx").stat().st_size for name in ("encoder", "decoder"))
    words, phonemes = error_rates(model, held_out)
    print(f"{size} bytes; {len(held_out)} held-out words: word error rate {words:.2%}, phoneme error rate {phonemes:.2%}")


if __name__ == "__main__":
    main()

"""Makes the folder of a model with generation settings in one place or the other.

usage: make_generation.py CASE FOLDER
"""
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parent.parent / "inputs"))
from tiny_model import Model

MARIAN = {"bad_words_ids": [[58100]], "num_beams": 4, "decoder_start_token_id": 58100, "eos_token_id": 0,
          "pad_token_id": 58100, "max_length": 512, "forced_eos_token_id": 0, "vocab_size": 58101, "num_hidden_layers": 6}

# config.json and generation_config.json
CASES = {
    # Without generation_config.json its settings are those among config.json's many keys.
    "config-only": (MARIAN, None),
    # With it, config.json fills in special tokens and nothing else.
    "both": (MARIAN, {"max_length": 64, "eos_token_id": [0, 7], "num_beams": None}),
    # Special tokens may be given for the decoder only; the start token falls back to bos.
    "nested": ({"decoder": {"bos_token_id": 101, "eos_token_id": 102}, "pad_token_id": 0}, None),
    # Every kind of value.
    "kinds": ({}, {"suppress_tokens": [1, 2], "begin_suppress_tokens": [], "repetition_penalty": 1, "top_p": 0.9,
                   "do_sample": False, "early_stopping": "never", "forced_decoder_ids": [[1, None], [2, 50359]],
                   "lang_to_id": {"<|en|>": 50259}, "transformers_version": "4.57.6", "_from_model_config": True}),
}


def main():
    case, folder = sys.argv[1:]
    model = Model()
    model.config, model.generation = CASES[case]
    if model.generation is None:
        model.files["generation_config.json"] = None
    model.write(pathlib.Path(folder))


if __name__ == "__main__":
    main()

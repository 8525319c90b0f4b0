"""Makes the folder of a model with the encoder input and the configuration of a family of models.

usage: make_family.py FAMILY FOLDER
"""
import json
import pathlib
import sys

from onnx import TensorProto, helper

sys.path.append(str(pathlib.Path(__file__).parent.parent / "inputs"))
from tiny_model import WIDTH, Model, value

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
TOKENS = ("input_ids", INT64, "batch", "source")

# Encoder input, config.json, generation_config.json, preprocessor_config.json; None for no such file.
FAMILIES = {
    "nothing": (TOKENS, None, None, None),
    "t5": (TOKENS, {"n_positions": 512, "relative_attention_num_buckets": 32}, {"max_length": 200}, None),
    "bart": (TOKENS, {"max_position_embeddings": 1024}, None, None),
    "longformer": (TOKENS, {"max_encoder_position_embeddings": 16384, "max_decoder_position_embeddings": 1024}, None,
                   None),
    "roberta": (TOKENS, {"encoder": {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1},
                         "decoder": {"model_type": "gpt2", "n_positions": 1024}}, None, None),
    "rotary": (TOKENS, {"text_config": {"max_position_embeddings": 131072, "rope_theta": 1e6}}, None, None),
    "fixed": (("input_ids", INT64, "batch", 128), {"max_position_embeddings": 256}, None, None),
    "whisper": (("input_features", FLOAT, "batch", "features", "frames"),
                {"num_mel_bins": 80, "max_source_positions": 1500, "max_target_positions": 448}, None, None),
    "speech2text": (("input_features", FLOAT, "batch", "frames", "features"),
                    {"input_feat_per_channel": 80, "max_source_positions": 900, "max_target_positions": 1024}, None,
                    None),
    "moonshine": (("input_values", FLOAT, "batch", "samples"), {"max_position_embeddings": 194, "rope_theta": 1e4},
                  None, {"sampling_rate": 16000}),
    "trocr": (("pixel_values", FLOAT, "batch", "channels", "height", "width"),
              {"encoder": {"image_size": 384, "num_channels": 3}, "decoder": {"max_position_embeddings": 512}}, None,
              None),
    "donut": (("pixel_values", FLOAT, "batch", 3, "height", "width"),
              {"encoder": {"image_size": [2560, 1920]}, "decoder": {"max_position_embeddings": 768}}, None, None),
    "pix2struct": (("flattened_patches", FLOAT, "batch", "patches", 770), {"vision_config": {"seq_len": 4096}}, None,
                   {"max_patches": 2048}),
}


def main():
    family, folder = sys.argv[1:]
    encoder_input, config, generation, preprocessor = FAMILIES[family]
    model = Model()
    nodes = [helper.make_node("Cast", [encoder_input[0]], ["last_hidden_state"], name="cast", to=FLOAT)]
    model.encoder = model.graph(nodes, [value(*encoder_input)],
                                [value("last_hidden_state", FLOAT, "batch", "rows", WIDTH)], [])
    model.files = {name: None if content is None else json.dumps(content).encode()
                   for name, content in (("config.json", config), ("generation_config.json", generation),
                                         ("preprocessor_config.json", preprocessor))}
    model.write(pathlib.Path(folder))


if __name__ == "__main__":
    main()

"""Writes what embed_tokens.onnx makes of some ids.

usage: embed_ids.py MODEL_DIR ID,... FILE.npy
"""
import pathlib
import sys

import numpy as np
import onnxruntime


def main():
    folder, ids, file = sys.argv[1:]
    session = onnxruntime.InferenceSession(pathlib.Path(folder) / "embed_tokens.onnx")
    np.save(file, session.run(None, {"input_ids": np.array([[int(id) for id in ids.split(",")]])})[0])


if __name__ == "__main__":
    main()

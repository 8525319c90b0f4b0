"""Compiles a model folder for lit tests, unless that was done before.

usage: compile_once.py HALYARD MODEL_DIR ARTIFACT [COMPILE_OPTION...]
"""
import sys

from halyard_tool import compile_model, main


def compile_once():
    halyard, model, artifact, *options = sys.argv[1:]
    return compile_model(halyard, model, artifact, options)


if __name__ == "__main__":
    main(compile_once)

"""Compiles examples/g2p, builds its program as quickstart.sh does, and compares what it prints with reference.json.

usage: check_example.py HALYARD EXAMPLE_DIR WORK_DIR CMAKE
"""
import json
import pathlib
import sys

from halyard_tool import Failure, compile_model, main, run


def check():
    halyard, example, work, cmake = sys.argv[1:]
    example, work = pathlib.Path(example), pathlib.Path(work).resolve()
    artifact = compile_model(halyard, example, work / "g2p")
    build = work / "build"
    run([cmake, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-S", example, "-B", build, f"-DG2P_ARTIFACT={artifact}"])
    run([cmake, "--build", build])
    reference = json.loads((example / "reference.json").read_text())
    phonemes = json.loads((example / "vocabulary.json").read_text())["phonemes"]
    printed = run([build / "pronounce", artifact / "g2p.weights", *reference]).splitlines()
    for (word, ids), line in zip(reference.items(), printed, strict=True):
        want = [word] + [phonemes[i] for i in ids[1:-1]]
        if line.split() != want:
            raise Failure(f"'{line}', expected '{' '.join(want)}'")
    return f"{len(reference)} words as by ONNX Runtime"


if __name__ == "__main__":
    main(check)

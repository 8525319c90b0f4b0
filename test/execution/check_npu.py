"""Compiles examples/g2p for a microcontroller with NPUs beside it and compares it with the one that has none.

usage: check_npu.py HALYARD G2P_DIR WORK_DIR CMAKE NPU...

Images run in an emulator, the NPU's commands in a stand-in for its driver, which HALYARD_NPU_DRIVER names. Tokens,
logits and the encoder's output are the same, bit by bit. No linear layer is left to the processor, the report says
where each operator is, and what `halyard compile` prints is what the report says. The artifact's own build files make
its library without a driver.
"""
import json
import pathlib
import re
import shutil
import sys

import numpy as np

from halyard_tool import Failure, compile_model, generate, main, run

OPTIONS = ["--name", "g2p", "--weights", "int8", "--slots", "1", "--max-rows", "1", "--numerics", "deterministic"]
WORDS = 4
NUMBERS = ("rows", "cycles", "memory_bytes", "weight_bytes")


def inputs(g2p, words):
    """Letters of words, as sources."""
    letters = json.loads((g2p / "vocabulary.json").read_text())["letters"]
    for word in words:
        yield {"input_ids": np.array([[letters.index(letter) for letter in word]], np.int64)}


def check_placement(npu, artifact, said):
    """What the report says of operators; returns how many are on the NPU."""
    report = json.loads((artifact / "report.json").read_text())
    operators = report["placement"]
    placed = [operator for operator in operators if operator["placed"] == npu]
    left = [kernel for kernel in report["kernels"] if kernel.startswith("halyard_linear")]
    if left:
        raise Failure(f"linear layers on the processor: {left}")
    for operator in operators:
        is_linear = operator["kernel"].startswith("halyard_npu_linear")
        if operator["placed"] != (npu if is_linear else "processor"):
            raise Failure(f"{operator} is placed where it cannot be")
        if is_linear and not all(operator[number] > 0 for number in NUMBERS):
            raise Failure(f"{operator} lacks numbers")
    if {operator["stage"] for operator in placed} != {"encode", "step"}:
        raise Failure("there is a stage without an operator on the NPU")
    memory = max(operator["memory_bytes"] for operator in placed)
    line = re.search(f"g2p: {len(placed)} of {len(operators)} operators on {npu}, the others on the processor; of the NPU "
                     rf"are {memory} bytes of the arena and (\d+) bytes of weights", said)
    most = sum(operator["weight_bytes"] for operator in placed)  # layers may have weights in common
    if not line or not most / 2 < int(line[1]) <= most:
        raise Failure(f"halyard compile said '{said}', the report {len(placed)} of {len(operators)}, {memory}, {most}")
    weights = int(line[1])
    if weights > report["weights_bytes"] or memory > report["arena_bytes"]:
        raise Failure("the NPU has more memory than there is")
    shown = run([sys.argv[1], "inspect", artifact])
    if len(re.findall(rf"^  (?:encode|step), \S+: {npu} \(rows \d+, cycles", shown, re.MULTILINE)) != len(placed):
        raise Failure("halyard inspect does not show the operators on the NPU")
    return len(placed), len(operators)


def check():
    halyard, g2p, work, cmake, *npus = sys.argv[1:]
    g2p, work = pathlib.Path(g2p), pathlib.Path(work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    words = list(json.loads((g2p / "reference.json").read_text()))[:WORDS]
    plain = compile_model(halyard, g2p, work / "processor", [*OPTIONS, "--target", "cortex-m55"])
    want = [generate(halyard, plain, given, work / "run", []) for given in inputs(g2p, words)]
    counts = []
    for npu in npus:
        artifact = work / npu
        shutil.rmtree(artifact, ignore_errors=True)
        said = run([halyard, "compile", g2p, "-o", artifact, *OPTIONS, "--target", f"cortex-m55+{npu}"])
        counts.append("{} of {} operators".format(*check_placement(npu, artifact, said)))
        for word, given, (tokens, logits, memory) in zip(words, inputs(g2p, words), want):
            got = generate(halyard, artifact, given, work / "run", [])
            if got[0] != tokens or got[1].tobytes() != logits.tobytes() or got[2].tobytes() != memory.tobytes():
                raise Failure(f"{word}: {npu} gives {got[0]}, the processor {tokens}, or other bits")
    build = work / "build"
    run([cmake, "-G", "Ninja", "-S", artifact, "-B", build, f"-DCMAKE_TOOLCHAIN_FILE={artifact / 'toolchain.cmake'}"])
    run([cmake, "--build", build])
    return f"{len(words)} words with the same bits; on NPUs {', '.join(counts)}"


if __name__ == "__main__":
    main(check)

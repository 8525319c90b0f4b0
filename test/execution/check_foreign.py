"""Builds the artifact of another machine again from its CMakeLists.txt and asks the program that comes out.

usage: check_foreign.py HALYARD MODEL_DIR WORK_DIR CMAKE COMPILE_OPTION...

The artifact brings the toolchain file that CMake needs. What the program answers is what `halyard run` says, by greedy
search, and its code is small.
"""
import json
import pathlib
import sys

from halyard_tool import Failure, compile_model, main, run

IDS = "37,52,8,1"
ELF_MACHINE = 183  # 64-bit Arm
MOST_CODE = 500_000  # bytes of code and constants


def code_bytes(library):
    """What `size` counts as text."""
    return int(run(["size", library]).splitlines()[1].split()[0])


def check():
    halyard, model, work, cmake, *options = sys.argv[1:]
    work = pathlib.Path(work)
    artifact = compile_model(halyard, pathlib.Path(model), work / "model", options)
    name = json.loads((artifact / "report.json").read_text())["name"]
    build = work / "build"
    run([cmake, "-S", artifact, "-B", build, f"-DCMAKE_TOOLCHAIN_FILE={artifact / 'toolchain.cmake'}"])
    run([cmake, "--build", build])
    program = build / "bin" / name
    if int.from_bytes(program.read_bytes()[18:20], "little") != ELF_MACHINE:
        raise Failure(f"{program} is no program for 64-bit Arm")
    said = run(["qemu-aarch64", program, "--ids", IDS, "--max-new-tokens", 12]).split()
    told = json.loads(run([halyard, "run", artifact, "--ids", IDS, "--max-new-tokens", 12, "--json"]))["tokens"][0]
    if [int(token) for token in said] != told:
        raise Failure(f"the program says {said}, halyard run {told}")
    size = code_bytes(artifact / f"lib{name}.so")
    if size > MOST_CODE:
        raise Failure(f"{size} bytes of code, at most {MOST_CODE} are allowed")
    return f"{len(told)} tokens alike, {size} bytes of code"


if __name__ == "__main__":
    main(check)

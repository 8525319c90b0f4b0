"""Compiles examples/g2p to C++ source and builds the artifact with several compilers.

usage: check_portable.py HALYARD G2P_DIR WORK_DIR CMAKE

By g++ and by clang++ (without threads) it becomes a command line that gives the reference's tokens; by arm-none-eabi-g++,
without threads and files, a library.
"""
import json
import pathlib
import sys

from halyard_tool import Failure, compile_model, main, run

WORDS = 5
FREESTANDING = ["-DHALYARD_NO_THREADS=ON", "-DHALYARD_NO_FILES=ON", "-DCMAKE_SYSTEM_NAME=Generic",
                "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY", "-DCMAKE_CXX_FLAGS=-mcpu=cortex-m4"]
HOSTED = [("g++", []), ("clang++-22", ["-DHALYARD_NO_THREADS=ON"])]


def build(cmake, artifact, folder, compiler, options, target):
    run([cmake, "-G", "Ninja", "-S", artifact, "-B", folder, f"-DCMAKE_CXX_COMPILER={compiler}", *options])
    run([cmake, "--build", folder, "--target", target])


def check():
    halyard, g2p, work, cmake = sys.argv[1:]
    g2p, work = pathlib.Path(g2p), pathlib.Path(work).resolve()
    artifact = compile_model(halyard, g2p, work / "g2p", ["--target", "portable-c"])
    if list((artifact / "kernels").glob("*.o")):
        raise Failure("kernels are objects")
    letters = {letter: i for i, letter in enumerate(json.loads((g2p / "vocabulary.json").read_text())["letters"])}
    reference = json.loads((g2p / "reference.json").read_text())
    for compiler, options in HOSTED:
        build(cmake, artifact, work / compiler, compiler, options, "g2p-tool")
        for word, want in list(reference.items())[:WORDS]:
            ids = ",".join(str(letters[letter]) for letter in word)
            got = run([work / compiler / "bin" / "g2p", "--ids", ids, "--weights", artifact / "g2p.weights"]).split()
            if got != [str(token) for token in want]:
                raise Failure(f"{compiler}: {word}: {got}, expected {want}")
    build(cmake, artifact, work / "freestanding", "arm-none-eabi-g++", FREESTANDING, "g2p")
    return f"{WORDS} words by {len(HOSTED)} compilers, and a library without an operating system"


if __name__ == "__main__":
    main(check)

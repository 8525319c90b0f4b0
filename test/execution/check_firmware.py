"""Compiles examples/g2p for a microcontroller, builds examples/firmware around it, runs the image in an emulator and
compares what it prints with what the same weights give on this machine.

usage: check_firmware.py HALYARD G2P_DIR FIRMWARE_DIR WORK_DIR CMAKE

Code and runtime, weights apart, take less than 64 KB. The image uses all of the arena that `halyard compile` printed.
"""
import json
import pathlib
import re
import sys

from halyard_tool import Failure, compile_model, main, run

CODE_BYTES = 64 * 1024
END = 1  # the token after a word
OPTIONS = ["--name", "g2p", "--weights", "int8", "--slots", "1", "--max-rows", "1"]
HERE = "x86-64-v2"  # which does not round what attention multiplies, as better ones do
EMULATOR = ["qemu-system-arm", "-M", "mps3-an547", "-display", "none", "-monitor", "none", "-serial", "none",
            "-semihosting-config", "enable=on,target=native", "-kernel"]


def expected(halyard, artifact, vocabulary, word):
    """The phonemes of a word by an artifact for this machine."""
    letters = {letter: i for i, letter in enumerate(vocabulary["letters"])}
    ids = ",".join(str(letters[letter]) for letter in word)
    tokens = json.loads(run([halyard, "run", artifact, "--ids", ids, "--json"]))["tokens"][0]
    return [vocabulary["phonemes"][token] for token in tokens[1:] if token != END]


def sections(image):
    """Bytes of the image's sections by name."""
    lines = run(["arm-none-eabi-size", "-A", image]).splitlines()
    return {words[0]: int(words[1]) for words in map(str.split, lines) if len(words) == 3 and words[1].isdigit()}


def check():
    halyard, g2p, firmware, work, cmake = sys.argv[1:]
    work = pathlib.Path(work).resolve()
    artifact = work / "g2p"
    said = run([halyard, "compile", g2p, "-o", artifact, *OPTIONS, "--target", "cortex-m55"])
    here = compile_model(halyard, g2p, work / "here", [*OPTIONS, "--target", HERE])
    run([cmake, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-S", firmware, "-B", work / "build",
         f"-DG2P_ARTIFACT={artifact}", f"-DCMAKE_TOOLCHAIN_FILE={artifact}/toolchain.cmake"])
    run([cmake, "--build", work / "build"])
    image = work / "build" / "pronounce.elf"

    vocabulary = json.loads((pathlib.Path(g2p) / "vocabulary.json").read_text())
    reference = json.loads((pathlib.Path(g2p) / "reference.json").read_text())
    longest = int(re.search(r"g2p_MAX_SOURCE (\d+)", (artifact / "g2p.h").read_text())[1])
    words = [*list(reference)[:12], ("floccinaucinihilipilification" * 2)[:longest]]
    printed = run(["sh", "-c", '"$@" 2>&1', "sh", *EMULATOR, image, "-append", " ".join(words)]).splitlines()
    if len(printed) <= len(words):
        raise Failure(f"{printed}, expected {len(words)} words and a line")
    by_reference = 0
    for word, line in zip(words, printed):
        if line.split() != expected(halyard, here, vocabulary, word):
            raise Failure(f"{word}: '{line}', on this machine {expected(halyard, here, vocabulary, word)}")
        by_reference += line.split() == [vocabulary["phonemes"][i] for i in reference.get(word, [])[1:-1]]
    if by_reference < len(words) - 3:
        raise Failure(f"only {by_reference} of {len(words)} words as by ONNX Runtime")

    arena = int(re.search(r"g2p: (\d+) bytes of RAM", said)[1])
    used = re.fullmatch(r"bytes used: arena (\d+), stack (\d+)", printed[len(words)])
    if int(used[1]) != arena:
        raise Failure(f"{printed[len(words)]}, but {arena} by halyard compile")
    size = sections(image)
    code = size[".text"] + size.get(".data", 0)
    if code >= CODE_BYTES:
        raise Failure(f"{code} bytes of code")
    return f"{len(words)} words as on this machine; bytes: {code} code, {arena} arena, {used[2]} stack, {size['.bss']} variables"


if __name__ == "__main__":
    main(check)

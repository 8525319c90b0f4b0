"""An artifact alone: builds it away from Halyard with nothing but CMake and the system's C++ compiler, and runs it.

usage: check_embedding.py HALYARD MODEL_DIR WORK_DIR CMAKE

MODEL_DIR is a text model with the reference.npz of the corpus. Checked are
 - the tokens that the artifact's own command line prints,
 - the libraries that it needs, and its size without weights,
 - with embed/check_memory.cpp, that generating allocates nothing and uses exactly the memory that is declared.
"""
import os
import pathlib
import shutil
import sys

import numpy as np

from check_model import settings, text
from halyard_tool import Failure, compile_model, main, run

TOOLS = ("c++", "g++", "ninja", "as", "ld", "ar", "ranlib", "sh")
LIBRARIES = {"linux-vdso.so.1", "libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libc.so.6", "libpthread.so.0",
             "libdl.so.2", "ld-linux-x86-64.so.2"}
LARGEST = 1_000_000  # bytes of code and runtime


def bare_path(folder, cmake):
    """A folder with links to a compiler and CMake and to nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for tool in TOOLS:
        (folder / tool).symlink_to(os.path.realpath(shutil.which(tool)))
    (folder / "cmake").symlink_to(cmake)
    return folder


def build(source, folder, path, options=()):
    """Configures and builds with an environment that holds a PATH only."""
    shutil.rmtree(folder, ignore_errors=True)
    alone = ["env", "-i", f"PATH={path}"]
    run([*alone, "cmake", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-S", source, "-B", folder, *options])
    run([*alone, "cmake", "--build", folder])


def check_tokens(program, model):
    """The artifact's command line on every prompt that is one source of token ids."""
    archive, config, texts = np.load(model / "reference.npz"), settings(model), 0
    for key in archive.files:
        if not key.endswith(".input_ids") or key.startswith("p2"):
            continue
        want = text(archive[key.replace("input_ids", "greedy_ids")][0], config["eos_token_id"])
        ids = ",".join(map(str, archive[key][0]))
        printed = run([program, "--ids", ids, "--max-new-tokens", 24]).split()
        got = [int(token) for token in printed]
        if got != want:
            raise Failure(f"{program}: tokens {got}, expected {want}")
        texts += 1
    return texts


def check_libraries(program):
    needed = {line.split()[0].split("/")[-1] for line in run(["ldd", program]).splitlines() if line.strip()}
    if needed - LIBRARIES:
        raise Failure(f"{program} needs {', '.join(sorted(needed - LIBRARIES))}")


def check_size(program, scratch):
    run(["strip", "-o", scratch, program])
    size = scratch.stat().st_size
    if size >= LARGEST:
        raise Failure(f"{program}: {size} bytes, expected less than {LARGEST}")
    return size


def check():
    halyard, model, work, cmake = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work).resolve()
    here = pathlib.Path(__file__).parent
    artifact = compile_model(halyard, model, work / "model", ["--max-target", 256])
    alone = work / "alone" / "model"
    shutil.rmtree(alone.parent, ignore_errors=True)
    shutil.copytree(artifact, alone)
    path = bare_path(work / "bin", cmake)
    build(alone, work / "build", path)
    program, library = work / "build" / "bin" / "model", artifact / "libmodel.so"
    texts = check_tokens(program, model)
    for binary in (program, library):
        check_libraries(binary)
    size = max(check_size(binary, work / "stripped") for binary in (program, library))
    build(here / "embed", work / "embed", path, [f"-DARTIFACT={alone}"])
    said = run([work / "embed" / "check_memory", alone / "model.weights"]).strip()
    return f"{texts} texts exact; {size} bytes of code and runtime; {said}"


if __name__ == "__main__":
    main(check)

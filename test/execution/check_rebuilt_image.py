"""Builds an artifact that is an image again from its CMakeLists.txt and lets `halyard run` ask what comes out.

usage: check_rebuilt_image.py HALYARD MODEL_DIR WORK_DIR CMAKE TARGET COMPILE_OPTION...

The artifact brings the toolchain file that CMake needs. The rebuilt program answers as the first one does.
"""
import json
import pathlib
import shutil
import sys

from halyard_tool import Failure, compile_model, main, run

IDS = "37,52,8,1"


def tokens(halyard, artifact):
    return json.loads(run([halyard, "run", artifact, "--ids", IDS, "--max-new-tokens", 4, "--json"]))["tokens"]


def check():
    halyard, model, work, cmake, target, *options = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work)
    artifact = compile_model(halyard, model, work / target, ["--target", target, *options])
    name = json.loads((artifact / "report.json").read_text())["name"]
    build, other = work / "build", work / "rebuilt"
    run([cmake, "-G", "Ninja", "-S", artifact, "-B", build, f"-DCMAKE_TOOLCHAIN_FILE={artifact / 'toolchain.cmake'}"])
    run([cmake, "--build", build])
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(artifact, other)
    (other / name).unlink()
    shutil.copy(build / "bin" / name, other / name)
    first, rebuilt = tokens(halyard, artifact), tokens(halyard, other)
    if first != rebuilt:
        raise Failure(f"the rebuilt program says {rebuilt}, the first {first}")
    return f"{len(first[0])} tokens alike"


if __name__ == "__main__":
    main(check)

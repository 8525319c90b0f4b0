"""An artifact of several instruction sets: every one of them gives the reference's tokens.

usage: check_levels.py HALYARD MODEL_DIR WORK_DIR CMAKE

The artifact is built as it is, which uses the best instruction set of this machine, and again as if the processor had
none of what the choice asks for, which leaves the last one; with only AVX2 and FMA it is one between, and without AMX
the best one but that.
"""
import pathlib
import sys

from check_embedding import bare_path, build, check_tokens
from halyard_tool import Failure, compile_model, main, run

# What __builtin_cpu_supports is made to say.
PROCESSORS = {
    "this": "",
    "least": "#define __builtin_cpu_supports(NAME) 0\n",
    "no_amx": '#define __builtin_cpu_supports(NAME) (__builtin_strncmp(NAME, "amx", 3) && __builtin_cpu_supports(NAME))\n',
    "avx2": '#define __builtin_cpu_supports(NAME) (!__builtin_strcmp(NAME, "avx2") || !__builtin_strcmp(NAME, "fma"))\n',
}


def check():
    halyard, model, work, cmake = sys.argv[1:]
    model, work = pathlib.Path(model), pathlib.Path(work).resolve()
    artifact = compile_model(halyard, model, work / "model", ["--target", "x86-64-multi", "--max-target", 64])
    path = bare_path(work / "bin", cmake)
    for name, definition in PROCESSORS.items():
        header = work / f"{name}.h"
        header.write_text(definition)
        build(artifact, work / name, path, [f"-DCMAKE_CXX_FLAGS=-include {header}"])
        texts = check_tokens(work / name / "bin" / "model", model)
    symbols = run(["nm", work / "this" / "bin" / "model"])
    for level in ("_x86_64_v2", "_x86_64_v3", "_x86_64_v4_vnni", "_x86_64_v4_amx"):
        if level + "\n" not in symbols:
            raise Failure(f"no kernel for {level}")
    return f"{texts} texts exact by {len(PROCESSORS)} instruction sets"


if __name__ == "__main__":
    main(check)

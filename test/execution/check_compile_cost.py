"""What compiling a real model takes, first with an empty cache and then again.

usage: check_compile_cost.py HALYARD MODEL_DIR WORK_DIR

The first compilation takes less than 60 s and 2 GB of memory, the second less than 10 s. Measured once for a compiler
and a model: a result that still stands is not measured again.
"""
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

from halyard_tool import Failure, fingerprint, main

SECONDS, SECONDS_AGAIN, BYTES = 60, 10, 2_000_000_000


def compile_once(halyard, model, work):
    """(seconds, bytes of memory) of one compilation; memory is the largest so far."""
    shutil.rmtree(work / "model", ignore_errors=True)
    started = time.monotonic()
    subprocess.run([halyard, "compile", model, "-o", work / "model"], check=True)
    return time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def check():
    halyard, model, work = sys.argv[1:]
    work = pathlib.Path(work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    stamp, mark = work / "stamp", fingerprint(halyard, model, ())
    if stamp.exists() and stamp.read_text().startswith(mark):
        return "as before: " + stamp.read_text()[len(mark):].strip()
    os.environ["XDG_CACHE_HOME"] = str(work / "cache")
    shutil.rmtree(work / "cache", ignore_errors=True)
    seconds, memory = compile_once(halyard, model, work)
    again, _ = compile_once(halyard, model, work)
    said = f"{seconds:.1f} s and {memory / 1e6:.0f} MB, again {again:.1f} s"
    if seconds >= SECONDS or memory >= BYTES or again >= SECONDS_AGAIN:
        raise Failure(f"{said}, expected less than {SECONDS} s, {BYTES / 1e6:.0f} MB and {SECONDS_AGAIN} s")
    stamp.write_text(f"{mark}\n{said}\n")
    return said


if __name__ == "__main__":
    main(check)

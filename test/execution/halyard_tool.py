"""What the execution tests share: running `halyard`, compiling a model only when something changed, comparing."""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np

TOLERANCE = 1e-4


class Failure(Exception):
    """A test has failed; the text says how."""


class Skipped(Exception):
    """A test cannot be made on this machine; the text says why."""


def run(command, limit=600):
    """Standard output of a command that is expected to succeed."""
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    if done.returncode:
        raise Failure(f"exit status {done.returncode}: {' '.join(command)}\n{done.stderr.strip()}")
    return done.stdout


def runnable(halyard):
    """Names of targets whose artifacts run here, be it by an emulator."""
    return {line.split()[0] for line in run([halyard, "targets"]).splitlines() if "; runs here" in line}


def expect_level(halyard, target):
    """Of x86-64 there are levels that a machine may lack; all else has to run."""
    if target.startswith("x86-64") and target not in runnable(halyard):
        raise Skipped(f"this machine is no {target}")


def fingerprint(halyard, model, options):
    """Changes with the compiler, with any file of the model and with the options."""
    digest = hashlib.sha256(repr(options).encode())
    for path in [pathlib.Path(shutil.which(halyard)), *sorted(pathlib.Path(model).iterdir())]:
        if path.suffix in ("", ".onnx", ".json", ".data", ".onnx_data") and path.is_file():
            digest.update(path.name.encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def compile_model(halyard, model, artifact, options=()):
    """Compiles into the folder `artifact`, unless it was made by this very compiler from these very files."""
    artifact = pathlib.Path(artifact)
    artifact.parent.mkdir(parents=True, exist_ok=True)
    stamp = artifact.with_name(artifact.name + ".stamp")
    mark = fingerprint(halyard, model, options)
    with open(artifact.with_name(artifact.name + ".lock"), "w") as lock:  # tests that run at the same time share it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if artifact.is_dir() and stamp.exists() and stamp.read_text() == mark:
            return artifact
        stamp.unlink(missing_ok=True)
        shutil.rmtree(artifact, ignore_errors=True)
        run([halyard, "compile", model, "-o", artifact, *options])
        stamp.write_text(mark)
    return artifact


def generate(halyard, artifact, inputs, scratch, options=()):
    """What `halyard run` makes of named arrays: (tokens of every row, logits, encoder output)."""
    scratch = pathlib.Path(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    command = [halyard, "run", artifact, "--json", "--logits", scratch / "logits.npy",
               "--memory", scratch / "memory.npy", *options]
    for name, array in inputs.items():
        np.save(scratch / f"{name}.npy", array)
        command += ["--input", f"{name}={scratch / name}.npy"]
    tokens = json.loads(run(command))["tokens"]
    return tokens, np.load(scratch / "logits.npy"), np.load(scratch / "memory.npy")


def expect_close(what, got, want, tolerance=TOLERANCE):
    """Equal to the tolerance, absolute plus relative."""
    if got.shape != want.shape:
        raise Failure(f"{what}: shape {got.shape}, expected {want.shape}")
    excess = np.abs(got - want) - tolerance * (1 + np.abs(want))
    if not (excess <= 0).all():
        worst = np.unravel_index(np.argmax(np.where(np.isnan(excess), np.inf, excess)), excess.shape)
        raise Failure(f"{what}: {got[worst]} at {list(map(int, worst))}, expected {want[worst]}")


def session(path):
    """An ONNX Runtime session of one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(os.fspath(path), options)


def evaluate(model, values):
    """First output of a session, from those of `values` that are its inputs."""
    return model.run(None, {each.name: values[each.name] for each in model.get_inputs()})[0]


def main(test):
    """Runs `test()` as a program: a Failure is printed and gives exit status 1. The file that HALYARD_RESULT names, if
    it does, says which it was."""
    result = pathlib.Path(os.environ.get("HALYARD_RESULT", os.devnull))
    try:
        text = test()
        result.write_text("yes")
        print(text)
    except Skipped as reason:
        print(f"skipped: {reason}")
    except Failure as failure:
        result.write_text("fails")
        sys.exit(f"FAILED: {failure}")

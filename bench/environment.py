"""The environment that peers run in: made once, and again when requirements.txt has changed."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")


def python_of(folder: pathlib.Path) -> pathlib.Path:
    """The interpreter of the environment in `folder`, which is made if need be."""
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    wanted = REQUIREMENTS.read_text()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"installing {REQUIREMENTS.name} into {folder}", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS], check=True)
    stamp.write_text(wanted)
    return python

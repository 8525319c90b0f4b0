"""Runs a command that is expected to fail as a user should see it: one message on standard error, nothing else.

usage: expect_error.py STATUS [--absent PATH]... COMMAND...

Fails unless the exit status is STATUS, standard output is empty, standard error holds exactly one line with "error:",
and no PATH exists afterwards. Standard error is passed on to standard output, for FileCheck.
"""
import os
import subprocess
import sys


def main():
    status, arguments, absent = int(sys.argv[1]), sys.argv[2:], []
    while arguments[:1] == ["--absent"]:
        absent.append(arguments[1])
        arguments = arguments[2:]
    done = subprocess.run(arguments, capture_output=True, text=True, errors="replace")
    print(done.stderr, end="")
    messages = [line for line in done.stderr.splitlines() if "error:" in line]
    if done.returncode != status:
        sys.exit(f"exit status {done.returncode}, expected {status}; standard output: {done.stdout}")
    if len(messages) != 1:
        sys.exit(f"{len(messages)} error messages, expected one")
    if done.stdout:
        sys.exit(f"standard output is not empty: {done.stdout}")
    for path in absent:
        if os.path.exists(path):
            sys.exit(f"{path} was left behind")


if __name__ == "__main__":
    main()

"""What the innermost loops of a kernel are made of, from its assembly on standard input.

usage: kernel-bench FILE --assembly | loops.py

One line per loop that multiplies and adds, in the order of the text: the loop's name (a Func and its definition),
then how many instructions of some kinds it has: multiply-adds by the width of their vectors, shuffles (within
and between vectors), gathers, and accesses to the stack by whole vectors.
"""
import collections
import re
import sys

SHUFFLES = ("vperm", "vshuf", "vunpck", "vblend", "vinsert", "vextract", "vhadd", "vmovlh", "vmovhl")
WIDTHS = {"x": 4, "y": 8, "z": 16}


def describe(loop):
    counts = collections.Counter()
    for line in loop:
        mnemonic = line.split()[0]
        vector = re.search(r"%([xyz])mm\d+", line)
        if mnemonic.startswith("vfmadd") or mnemonic.startswith("vfnmadd"):
            counts[f"multiply-adds of {WIDTHS[vector.group(1)] if mnemonic.endswith('ps') else 1}"] += 1
        if mnemonic.startswith(SHUFFLES):
            counts["shuffles"] += 1
        if "gather" in mnemonic:
            counts["gathers"] += 1
        if vector and "(%rsp" in line:
            counts["stack"] += 1
    return counts


def main():
    name, loop = None, []
    for line in sys.stdin:
        label = re.match(r'\.LBB\d+_\d+:\s*(?:# %"\d+_for_([^"]*)")?', line)
        if label:
            name, loop = label.group(1), []
            continue
        if not line.startswith("\t") or line.startswith("\t."):
            continue
        loop.append(line.strip())
        if name and re.match(r"\tj\w+\s", line):
            counts = describe(loop)
            if any(kind.startswith("multiply") for kind in counts):
                where = re.sub(r"\$", "", re.sub(r"\.r\d+", "", name))
                print(f"{where}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
            name, loop = None, []


if __name__ == "__main__":
    main()

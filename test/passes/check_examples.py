"""Runs the example in every pass's description, and checks that a pass is one file with one lit test of its name.

usage: check_examples.py [ARGUMENT...]        all passes, or those of these names

A description in a Passes.td holds one ```mlir block: IR, a line `// becomes`, and lines that the pass must then print,
in that order though not all of them. They are turned into FileCheck's directives:

 - An SSA name stands for the name printed: its first occurrence, and each definition, binds it.
 - A line indented by four or more columns than the one before continues it.
 - Aliases of affine maps are printed in place; a line that is a comment is for the reader.

The lines must not be there without the pass.

halyard-opt, llvm-tblgen, llvm-config and FileCheck are those of PATH.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
ANCHORS = {
    "::mlir::ModuleOp": "",
    "::mlir::func::FuncOp": "func.func",
    "::halyard::seq::ProgramOp": "seq.program",
    "::halyard::rt::ProgramOp": "rt.program",
}
BLOCK = re.compile(r"^ *```mlir\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
BECOMES = re.compile(r"^ *// becomes\n", re.MULTILINE)
NAME = re.compile(r"%([A-Za-z0-9_]+)")


class Failure(Exception):
    """What is wrong with a pass's example, for the person who wrote it."""


def output_of(command, **options):
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if result.returncode:
        raise Failure((result.stderr or result.stdout).rstrip())
    return result.stdout


def passes_of(file):
    """The TableGen records of the passes that `file` defines."""
    headers = output_of(["llvm-config", "--includedir"]).strip()
    records = json.loads(output_of(["llvm-tblgen", "--dump-json", "-I", str(ROOT), "-I", headers, str(file)]))
    return [records[name] for name in records["!instanceof"]["PassBase"]]


def example_of(record):
    """(IR before, the lines that must come out)."""
    blocks = BLOCK.findall(record["description"])
    if len(blocks) != 1:
        raise Failure(f"its description has {len(blocks)} examples in a ```mlir block; it should have one")
    if "..." in blocks[0]:
        raise Failure("`...` in its example: write what is printed, or leave out the line")
    parts = BECOMES.split(blocks[0])
    if len(parts) != 2:
        raise Failure("its example should have one line `// becomes`, between the IR before and what comes out")
    lines = [line for line in parts[1].splitlines() if line.strip() and not line.strip().startswith("//")]
    if not lines:
        raise Failure("nothing follows `// becomes` in its example")
    return parts[0], lines


def directive(line, bound):
    """`line` as a pattern of FileCheck. `bound` is the set of names that have a value so far."""
    def variable(match):
        name = "v_" + match[1]
        before, after = line[:match.start()], line[match.end():]
        is_result = not before.strip() and after.startswith(" =")
        is_argument = (not before.strip() or before.endswith(("(", ", "))) and after.startswith(": ")
        if name in bound and not is_result and not is_argument:
            return f"\0{name}]]"
        bound.add(name)
        return f"\0{name}:%[A-Za-z0-9_]+]]"

    pattern = NAME.sub(variable, line.strip())
    return pattern.replace("{{", r"{{\{\{}}").replace("[[", r"{{\[\[}}").replace("\0", "[[")


def directives(lines):
    bound, indent, text = set(), None, []
    for line in lines:
        column = len(line) - len(line.lstrip())
        continues = indent is not None and column >= indent + 4
        text.append(f"{'CHECK-SAME' if continues else 'CHECK'}: {directive(line.strip(), bound)}")
        indent = indent if continues else column
    return "\n".join(text) + "\n"


def without_aliases(text):
    """`text` with every affine map in the place of its alias."""
    alias = re.compile(r"^(#\w+) = (affine_map<.*>)\n", re.MULTILINE)
    maps = dict(alias.findall(text))
    return re.sub(r"#\w+", lambda match: maps.get(match[0], match[0]), alias.sub("", text))


def run_pass(pipeline, text):
    return without_aliases(output_of(["halyard-opt", f"--pass-pipeline=builtin.module({pipeline})", "-"], input=text))


def check_example(record, folder):
    before, after = example_of(record)
    name = record["argument"]
    anchor = ANCHORS[re.fullmatch(r"::mlir::OperationPass<(.*)>", record["baseClass"])[1]]
    expected = folder / f"{name}.check"
    expected.write_text(directives(after))
    check = ["FileCheck", "--dump-input=never", str(expected)]
    printed = run_pass(f"{anchor}({name})" if anchor else name, before)
    try:
        output_of(check, input=printed)
    except Failure as failure:
        raise Failure(f"{failure}\nprinted was:\n{printed}") from None
    try:
        output_of(check, input=run_pass("", before))
    except Failure:
        return
    raise Failure("what follows `// becomes` in its example is there without the pass")


def check_files(record, group):
    name = record["argument"]
    spelled = "".join(word.capitalize() for word in name.split("-"))
    sources = {path.stem.lower(): path for path in (ROOT / "passes" / group).glob("*.cpp")}
    if spelled.lower() not in sources:
        raise Failure(f"no file passes/{group}/{spelled}.cpp")
    if not any((ROOT / "test" / "passes" / f"{name}{suffix}").exists() for suffix in (".mlir", ".test")):
        raise Failure(f"no lit test test/passes/{name}.mlir")


def complaint_about(record, group, folder):
    """What is wrong with a pass, or nothing."""
    try:
        check_example(record, folder)
        check_files(record, group)
    except Failure as failure:
        return str(failure)
    return None


def main(chosen):
    passes = [(record, file.parent.name)
              for file in sorted((ROOT / "passes").glob("*/Passes.td")) for record in passes_of(file)]
    unknown = set(chosen) - {record["argument"] for record, _ in passes}
    if unknown or not passes:
        sys.exit(f"no such pass: {', '.join(sorted(unknown))}" if unknown else "no passes found")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for record, group in passes:
            if not chosen or record["argument"] in chosen:
                complaint = complaint_about(record, group, pathlib.Path(folder))
                failed |= complaint is not None
                print(f"{record['argument']}: {complaint or 'ok'}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

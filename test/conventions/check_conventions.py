"""What this code base asks of itself.

usage: check_conventions.py REPOSITORY

 - No file has more than 1,000 lines and no function more than 100.
 - A source file begins with a comment that says what it is for.
 - A pass is one TableGen entry with an example in its description, one file, and one lit test, named alike.
"""
import pathlib
import re
import sys

CODE = ("compiler", "dialects", "passes", "targets", "runtime", "test", "examples")
LONGEST_FILE, LONGEST_FUNCTION = 1000, 100
NOT_FUNCTIONS = ("namespace", "struct", "class", "enum", "extern", "union", "template <typename Program> class")


def source_files(root, *suffixes):
    for folder in CODE:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes and "models" not in path.parts:
                yield path


def functions(lines):
    """(line, length) of every function of a formatted file, as far as one opens at the margin or as a member."""
    for indent in ("", "  "):
        start = None
        for number, line in enumerate(lines):
            if line.startswith(indent) and line[len(indent):len(indent) + 1].strip() and line.rstrip().endswith("{"):
                if not line.strip().startswith(NOT_FUNCTIONS):
                    start = number
            elif start is not None and line.rstrip() in (indent + "}", indent + "};"):
                yield start + 1, number - start + 1
                start = None


def check_lengths(root):
    for path in source_files(root, ".cpp", ".h", ".td", ".py"):
        lines = path.read_text().splitlines()
        name = path.relative_to(root)
        if len(lines) > LONGEST_FILE:
            yield f"{name}: {len(lines)} lines, at most {LONGEST_FILE} are allowed"
        if path.suffix in (".cpp", ".h"):
            for line, length in functions(lines):
                if length > LONGEST_FUNCTION:
                    yield f"{name}:{line}: a function of {length} lines, at most {LONGEST_FUNCTION} are allowed"
            if lines and not lines[0].startswith(("//", "/*")):
                yield f"{name}:1: expected a comment that says what the file is for"


def check_passes(root):
    for table in sorted((root / "passes").rglob("*Passes.td")):
        text = table.read_text()
        for entry in re.finditer(r'def (\w+) : \w*Pass\w*<"([\w-]+)".*?^}', text, re.MULTILINE | re.DOTALL):
            name, argument = entry.group(1), entry.group(2)
            file = "".join(part.capitalize() for part in argument.split("-"))
            found = [path for path in table.parent.rglob("*.cpp") if path.stem.lower() == file.lower()]
            if not found:
                yield f"{argument}: no file {file}.cpp in {table.parent.relative_to(root)}"
            if not (root / "test" / "passes" / f"{argument}.mlir").exists():
                yield f"{argument}: no test test/passes/{argument}.mlir"
            if "```mlir" not in entry.group(0):
                yield f"{argument}: no example in the description of {name}"


def main():
    root = pathlib.Path(sys.argv[1])
    complaints = [*check_lengths(root), *check_passes(root)]
    print("\n".join(complaints) or "as asked")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()

"""Makes the table of docs/targets.md from what the conformance suite found, or checks it.

usage: make_table.py RESULTS_DIR DOCUMENT TARGET... [--write]

RESULTS_DIR holds a TARGET.xml of each target, as GoogleTest writes it. Without --write a table that says other than the
results of this machine is an error; what this machine cannot run is taken from the table as it is.
"""
import pathlib
import sys
import xml.etree.ElementTree as xml

BEGIN, END = "<!-- conformance: begin -->", "<!-- conformance: end -->"


def found(path):
    """{(family, precision): "yes" or "fails"} of a target; empty if this machine does not run it."""
    results = {}
    for case in xml.parse(path).iter("testcase"):
        properties = {each.get("name"): each.get("value") for each in case.iter("property")}
        if "family" in properties:
            failed = case.find("failure") is not None
            results[properties["family"], properties["precision"]] = "fails" if failed else "yes"
    return results


def parsed(table):
    """{target: {(family, precision): cell}} of a table."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")]
    if len(rows) < 3:
        return {}
    return {target: {(row[0], row[1]): row[index] for row in rows[2:]} for index, target in enumerate(rows[0][2:], start=2)}


def table(columns):
    kinds = list(dict.fromkeys(kind for column in columns.values() for kind in column))
    lines = ["| Kernel | Precision | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for kind in kinds:
        lines.append(f"| {kind[0]} | {kind[1]} | " + " | ".join(column.get(kind, "") for column in columns.values()) + " |")
    return "\n".join(lines)


def main():
    arguments = [each for each in sys.argv[1:] if each != "--write"]
    folder, document, targets = pathlib.Path(arguments[0]), pathlib.Path(arguments[1]), arguments[2:]
    text = document.read_text()
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    columns = {target: found(folder / f"{target}.xml") or parsed(old).get(target, {}) for target in targets}
    new = f"{before}{BEGIN}\n{table(columns)}\n{END}{after}"
    if "--write" in sys.argv:
        document.write_text(new)
    elif new != text:
        sys.exit(f"FAILED: {document} differs from the results; to write them: {' '.join(sys.argv)} --write")
    print(f"{len(columns)} targets")


if __name__ == "__main__":
    main()

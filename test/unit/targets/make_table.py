"""Makes a table of docs/targets.md from what the conformance suite found, or checks it.

usage: make_table.py (kernels | models) RESULTS_DIR DOCUMENT TARGET... [--write]

RESULTS_DIR holds, for kernels, a TARGET.xml of each target, as GoogleTest writes it; for models a TARGET.MODEL.PRECISION
with what each test says. Without --write a table that says other than the results of this machine is an error; what this
machine cannot run is taken from the table as it is.
"""
import pathlib
import sys
import xml.etree.ElementTree as xml


def kernels_found(folder, target):
    """{(family, precision): "yes", "fails" or, where the target has no such kernels, "-"}; empty if this machine does not
    run it."""
    results = {}
    for case in xml.parse(folder / f"{target}.xml").iter("testcase"):
        properties = {each.get("name"): each.get("value") for each in case.iter("property")}
        if "family" in properties:
            says = "fails" if case.find("failure") is not None else "yes" if properties["computes"] == "yes" else "-"
            results[properties["family"], properties["precision"]] = says
    return results


def models_found(folder, target):
    """{(model, precision): "yes" or "fails"} of a target."""
    kinds = {path: tuple(path.name.split(".")[1:]) for path in folder.glob(f"{target}.*")}
    return {kind: path.read_text() for path, kind in sorted(kinds.items(), key=lambda each: each[1])}


TABLES = {"kernels": ("Kernel", kernels_found), "models": ("Model", models_found)}


def parsed(table):
    """{target: {(family, precision): cell}} of a table."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")]
    if len(rows) < 3:
        return {}
    return {target: {(row[0], row[1]): row[index] for row in rows[2:]} for index, target in enumerate(rows[0][2:], start=2)}


def table(heading, columns):
    kinds = list(dict.fromkeys(kind for column in columns.values() for kind in column))
    lines = [f"| {heading} | Precision | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for kind in kinds:
        lines.append(f"| {kind[0]} | {kind[1]} | " + " | ".join(column.get(kind, "") for column in columns.values()) + " |")
    return "\n".join(lines)


def main():
    name, folder, document, *targets = [each for each in sys.argv[1:] if each != "--write"]
    heading, found = TABLES[name]
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    folder, document = pathlib.Path(folder), pathlib.Path(document)
    text = document.read_text()
    before, rest = text.split(begin)
    old, after = rest.split(end)
    columns = {target: found(folder, target) or parsed(old).get(target, {}) for target in targets}
    new = f"{before}{begin}\n{table(heading, columns)}\n{end}{after}"
    if "--write" in sys.argv:
        document.write_text(new)
    elif new != text:
        sys.exit(f"FAILED: {document} differs from the results; to write them: {' '.join(sys.argv)} --write")
    print(f"{len(columns)} targets")


if __name__ == "__main__":
    main()

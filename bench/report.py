"""Tables of what was measured: medians, the best of one and two threads for each engine, and Halyard's ratios to the
best other engine at the same precision. A ratio above 1 means that Halyard is ahead."""

from __future__ import annotations

import pathlib
import statistics
from dataclasses import dataclass
from typing import Callable, Optional

MARKS = ("<!-- written by bench/compare.py -->\n", "<!-- end -->\n")  # around what is replaced in a file

Result = dict  # one engine, model, precision, number of threads and batch: see compare.py


@dataclass(frozen=True)
class Quantity:
    title: str
    key: str
    larger_is_better: bool
    digits: int


QUANTITIES = (
    Quantity("decode, tokens/s", "tokens_per_s", True, 0),
    Quantity("encoder, ms", "encode_ms", False, 1),
    Quantity("first token, ms", "first_token_ms", False, 1),
)
ONCE = (
    Quantity("load, ms", "load_ms", False, 1),
    Quantity("memory, MB", "peak_rss_mb", False, 0),
)


def median(values: list[Optional[float]]) -> Optional[float]:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def best(results: list[Result], quantity: Quantity) -> Optional[float]:
    """Over numbers of threads."""
    values = [result[quantity.key] for result in results if result[quantity.key] is not None]
    return (max if quantity.larger_is_better else min)(values, default=None)


def cell(value: Optional[float], digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def row(label: list[str], results: list[Result], engines: list[str], quantity: Quantity) -> list[str]:
    """A value for each engine, then Halyard's ratio to the best of the others."""
    values = {e: best([r for r in results if r["engine"] == e], quantity) for e in engines}
    others = [v for e, v in values.items() if e != "halyard" and v is not None]
    ratio = None
    if values.get("halyard") and others:
        peer = (max if quantity.larger_is_better else min)(others)
        ratio = values["halyard"] / peer if quantity.larger_is_better else peer / values["halyard"]
    return [*label, *(cell(values[e], quantity.digits) for e in engines), cell(ratio, 2)]


def bind_cell(results: list[Result]) -> str:
    """What Halyard computes besides, when it encodes fastest."""
    own = [r for r in results if r["engine"] == "halyard" and r["bind_ms"]]
    return f"{min(own, key=lambda r: r['encode_ms'])['bind_ms']:.1f}" if own else "-"


def bound_cell(results: list[Result]) -> str:
    """How near to the bound Halyard's fastest decoding is."""
    own = [r for r in results if r["engine"] == "halyard" and r["bound_tokens_per_s"]]
    if not own:
        return "-"
    fastest = max(own, key=lambda r: r["tokens_per_s"])
    return f"{fastest['tokens_per_s'] / fastest['bound_tokens_per_s'] * 100:.0f}%"


# Last columns of tables, of Halyard alone.
OWN = {
    "tokens_per_s": ("of the bound", bound_cell),
    "encode_ms": ("cross keys and values", bind_cell),
}


def markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def groups(results: list[Result], keys: tuple[str, ...]) -> list[tuple[list[str], list[Result]]]:
    """Results that agree in `keys`, in the order in which they were measured."""
    found: dict[tuple, list[Result]] = {}
    for result in results:
        found.setdefault(tuple(str(result[key]) for key in keys), []).append(result)
    return [(list(key), members) for key, members in found.items()]


def table(results: list[Result], engines: list[str], quantity: Quantity) -> str:
    title, make = OWN.get(quantity.key, (None, None)) if "halyard" in engines else (None, None)
    header = ["model", "precision", "batch", *engines, "ratio"] + ([title] if make else [])
    rows = []
    for label, members in groups(results, ("model", "precision", "batch")):
        cells = row(label, members, engines, quantity)
        rows.append(cells + ([make(members)] if make else []))
    return f"### {quantity.title[0].upper()}{quantity.title[1:]}\n\n{markdown(header, rows)}"


def once_table(results: list[Result], engines: list[str], quantity: Quantity) -> str:
    single = [result for result in results if result["batch"] == results[0]["batch"]]
    rows = [row(label, members, engines, quantity) for label, members in groups(single, ("model", "precision"))]
    header = ["model", "precision", *engines, "ratio"]
    return f"### {quantity.title[0].upper()}{quantity.title[1:]}\n\n{markdown(header, rows)}"


def tables(results: list[Result], engines: list[str]) -> str:
    make: Callable[[Quantity], str] = lambda quantity: table(results, engines, quantity)
    parts = [make(quantity) for quantity in QUANTITIES]
    return "\n\n".join(parts + [once_table(results, engines, quantity) for quantity in ONCE]) + "\n"


def write(path: pathlib.Path, text: str) -> None:
    """Into a file, or between the marks of one that has them."""
    before = path.read_text() if path.exists() else ""
    begin, end = (before.find(mark) for mark in MARKS)
    if 0 <= begin < end:
        text = before[: begin + len(MARKS[0])] + "\n" + text + "\n" + before[end:]
    path.write_text(text)

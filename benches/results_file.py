"""The files in benches/results/: what benches/run.py has measured, small enough to read in a diff.

A file is a table, separated by tabs, with one line for each row and one column for each loop. A cell has the
value of each round, and the reason if the row has failed on that loop. The lines above the table begin with
#; they have the machine and the versions of the loops.
"""

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"

# More than any reader needs; with these the report rounds to the same digits as without rounding here.
SIGNIFICANT_DIGITS = 7
COLUMNS = ("group", "row", "unit", "rounds")
FAILED = "failed: "


def read(path: Path) -> dict[str, Any]:
    """Return the machine, the loops' versions and the rows of a file."""
    results: dict[str, Any] = {"machine": {}, "versions": {}, "rows": {}}
    columns: list[str] = []
    for line in path.read_text().splitlines():
        fields = line.split("\t")
        if line.startswith("#"):
            kind, name, value = fields
            results[kind.removeprefix("# ")][name] = value
        elif not columns:
            columns = fields
        else:
            group, name, unit, rounds = fields[: len(COLUMNS)]
            results["rows"][name] = {
                "group": group,
                "unit": unit,
                "rounds": int(rounds),
                "cells": {
                    loop: _cell(text)
                    for loop, text in zip(columns[len(COLUMNS) :], fields[len(COLUMNS) :], strict=True)
                    if text
                },
            }
    return results


def write(path: Path, results: dict[str, Any]) -> None:
    """Write a file."""
    rows = results["rows"].items()
    loops = list(dict.fromkeys(loop for _, row in rows for loop in row["cells"]))
    lines = [
        f"# {kind}\t{name}\t{value}"
        for kind in ("machine", "versions")
        for name, value in results[kind].items()
    ]
    lines.append("\t".join([*COLUMNS, *loops]))
    for name, row in rows:
        cells = [_text(row["cells"].get(loop, {"values": []})) for loop in loops]
        lines.append("\t".join([row["group"], name, row["unit"], str(row["rounds"]), *cells]))
    path.write_text("\n".join(lines) + "\n")


def _cell(text: str) -> dict[str, Any]:
    values, failed, reason = text.partition(FAILED)
    cell: dict[str, Any] = {"values": [float(value) for value in values.split()]}
    if failed:
        cell["failure"] = reason
    return cell


def _text(cell: dict[str, Any]) -> str:
    values = [f"{value:.{SIGNIFICANT_DIGITS}g}" for value in cell["values"]]
    failure = [FAILED + " ".join(cell["failure"].split())] if "failure" in cell else []
    return " ".join(values + failure)

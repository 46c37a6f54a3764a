"""Compare event loops.

    python benches/run.py [--only TEXT]... [--loops ferrio,uvloop] [--rounds N] [--quick] [--keep] [--missing]
                          [--results FILE]

Each cell is measured in a process of its own. The loops take turns, A B C A B C, so that a noisy machine is
noisy for all of them. The medians are printed. The values of all rounds go to a file in benches/results/;
`benches/report.py` makes the report from it.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import loops
import micro
import network
import results_file
import system

HERE = Path(__file__).parent
# Rows that a quick run leaves out.
SLOW = ("a million pending", "100,000 tasks", "1 GB")


def measure_micro(loop: str, name: str) -> float:
    """Run a row of one process."""
    answer = subprocess.run(
        [sys.executable, str(HERE / "micro.py"), loop, name],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
        preexec_fn=network.pinned(1),
    )
    return float(answer.stdout)


def rows(only: list[str], quick: bool) -> list[tuple[str, str, str, Any]]:
    """Return the rows to run: name, group, unit, the function that measures."""
    found: list[tuple[str, str, str, Any]] = []
    for name, one in micro.ROWS.items():
        found.append((name, one.group, "ns", measure_micro))
    for name, other in network.ROWS.items():
        if other.quick or not quick:
            unit = "us of CPU for 100 KB" if other.group == "bulk" else "us of CPU"
            found.append((name, other.group, unit, network.measure))
    for name, third in system.ROWS.items():
        found.append((name, third.group, third.unit, system.measure))
    if quick:
        found = [row for row in found if not any(slow in row[0] for slow in SLOW)]
    return [row for row in found if any(text.lower() in f"{row[0]} ({row[1]})".lower() for text in only)]


def machine() -> dict[str, Any]:
    """Return where the measurements are made."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": model[0].partition(":")[2].strip() if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
    }


def measure_row(name: str, function: Any, who: list[str], rounds: int) -> dict[str, Any]:
    """Measure one row on each loop, in turns."""
    cells: dict[str, dict[str, Any]] = {one: {"values": []} for one in who}
    for _ in range(rounds):
        for one in who:
            cell = cells[one]
            if "failure" in cell:
                continue
            try:
                answer = function(one, name)
            except subprocess.TimeoutExpired as error:
                cell["failure"] = f"no answer within {error.timeout:g} seconds"
                continue
            except (subprocess.SubprocessError, RuntimeError, ValueError, OSError) as error:
                text = getattr(error, "stderr", None) or str(error)
                cell["failure"] = text.strip().splitlines()[-1][:200] if text.strip() else repr(error)
                continue
            cell["values"].append(answer)
    return cells


def in_order(measured: dict[str, Any]) -> dict[str, Any]:
    """Return rows in the order of their definition, so that runs of single rows do not move them."""
    defined = [name for name, *_ in rows([""], quick=False) if name in measured]
    return {name: measured[name] for name in dict.fromkeys([*defined, *measured])}


def describe(cells: dict[str, Any]) -> str:
    """Return one line: each loop's median."""
    parts = []
    for one, cell in cells.items():
        values = cell["values"]
        parts.append(f"{one} {statistics.median(values):,.2f}" if values else f"{one} failed")
    return "; ".join(parts)


def main() -> None:
    """Run the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only",
        action="append",
        metavar="TEXT",
        help="rows with this in their name or (group); any of several",
    )
    parser.add_argument("--loops", default="", help="a list with commas; epoll and uring are the yardsticks")
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="how often each cell is measured")
    parser.add_argument("--quick", action="store_true", help="fewer rows, fewer rounds")
    parser.add_argument("--keep", action="store_true", help="keep the file's rows that are not measured now")
    parser.add_argument("--missing", action="store_true", help="keep the file's rows, and measure the others")
    parser.add_argument(
        "--results", type=Path, default=results_file.FOLDER / "benchmarks.tsv", metavar="FILE"
    )
    args = parser.parse_args()
    rounds = args.rounds or (3 if args.quick else 5)
    who = args.loops.split(",") if args.loops else network.available()
    file = results_file.read(args.results) if args.results.exists() else {}
    known, keeps = file.get("rows", {}), args.keep or args.missing
    chosen = [row for row in rows(args.only or [""], args.quick) if not (args.missing and row[0] in known)]
    if any(function is not measure_micro for *_, function in chosen):
        network.build_client()
    results: dict[str, Any] = {
        "machine": machine(),
        "versions": file.get("versions", {}) if keeps else {},
        "rows": known if keeps else {},
    }
    for one in who:
        if one not in network.YARDSTICKS:
            results["versions"][one] = loops.version(one)
    print(f"CPython {results['machine']['python']}, median of {rounds}")
    for name, group, unit, function in chosen:
        if function is network.measure:
            mine = network.participants(network.ROWS[name], who)
        else:
            mine = [one for one in who if one not in network.YARDSTICKS]
        cells = measure_row(name, function, mine, rounds)
        results["rows"][name] = {"group": group, "unit": unit, "rounds": rounds, "cells": cells}
        print(f"{name} [{unit}]: {describe(cells)}", flush=True)
        # Whatever ends the run, what was measured stays.
        results_file.write(args.results, results | {"rows": in_order(results["rows"])})


if __name__ == "__main__":
    main()

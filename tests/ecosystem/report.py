"""The table of a run, and `docs/ecosystem.md`, which has the results of the last run of each suite."""

from __future__ import annotations

import json
from typing import Any

from .environments import ROOT
from .judging import known_differences
from .running import BAD, MODES, Run
from .suites import SUITES

DATA = ROOT / "docs/data/ecosystem.json"
DOCUMENT = ROOT / "docs/ecosystem.md"


def figures(run: Run) -> dict[str, Any]:
    """Return what the table shows of a run."""
    return {
        "passed": run.count("passed"),
        "failed": run.count(*BAD),
        "skipped": run.count("skipped", "xfailed"),
        "cpu": round(run.cpu, 1),
    }


def rows(results: dict[str, dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows: a suite, and for each mode passed / failed / skipped, and the CPU time."""
    modes = [mode for mode in MODES if any(mode in result["modes"] for result in results.values())]
    head = ["suite", *(text for mode in modes for text in (mode, "CPU s"))]
    lines = []
    for name, result in results.items():
        line = [f"{name} {result['version']}"]
        for mode in modes:
            count = result["modes"].get(mode)
            if count is None:
                line += ["-", "-"]
            else:
                line += [
                    f"{count['passed']:,} / {count['failed']} / {count['skipped']}",
                    f"{count['cpu']:.1f}",
                ]
        lines.append(line)
    return head, lines


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the table as text with aligned columns."""
    head, lines = rows(results)
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in (head, *lines)
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def write(results: dict[str, dict[str, Any]], python: str) -> None:
    """Put the results of this run in the place of earlier ones of the same suites, and write the document."""
    data = json.loads(DATA.read_text()) if DATA.exists() else {}
    data |= {name: {**result, "python": python} for name, result in results.items()}
    data = {name: data[name] for name in SUITES if name in data}
    DATA.write_text(json.dumps(data, indent=1) + "\n")
    DOCUMENT.write_text(document(data))


def document(data: dict[str, dict[str, Any]]) -> str:
    """Return the text of `docs/ecosystem.md`."""
    head, lines = rows(data)
    text = [
        "# Test suites of other packages",
        "",
        "`make ecosystem` wrote this file. It runs the test suites of well-used packages on stock asyncio and on Ferrio:",
        "",
        *(f"- **{mode}**: {what}" for mode, what in MODES.items()),
        "",
        "The tests come from the packages' source distributions; `tests/ecosystem/suites.py` names their versions, and",
        "`tests/ecosystem/pins/` those of everything else that is installed. A cell has the tests that passed / failed /",
        "were skipped; the CPU time is that of the tests and of their child processes. Tests that fail in all columns fail",
        "on this machine whatever the loop is, for example for want of a network.",
        "",
        f"Interpreters: {', '.join(sorted({result['python'] for result in data.values()}))}.",
        "",
        f"| {' | '.join(head)} |",
        f"|---|{'---:|' * (len(head) - 1)}",
        *(f"| {' | '.join(line)} |" for line in lines),
        "",
        "A test that passes on asyncio and not on Ferrio makes the run fail, unless it is among the known differences. Such",
        "a test is first run again alone, three times on both; what then fails on both, or passes on both, is *flaky*.",
        "",
        "## Known differences",
        "",
    ]
    known = known_differences()
    text += [f"- `{test}`: {reason}" for test, reason in known.items()] or ["There are none."]
    flaky = [
        f"- `{name}: {test}` ({mode})"
        for name, result in data.items()
        for mode, tests in result["flaky"].items()
        for test in tests
    ]
    if flaky:
        text += ["", "## Flaky in the last run", "", *flaky]
    left_out = [
        f"- `{name}: {test}`: {reason}" for name in data for test, reason in SUITES[name].left_out.items()
    ]
    if left_out:
        text += ["", "## Left out on every loop", "", *left_out]
    return "\n".join(text) + "\n"

"""Make a report, with its plots, from a file in benches/results/.

python benches/report.py [FILE]

A file NAME.tsv becomes docs/NAME.md and docs/plots/NAME/. The default is benchmarks.tsv.
"""

import math
import statistics
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import loops
import network
import results_file

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
# The report that ends with the notes, which are about its measurements.
NOTED = "benchmarks"
NOTES = Path(__file__).parent / "notes.md"

MICRO_GROUPS = ("scheduling", "primitives")


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean; NaN of nothing."""
    values = [value for value in values if value > 0]
    return math.exp(statistics.fmean(map(math.log, values))) if values else math.nan


class Row:
    """One row's medians."""

    def __init__(self, name: str, row: dict[str, Any]) -> None:
        self.name = name
        self.group = row["group"]
        self.unit = row["unit"]
        self.rounds = row.get("rounds", 1)
        self.cells = row["cells"]
        self.medians = {
            loop: statistics.median(cell["values"]) for loop, cell in self.cells.items() if cell["values"]
        }

    def spread(self, loop: str) -> float:
        """Return how far the measurements lie apart, in percent of the median."""
        values, median = self.cells[loop]["values"], self.medians[loop]
        return 100 * (max(values) - min(values)) / median if median else 0.0

    def ratio(self, other: str, loop: str) -> float:
        """Return how many times better loop is than another: more than 1 is better.

        Of how early or late a timer is, less is not always better, and there is no ratio.
        """
        if self.group == "timers":
            return math.nan
        if not self.medians.get(other) or not self.medians.get(loop):
            return math.nan
        ours, theirs = self.cells[loop]["values"], self.cells[other]["values"]
        if len(ours) != len(theirs) or 0 in ours:
            return float(self.medians[other] / self.medians[loop])
        # Those of one round stand side by side: what disturbs the machine for longer disturbs both.
        return statistics.median(their / our for our, their in zip(ours, theirs, strict=True))

    def best_peer(self) -> str | None:
        """Return the peer with the lowest value."""
        if self.group == "timers":
            return None
        peers = [loop for loop in loops.PEERS if self.medians.get(loop)]
        return min(peers, key=lambda loop: self.medians[loop]) if peers else None

    def to_best(self, loop: str) -> float:
        """Return how many times better loop is than the best peer."""
        best = self.best_peer()
        return self.ratio(best, loop) if best else math.nan


def number(value: float) -> str:
    """Return three significant digits."""
    if math.isnan(value):
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def times(value: float) -> str:
    """Return a ratio."""
    return "" if math.isnan(value) else f"{value:.2f}"


class Target:
    """What a group has to reach."""

    def __init__(self, what: str, wanted: str, found: float, is_met: Callable[[float], bool]) -> None:
        self.what = what
        self.wanted = wanted
        self.found = found
        self.answer = "not measured" if math.isnan(found) else "met" if is_met(found) else "**not met**"


def at_least(bound: float) -> Callable[[float], bool]:
    """Return a test for a lower bound."""
    return lambda found: found >= bound


def at_most(bound: float) -> Callable[[float], bool]:
    """Return a test for an upper bound."""
    return lambda found: found <= bound


def targets(rows: list[Row]) -> list[Target]:
    """Return the targets with what was measured."""
    micro = [row for row in rows if row.group in MICRO_GROUPS]
    found: list[Target] = []

    def add(what: str, wanted: str, value: float, is_met: Callable[[float], bool]) -> None:
        found.append(Target(what, wanted, value, is_met))

    def mean(chosen: list[Row], value: Callable[[Row], float]) -> float:
        return geometric_mean(v for row in chosen if not math.isnan(v := value(row)))

    def named(*parts: str) -> list[Row]:
        return [row for row in rows if all(part in row.name for part in parts)]

    for loop, what, uvloop, best in (
        ("ferrio", "with install()", 4.0, 1.5),
        ("ferrio-loop", "loop only", 2.0, 1.1),
    ):
        title = f"scheduling and primitives, {what}"
        add(
            f"{title}: times uvloop",
            f"at least {uvloop}",
            mean(micro, lambda r: r.ratio("uvloop", loop)),
            at_least(uvloop),
        )
        add(
            f"{title}: times the best peer of each row",
            f"at least {best}",
            mean(micro, lambda r: r.to_best(loop)),
            at_least(best),
        )
    compared = [row for row in micro if not math.isnan(row.to_best("ferrio"))]
    if compared:
        worst = min(compared, key=lambda row: row.to_best("ferrio"))
        add(
            f"the same, with install(): the worst row ({worst.name}), times its best peer",
            "at least 1",
            worst.to_best("ferrio"),
            at_least(1),
        )

    def against(other: str, loop: str = "ferrio") -> Callable[[Row], float]:
        return lambda row: 1 / ratio if (ratio := row.ratio(other, loop)) else math.nan

    busy = "1 KB, 200 connections"
    for what in ("Protocol", "BufferedProtocol"):
        add(
            f"echo by {what}, {busy}: CPU, times the epoll server's",
            "at most 1.2",
            mean(named(f"by {what},", busy), against("epoll")),
            at_most(1.2),
        )
    for what, bound in (("streams", 0.5), ("sock_*", 0.5)):
        add(
            f"echo by {what}, {busy}: CPU, times uvloop's",
            f"at most {bound}",
            mean(named(f"by {what},", busy), against("uvloop")),
            at_most(bound),
        )
    add(
        f"echo by streams, {busy}: CPU, times the epoll server's",
        "at most 1.5",
        mean(named("by streams,", busy), against("epoll")),
        at_most(1.5),
    )
    for size in ("100 KB", "1 MB"):
        add(
            f"echo by Protocol, {size}: CPU, times the epoll server's",
            "at most 1.1",
            mean(named("by Protocol,", size), against("epoll")),
            at_most(1.1),
        )
    for row in named("bulk"):
        add(f"{row.name}: CPU, times the epoll server's", "at most 1.1", against("epoll")(row), at_most(1.1))
    for what in ("Protocol", "BufferedProtocol"):
        add(
            f"echo by {what} over a Unix socket, 1 KB: CPU, times the epoll server's",
            "at most 1.2",
            mean(named(f"by {what} over", "1 KB"), against("epoll")),
            at_most(1.2),
        )
    add(
        "UDP echo: CPU, times the epoll server's",
        "at most 1.2",
        mean(named("UDP"), against("epoll")),
        at_most(1.2),
    )
    for what, bound in (
        ("TLS echo by Protocol, 1 KB", 0.8),
        ("TLS echo by streams, 1 KB", 0.6),
        ("TLS handshakes", 0.85),
    ):
        add(
            f"{what}: CPU, times uvloop's",
            f"at most {bound}",
            mean(named(what), against("uvloop")),
            at_most(bound),
        )
    for what in ("uvicorn", "aiohttp"):
        add(
            f"{what}: CPU, times the best peer's",
            "less than 1",
            mean(named(what), lambda row: 1 / row.to_best("ferrio")),
            lambda value: value < 1,
        )
    for row in named("subprocess"):
        add(f"{row.name}: times asyncio's", "at most 0.6", against("asyncio")(row), at_most(0.6))
    idle, plain = named("beside"), named("by Protocol,", busy)
    if idle and plain and "ferrio" in idle[0].medians and "ferrio" in plain[0].medians:
        value = idle[0].medians["ferrio"] / plain[0].medians["ferrio"]
        add(
            "busy connections beside idle ones: CPU, times that without them",
            "at most 1.05",
            value,
            at_most(1.05),
        )
    for row in named("memory for an idle connection"):
        add(f"{row.name}: times uvloop's", "less than 1", against("uvloop")(row), lambda value: value < 1)
    few, many = named("sleep(0) in 10 tasks"), named("sleep(0) in 100,000 tasks")
    if few and many and "ferrio" in few[0].medians and "ferrio" in many[0].medians:
        add(
            "sleep(0) in 100,000 tasks: times that in 10",
            "flat (1.5)",
            many[0].medians["ferrio"] / few[0].medians["ferrio"],
            at_most(1.5),
        )
    for row in named("late by"):
        add(f"{row.name}, in us", "at most 100", row.medians.get("ferrio", math.nan), at_most(100))
    for row in named("early by"):
        add(f"{row.name}, in us", "0", row.medians.get("ferrio", math.nan), at_most(0))
    for row in named("wake-ups"):
        add(row.name, "0", row.medians.get("ferrio", math.nan), at_most(0))
    for row in named("import and an empty run"):
        add(f"{row.name}: times asyncio's", "at most 1", against("asyncio")(row), at_most(1))
    return found


def table(head: list[str], lines: list[list[str]]) -> str:
    """Return a Markdown table; columns after the first are numbers."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


def group_table(rows: list[Row], columns: list[str]) -> str:
    """Return the table of one group."""
    head = [
        f"{rows[0].group}, {rows[0].unit}".rstrip(", "),
        *columns,
        "uvloop / ferrio",
        "best / ferrio",
        "rounds",
        "spread",
    ]
    lines = []
    for row in rows:
        best = row.best_peer()
        cells = []
        for loop in columns:
            value = number(row.medians.get(loop, math.nan))
            cells.append(f"**{value}**" if loop == best and value else value)
        spread = f"{row.spread('ferrio'):.0f} %" if row.rounds > 1 and "ferrio" in row.medians else ""
        lines.append(
            [
                row.name,
                *cells,
                times(row.ratio("uvloop", "ferrio")),
                times(row.to_best("ferrio")),
                str(row.rounds),
                spread,
            ]
        )
    return table(head, lines)


def plot(path: Path, title: str, rows: list[Row]) -> None:
    """Draw how many times better than uvloop Ferrio and each row's best peer are."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "ferrio"
    from matplotlib import pyplot

    rows = [row for row in rows if not math.isnan(row.ratio("uvloop", "ferrio"))]
    if not rows:
        return
    figure, axes = pyplot.subplots(figsize=(9, 0.5 + 0.34 * len(rows)), layout="constrained")
    places = range(len(rows))
    ours = [row.ratio("uvloop", "ferrio") for row in rows]
    best = [row.ratio("uvloop", row.best_peer() or "uvloop") for row in rows]
    axes.barh([place - 0.2 for place in places], ours, 0.4, label="Ferrio", color="#b7410e")
    axes.barh([place + 0.2 for place in places], best, 0.4, label="the best peer of the row", color="#8aa1b1")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(list(places), [row.name for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("times as good as uvloop")
    axes.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write(results: dict[str, Any], report: str) -> None:
    """Write a report and its plots."""
    rows = [Row(name, row) for name, row in results["rows"].items()]
    machine = results["machine"]
    versions = ", ".join(f"{loop} {version}" for loop, version in results["versions"].items() if version)
    plots = DOCS / "plots" / report
    plots.mkdir(parents=True, exist_ok=True)
    parts = [
        "# Benchmarks",
        "",
        "`make bench` measures, and `python benches/report.py` writes this report."
        + (" Only the notes at the end are written by hand." if report == NOTED else ""),
        "",
        "- Lower values are better. A ratio above 1 is in Ferrio's favour. The best other loop of each row is bold.",
        "- `ferrio` is Ferrio with `ferrio.install()`, `ferrio-loop` only its loop. `epoll` and `uring` are echo",
        "  servers in Rust, without Python.",
        '- A value is the median of the rounds; the column "rounds" has their number. "spread" is the distance',
        "  between Ferrio's lowest and highest round, in percent of its median. A ratio is the median of the ratios",
        "  of the rounds.",
        "",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, CPython {machine['python']},",
        f"{machine['date']}. Loops: {versions}.",
        "",
        "## Targets",
        "",
        table(
            ["", "target", "measured", ""],
            [[t.what, t.wanted, times(t.found), t.answer] for t in targets(rows)],
        ),
        "",
    ]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    failures = []
    for group, members in groups.items():
        present = {loop for row in members for loop in row.medians}
        columns = [loop for loop in (*loops.ALL, *network.YARDSTICKS) if loop in present]
        parts += [f"## {group[0].upper()}{group[1:]}", "", group_table(members, columns), ""]
        name = "".join(c if c.isalnum() else "-" for c in group).strip("-").lower()
        picture = plots / f"{name}.svg"
        plot(picture, group, members)
        if picture.exists():
            parts += [f"![{group}]({picture.relative_to(DOCS)})", ""]
        for row in members:
            failures += [
                [row.name, loop, cell["failure"]] for loop, cell in row.cells.items() if "failure" in cell
            ]
    if failures:
        parts += ["## What did not run", "", table(["row", "loop", "why"], failures), ""]
    if report == NOTED:
        parts += [NOTES.read_text().rstrip(), ""]
    (DOCS / f"{report}.md").write_text("\n".join(parts))


if __name__ == "__main__":
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else results_file.FOLDER / f"{NOTED}.tsv"
    write(results_file.read(file), file.stem)

"""python -m ferrio top PID: what a process does, again and again; as a console, a table, or JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from ferrio.inspection.client import ask, number_of
from ferrio.inspection.sorting import SORTS

__all__ = ("lines", "main", "samples")

# Counters of a loop whose change for a second is shown.
_RATES = ("iterations", "callbacks", "bytes_in", "bytes_out")

# Of one sample, the rates are those of so many seconds.
_FIRST_INTERVAL = 0.5

# The shortest time between two samples, in seconds: the other process works for each of them.
_SHORTEST = 0.05


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser("python -m ferrio top", description="Show what a process does.")
    parser.add_argument("pid", help="it runs under python -m ferrio, or has called ferrio.listen()")
    parser.add_argument("--json", action="store_true", help="print one sample as JSON")
    parser.add_argument("--record", metavar="FILE", help="write a sample as a line of JSON at each interval")
    parser.add_argument("--plain", action="store_true", help="a table, also where Textual is installed")
    parser.add_argument("--browser", action="store_true", help="show the console as a page")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two samples (1)")
    parser.add_argument("--count", type=int, help="end after so many samples")
    parser.add_argument("--limit", type=int, default=50, help="show so many tasks (50)")
    parser.add_argument("--sort", choices=list(SORTS), default="time", help="how tasks are sorted (time)")
    options = parser.parse_args(arguments)
    pid = number_of(options.pid)
    if not _SHORTEST <= options.interval < threading_limit() or options.limit < 0:
        parser.error(f"an interval is at least {_SHORTEST} seconds, and a limit at least 0")
    if options.count is not None and options.count < 1:
        parser.error("a count is at least 1")
    # Ctrl-C, and a pipe whose reader has gone.
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _run(pid, options)


def threading_limit() -> float:
    """Return how many seconds a thread can wait at most."""
    from threading import TIMEOUT_MAX

    return TIMEOUT_MAX


def _run(pid: int, options: Any) -> None:
    if options.json:
        print(
            json.dumps(
                next(samples(pid, min(options.interval, _FIRST_INTERVAL), options.limit, options.sort))
            )
        )
        return
    if options.record:
        try:
            file = open(options.record, "a")  # noqa: SIM115  # closed below
        except OSError as error:
            raise SystemExit(f"ferrio: can't write {options.record}: {error.strerror}") from None
        with file:
            for number, one in enumerate(samples(pid, options.interval, options.limit, options.sort), 1):
                file.write(json.dumps(one) + "\n")
                file.flush()
                if number == options.count:
                    return
        return
    if options.browser:
        from ferrio.inspection.console import serve

        serve(pid, options.interval, options.limit, options.sort)
        return
    if not options.plain and options.count is None and sys.stdout.isatty():
        with contextlib.suppress(ImportError):
            from ferrio.inspection.console import show

            show(pid, options.interval, options.limit, options.sort)
            return
    clear = "\x1b[H\x1b[2J" if sys.stdout.isatty() else ""
    for number, one in enumerate(samples(pid, options.interval, options.limit, options.sort), 1):
        print(clear + "\n".join(lines(one)), flush=True)
        if number == options.count:
            return


def samples(pid: int, interval: float, limit: int, sort: str) -> Iterator[dict[str, Any]]:
    """Yield a sample at each interval, with the changes of its counters for a second."""
    question = {"ask": "top", "limit": limit, "sort": sort}
    before = ask(pid, question)
    while True:
        time.sleep(interval)
        sample = ask(pid, question)
        yield with_rates(sample, before)
        before = sample


def with_rates(sample: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return a sample with the changes of its counters for a second since the one before."""
    seconds = sample.get("time", 0.0) - before.get("time", 0.0)
    if seconds <= 0:
        return sample
    sample["cpu_percent"] = 100 * (sample["cpu"] - before.get("cpu", 0.0)) / seconds
    known = {loop["id"]: loop for loop in before["loops"]}
    for loop in sample["loops"]:
        old = known.get(loop["id"], {})
        loop["rates"] = {name: (loop[name] - old.get(name, 0)) / seconds for name in _RATES}
    return sample


def lines(sample: dict[str, Any]) -> list[str]:
    """Return a sample as a table."""
    found = [process_line(sample)]
    for number, loop in enumerate(sample["loops"], 1):
        found += loop_lines(number, loop)
    found += [f"  {text}" for text in sample["deadlocks"] or ()]
    found += ["", _row("TASK", "AGE", "TIME", "STEPS", "LONGEST", "SINCE", "WAITS FOR")]
    for task in sample.get("tasks", ()):
        found.append(_row(task["name"], *task_cells(task), f"{task['what']} ({task['place']})"))
    return found


def process_line(sample: dict[str, Any]) -> str:
    """Return what is known of the process, as a line."""
    return (
        f"process {sample.get('pid', '?')}, Python {sample.get('python', '?')}, "
        f"CPU {sample.get('cpu_percent', 0):.0f} %, {_bytes(sample.get('memory', 0))} of memory, "
        f"{sample['tasks_total']:,} tasks"
    )


def loop_lines(number: int, loop: dict[str, Any]) -> list[str]:
    """Return what is known of a loop, as lines."""
    rates = loop.get("rates", {})
    state = "runs" if loop["running"] else "does not run"
    found = [
        f"loop {number} {state} in thread {loop['thread']}: lag {_time(loop['lag'])} "
        f"(half below {_time(loop['lag_p50'])}, 99 % below {_time(loop['lag_p99'])}, "
        f"worst {_time(loop['lag_worst'])})",
        f"  {rates.get('iterations', 0):,.0f} iterations/s, {rates.get('callbacks', 0):,.0f} callbacks/s; "
        f"{loop['ready']:,} ready, {loop['timers']:,} timers, {loop['descriptors']:,} descriptors",
        f"  {loop['connections']:,} connections: {_bytes(rates.get('bytes_in', 0))}/s in, "
        f"{_bytes(rates.get('bytes_out', 0))}/s out, {_bytes(loop['bytes_waiting'])} waiting; "
        f"calls in threads: {loop['executor_running']} running, {loop['executor_queued']} queued",
    ]
    callback = loop["callback"]
    if callback is not None:
        what = "a callback" if callback["task"] is None else f"Task {callback['task']}"
        found.append(f"  BLOCKED for {callback['seconds']:.2f} s by {what}:")
        found += ["  " + text for text in callback["stack"].splitlines()]
    return found


def task_cells(task: dict[str, Any]) -> list[str]:
    """Return the times of a task: age, time, steps, longest step, and since when it waits."""
    if "age" not in task:
        return ["", "", "", "", ""]
    return [
        _time(task["age"]),
        _time(task["running"]),
        f"{task['steps']:,}",
        _time(task["longest"]),
        _time(task["waiting"]),
    ]


def _row(*cells: str) -> str:
    name, *times, what = cells
    return f"{name[:24]:<24} " + " ".join(f"{cell:>9}" for cell in times) + f"  {what}"


def _time(seconds: float) -> str:
    if seconds >= 100:
        return f"{seconds:,.0f} s"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    if seconds >= 0.001:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1e6:.0f} us"


def _bytes(number: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if abs(number) < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return ""

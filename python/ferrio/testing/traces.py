"""Trace: what a simulated loop ran, as lines that two runs of one schedule have in common."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from ferrio.inspection.chains import LIBRARIES
from ferrio.testing import graph

__all__ = ("Trace", "first_difference")

# Lines of each trace that are shown before the first difference, and from it on.
_BEFORE, _AFTER = 2, 8


class Trace:
    """What ran, a line for each. It has no addresses, and it counts tasks from 1."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        # The tasks when the test failed, as text.
        self.tasks = ""
        self.loop: Any = None
        # The number of the first task, by which the others are counted.
        self._first_number: int | None = None
        # The tasks are kept, so that their identities stay theirs.
        self._tasks: dict[int, tuple[Any, str]] = {}

    def __call__(self, entry: Any, index: int, width: int) -> None:
        """Note an entry that is about to run."""
        if self.loop is None or self.loop.is_stuck:
            # What runs now cleans up.
            return
        time = self.loop.time()
        choice = f" [{index} of {width}]" if width > 1 else ""
        self.lines.append(f"{time:12.6f} {self._describe(entry)}{choice}")

    def _describe(self, entry: Any) -> str:
        if isinstance(entry, asyncio.Task):
            return f"{self._name(entry)} at {graph.place_of(entry.get_coro())}"
        if isinstance(entry, asyncio.TimerHandle):
            return f"timer {_callback(entry)}"
        if isinstance(entry, asyncio.Handle):
            return f"call {_callback(entry)}"
        return f"{type(entry).__name__}"

    def _name(self, task: Any) -> str:
        known = self._tasks.get(id(task))
        if known is not None:
            return known[1]
        name, number = str(task.get_name()), graph.number_of(task)
        if number is not None:
            if self._first_number is None:
                self._first_number = number
            coroutine = getattr(task.get_coro(), "__qualname__", type(task.get_coro()).__name__)
            name = f"task {number - self._first_number + 1} ({coroutine})"
        self._tasks[id(task)] = (task, name)
        return name

    def close(self) -> None:
        """Note nothing more, and let go of the tasks and the loop."""
        self._tasks.clear()
        self.loop = None

    def __str__(self) -> str:
        return "\n".join(self.lines)


def _callback(handle: Any) -> str:
    function = handle._callback
    function = getattr(function, "func", function)
    name = getattr(function, "__qualname__", None) or type(function).__name__
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if name == "_set_result_unless_cancelled":
        return "of sleep()"
    if code is None:
        return str(name)
    if code.co_filename.startswith(LIBRARIES):
        # The interpreters' own lines differ.
        return f"{name} of {os.path.basename(code.co_filename)}"
    return f"{name} of {os.path.basename(code.co_filename)}:{code.co_firstlineno}"


def first_difference(ordinary: Trace, failing: Trace) -> str:
    """Return both traces from a little before their first difference."""
    same = 0
    for one, other in zip(ordinary.lines, failing.lines, strict=False):
        if one != other:
            break
        same += 1
    text = []
    for title, trace in (("in the ordinary order", ordinary), ("in this one", failing)):
        start = max(0, same - _BEFORE)
        lines = trace.lines[start : same + _AFTER]
        text.append(f"{title}, from entry {start}:")
        text += [f"{'>' if start + at == same else ' '} {line}" for at, line in enumerate(lines)]
        if not lines:
            text.append("  nothing more ran")
    return "\n".join(text)

"""Who waits for whom in a simulated loop, as text that two runs have in common: tasks are counted from 1."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from ferrio.inspection.chains import place_of
from ferrio.inspection.deadlocks import graph_of

__all__ = ("number_of", "of_tasks", "place_of", "without_addresses")

# The name of a task that nobody has named. The number is counted over all loops of the process.
_DEFAULT_NAME = re.compile(r"Task-(\d+)")


def of_tasks(loop: Any) -> str:
    """Return a line for each task that is not done: its name, where it stands, and what it waits for."""
    tasks = sorted(asyncio.all_tasks(loop), key=_age)
    return _with_numbers_from_1(without_addresses(graph_of(tasks)), _first_number(tasks))


def _age(task: Any) -> tuple[int, str]:
    number = number_of(task)
    return (number, "") if number is not None else (1 << 62, task.get_name())


def number_of(task: Any) -> int | None:
    """Return the number in the name of a task that nobody has named, or None."""
    match = _DEFAULT_NAME.fullmatch(task.get_name())
    return int(match[1]) if match else None


def _first_number(tasks: list[Any]) -> int:
    return min((number for number in map(number_of, tasks) if number is not None), default=1)


def without_addresses(text: str) -> str:
    """Return a text that two runs have in common: objects have no addresses."""
    return re.sub(r" (object )?at 0x[0-9a-f]+", "", text)


def _with_numbers_from_1(text: str, first: int) -> str:
    return _DEFAULT_NAME.sub(lambda match: f"task {int(match[1]) - first + 1}", text)

"""Who waits for whom: the tasks of a loop as text."""

from __future__ import annotations

import asyncio
import gc
import os
import re
from typing import Any

__all__ = ("name_of", "number_of", "of_tasks", "place_of", "without_addresses")

LIBRARIES = (os.path.dirname(asyncio.__file__), os.path.dirname(os.path.dirname(__file__)))

# The name of a task that nobody has named. The number is counted over all loops of the process.
_DEFAULT_NAME = re.compile(r"Task-(\d+)")

# The attributes in which asyncio's primitives keep the futures of those that wait for them.
_WAITERS = ("_waiters", "_getters", "_putters")

_PRIMITIVES = (
    asyncio.Lock,
    asyncio.Event,
    asyncio.Condition,
    asyncio.Semaphore,
    asyncio.Barrier,
    asyncio.Queue,
)


def of_tasks(loop: Any) -> str:
    """Return a line for each task that is not done: its name, where it stands, and what it waits for."""
    tasks = sorted(asyncio.all_tasks(loop), key=_age)
    primitives = _primitives_by_waiter() if tasks else {}
    holders = _holders(tasks, {id(primitive) for primitive in primitives.values()})
    text = "\n".join(f"  {_line(task, primitives, holders)}" for task in tasks)
    return _with_numbers_from_1(without_addresses(text), _first_number(tasks))


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


def _line(task: Any, primitives: dict[int, Any], holders: dict[int, list[Any]]) -> str:
    waiter = getattr(task, "_fut_waiter", None)
    if waiter is None:
        what = "is ready to run"
    elif isinstance(waiter, asyncio.Task):
        what = f"waits for {name_of(waiter)}"
    elif id(waiter) in primitives:
        primitive = primitives[id(waiter)]
        what = f"waits for {primitive!r}"
        names = [name_of(holder) for holder in holders.get(id(primitive), ()) if holder is not task]
        if names:
            what += f", which {' and '.join(names)} has entered"
    else:
        awaited = [child for child in getattr(waiter, "_children", None) or () if not child.done()]
        what = "waits for " + (", ".join(map(name_of, awaited)) if awaited else repr(waiter))
    return f"{name_of(task)} at {place_of(task.get_coro())} {what}"


def name_of(task: Any) -> str:
    """Return the name of a task, with its coroutine's."""
    coroutine = getattr(task.get_coro(), "__qualname__", None)
    return f"{task.get_name()} ({coroutine})" if coroutine else str(task.get_name())


def _holders(tasks: list[Any], wanted: set[int]) -> dict[int, list[Any]]:
    """Return the tasks that stand inside of `async with` one of these primitives, by its identity.

    A suspended coroutine has the method __aexit__ on its stack, or the method and the object side by side. A
    lock that was acquired by other means has no holder that could be found.
    """
    found: dict[int, list[Any]] = {}
    for task in tasks:
        coroutine = task.get_coro()
        while coroutine is not None:
            things = gc.get_referents(coroutine)
            for at, thing in enumerate(things):
                if getattr(thing, "__name__", None) != "__aexit__":
                    continue
                for owner in (getattr(thing, "__self__", None), *things[max(0, at - 1) : at + 2]):
                    if id(owner) in wanted and task not in found.setdefault(id(owner), []):
                        found[id(owner)].append(task)
            coroutine = getattr(coroutine, "cr_await", None)
    return found


def place_of(coroutine: Any) -> str:
    """Return where a coroutine stands, as file:line in function: the innermost place outside of asyncio."""
    found = "its beginning"
    while coroutine is not None:
        kind = next((kind for kind in ("cr", "gi", "ag") if hasattr(coroutine, f"{kind}_frame")), None)
        if kind is None:
            break
        frame = getattr(coroutine, f"{kind}_frame")
        if frame is not None:
            file = frame.f_code.co_filename
            if not file.startswith(LIBRARIES):
                found = f"{os.path.basename(file)}:{frame.f_lineno} in {frame.f_code.co_name}"
        awaited = "gi_yieldfrom" if kind == "gi" else f"{kind}_await"
        coroutine = getattr(coroutine, awaited, None)
    return found


def _primitives_by_waiter() -> dict[int, Any]:
    """Return the primitives of asyncio that somebody waits for, by the identities of the futures."""
    found = {}
    for thing in gc.get_objects():
        # Not isinstance(): that asks mocks and proxies.
        if not issubclass(type(thing), _PRIMITIVES):
            continue
        for attribute in _WAITERS:
            for waiter in getattr(thing, attribute, None) or ():
                found[id(waiter)] = thing
    return found

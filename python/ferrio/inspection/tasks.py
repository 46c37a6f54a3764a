"""The description of this process's tasks: where each of them is, and which tasks await it."""

from __future__ import annotations

import sys
import threading
import types

from ferrio import _core
from ferrio.inspection import chains
from ferrio.inspection.breathing import breathe
from ferrio.inspection.waits import contents

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("describe_tasks",)


def describe_tasks() -> list[dict[str, Any]]:
    """Return a description of every pending task of Ferrio's in this process.

    thread: the operating system's number of the thread that runs its loop; id, name; stack: the functions
    that it is in, innermost first, as (name, file, line); awaited_by: the ids of the tasks that await it.
    """
    tasks: list[Any] = _core.all_tasks()
    threads = {thread.ident: thread.native_id for thread in threading.enumerate()}
    frames = sys._current_frames()
    by_identity = {id(task): task for task in tasks}
    by_waiter: dict[int, list[Any]] = {}
    for task in tasks:
        by_waiter.setdefault(id(task._fut_waiter), []).append(task)
    by_waiter.pop(id(None), None)
    described = []
    for task in tasks:
        breathe()
        ident = getattr(task.get_loop(), "_thread_id", None)
        described.append(
            {
                "thread": threads.get(ident) or 0,
                "id": id(task),
                "name": task.get_name(),
                "stack": _stack(task.get_coro(), frames.get(ident) if ident else None),
                "awaited_by": [id(awaiter) for awaiter in _awaiters(task, by_identity, by_waiter)],
            }
        )
    return described


def _stack(coroutine: Any, running: types.FrameType | None) -> list[tuple[str, str, int]]:
    """Return the functions that a coroutine is in, innermost first."""
    stack: list[tuple[str, str, int]] = []
    for link in chains.links(coroutine):
        frame = chains.frame_of(link)
        if frame is None:
            # Ferrio's own coroutines have no frame, but a name.
            name = getattr(link, "__qualname__", None)
            if name is not None and hasattr(link, "send"):
                stack.insert(0, (name, "", 0))
            break
        stack.insert(0, _entry(frame))
        if getattr(link, "cr_running", False):
            # The functions that it has called are on the thread's stack, above it.
            called: list[tuple[str, str, int]] = []
            while running is not None and running is not frame:
                called.append(_entry(running))
                running = running.f_back
            if running is not None:
                stack = called + stack
    return stack


def _entry(frame: types.FrameType) -> tuple[str, str, int]:
    return (frame.f_code.co_qualname, frame.f_code.co_filename, frame.f_lineno or 0)


def _awaiters(task: Any, tasks: dict[int, Any], by_waiter: dict[int, list[Any]]) -> list[Any]:
    """Return the tasks that await a task, directly or in a group, a gather or a wait.

    tasks: all tasks, by their identities. by_waiter: those that wait for a future, by its identity.
    """
    found = {id(one): one for one in getattr(task, "_asyncio_awaited_by", None) or ()}
    awaited = {id(task)}
    for callback, *_ in task._callbacks or ():
        for thing in contents(callback):
            awaited.add(id(thing))
            parent = getattr(thing, "_parent_task", None)
            if parent is not None:
                found[id(parent)] = parent
    for key in awaited:
        found.update((id(one), one) for one in by_waiter.get(key, ()))
    return [one for key, one in found.items() if key in tasks]

"""Deadlocks: a loop that has tasks, and nothing that could ever wake it.

The loop tells before it waits with no timer, no descriptor of the program's and nothing from other threads
(`_when_stuck`). What is left to ask is here: may a signal handler or another thread wake it?
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import weakref
from collections.abc import Iterator

from ferrio import _core
from ferrio.executor import Executor

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("DeadlockError", "look", "threads_at_work")

# Tasks that are listed in the error and in the log.
_MOST_TASKS = 200


class DeadlockError(RuntimeError):
    """Nothing can run any more, whatever time passes. It tells which task waits for what."""


def look(loop: Any, how: Any) -> None:
    """Raise DeadlockError for a loop that waits for nothing, or log it.

    how: "log", True or "always". Nothing happens where a signal handler or another thread may wake the loop,
    unless tasks wait for each other in a circle, or how is "always".
    """
    from ferrio.inspection.graph import Graph

    if how == "log" and (_may_be_woken(loop) or loop in _told):
        return
    tasks = [task for task in asyncio.all_tasks(loop) if not task.done()]
    if not tasks or loop._has_work():
        # It waits for calls from other threads, or for a signal. Or a thread has called meanwhile.
        return
    if how is True and _may_be_woken(loop) and not Graph(tasks).circles():
        return
    text = "nothing can wake the loop any more\n" + graph_of(tasks)
    if how == "log":
        import logging

        _told.add(loop)
        logging.getLogger("ferrio").warning("%s", text)
        return
    raise DeadlockError(text)


def graph_of(tasks: list[Any]) -> str:
    """Return the deadlocks among tasks, and a line for each task."""
    from ferrio.inspection.explanation import circles, line
    from ferrio.inspection.graph import Graph

    graph = Graph(tasks)
    lines = [*circles(graph), *(line(graph, task) for task in tasks[:_MOST_TASKS])]
    if len(tasks) > _MOST_TASKS:
        lines.append(f"... and {len(tasks) - _MOST_TASKS} more tasks")
    return "\n".join(f"  {text}" for text in lines)


# Handlers of these only raise an exception: Ctrl-C in asyncio.run(), and the end of a test's time.
_KNOWN = {"asyncio.runners", "pytest_timeout"}

# The loops of which the log has told.
_told: weakref.WeakSet[Any] = weakref.WeakSet()


def _may_be_woken(loop: Any) -> bool:
    """Return whether a signal handler or another thread may wake a loop."""
    return bool(loop._signal_handlers) or _has_signal_handler() or any(threads_at_work(loop))


def _has_signal_handler() -> bool:
    """Return whether the program has a signal handler of its own, which may do anything."""
    if threading.current_thread() is not threading.main_thread():
        # The main thread runs it, and counts as another thread.
        return False
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if not callable(handler) or isinstance(handler, signal.Handlers):
            continue
        module = getattr(getattr(handler, "func", handler), "__module__", None)
        owner = getattr(type(handler), "__module__", "")
        if (
            handler is not signal.default_int_handler
            and module not in _KNOWN
            and not owner.startswith("ferrio.")
        ):
            return True
    return False


def threads_at_work(loop: Any) -> Iterator[Any]:
    """Yield the threads that may call the loop: all but those that wait for the loop to give them work."""
    idle = {threading.current_thread()}
    known = 1
    for thread in threading.enumerate():
        known += 1
        if thread not in idle and not _is_idle(thread, loop):
            yield thread
    # Threads that are unknown to Python may call it later.
    try:
        number = len(os.listdir("/proc/self/task"))
    except OSError:
        return
    if number >= known:
        yield None


def _is_idle(thread: threading.Thread, loop: Any) -> bool:
    if thread.name in {"ferrio-inspection", "ferrio-watch-blocking"}:
        return True
    for executor in (loop._own_executor, loop._resolver, loop._default_executor):
        if thread not in (getattr(executor, "_threads", None) or ()):
            continue
        queue = executor._work_queue
        if isinstance(executor, Executor):
            is_idle = isinstance(queue, _core.CallQueue) and queue.idle == len(executor._threads)
        else:
            semaphore = getattr(executor, "_idle_semaphore", None)
            is_idle = getattr(semaphore, "_value", 0) >= len(executor._threads)
        return bool(is_idle and queue.qsize() == 0)
    return False

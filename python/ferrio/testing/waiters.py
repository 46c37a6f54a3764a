"""Who of those that wait for a queue is woken first: asyncio promises no order, so a simulated loop chooses.

Ferrio's queues ask the loop. asyncio's own do it while a simulation runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ("choose_first", "queues_ask")

_lock = threading.Lock()

# How many simulations run, in all threads.
_running = 0


def choose_first(loop: Any, waiters: Any) -> None:
    """Have the schedule of a simulated loop choose one of a deque of futures, and put it first."""
    live = [waiter for waiter in waiters if not waiter.done()]
    index = loop._choose(len(live)) if len(live) > 1 else 0
    if index:
        waiters.remove(live[index])
        waiters.appendleft(live[index])


@contextlib.contextmanager
def queues_ask() -> Iterator[None]:
    """Have asyncio's own queues ask the running loop, if it is simulated, for the time of the block."""
    global _running
    with _lock:
        if not _running:
            _replace()
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if not _running:
                _restore()


# The class whose method is replaced, and the method; nothing if asyncio has none of this name.
_replaced: list[tuple[Any, Any]] = []


def _replace() -> None:
    for kind in asyncio.Queue.__mro__:
        original: Any = vars(kind).get("_wakeup_next")
        if original is None:
            continue

        @functools.wraps(original)
        def wake_up_next(self: Any, waiters: Any, original: Any = original) -> None:
            choose = getattr(asyncio._get_running_loop(), "_choose_waiter", None)
            if choose is not None:
                choose(waiters)
            original(self, waiters)

        kind._wakeup_next = wake_up_next  # type: ignore[attr-defined]
        _replaced.append((kind, original))


def _restore() -> None:
    for kind, original in _replaced:
        kind._wakeup_next = original
    _replaced.clear()

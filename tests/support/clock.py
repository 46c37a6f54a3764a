"""Waiting for a condition. A test that waits for a time instead fails on a slow machine, or is slow on every machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

# Seconds that a condition may take. A quiet machine needs milliseconds; a loaded one still gets there.
PATIENCE = 20.0

# Seconds between two looks at a condition.
PAUSE = 0.001


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise AssertionError(f"the condition did not hold within {PATIENCE} s")


async def until(condition: Callable[[], Any]) -> None:
    """Run the loop until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        _check(deadline)
        await asyncio.sleep(PAUSE)


def block_until(condition: Callable[[], Any]) -> None:
    """Block this thread until other threads or the kernel make a condition hold."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        _check(deadline)
        time.sleep(PAUSE)


async def only_this_task() -> None:
    """Run the loop until every other task has ended."""
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})


async def closed(*servers: Any) -> None:
    """Close servers, and run the loop until they and their connections have ended."""
    for server in servers:
        server.close()
        await asyncio.wait_for(server.wait_closed(), PATIENCE)
        # Python 3.11's wait_closed() does not wait for the connections.
        await until(lambda server=server: not server._has_clients())  # type: ignore[misc]


async def turns(count: int = 3) -> None:
    """Run a few iterations of the loop, for callbacks that are already scheduled."""
    for _ in range(count):
        await asyncio.sleep(0)

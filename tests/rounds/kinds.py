"""The kinds, and what they share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

# How many objects a round makes of a kind, unless the system takes its time for each.
COUNT = 20

Kind = Callable[[], Awaitable[None]]
KINDS: dict[str, Any] = {}
# Why a kind is not to be had on this interpreter.
MISSING: dict[str, str] = {}


def kind(function: Any) -> Any:
    """Add a kind."""
    KINDS[function.__name__.strip("_")] = function
    return function


def kind_of(versions: bool, reason: str) -> Callable[[Any], Any]:
    """Add a kind that some versions of the interpreter have."""

    def add(function: Any) -> Any:
        if not versions:
            MISSING[function.__name__.strip("_")] = reason
        return kind(function)

    return add


async def nothing() -> None:
    """Go round once."""
    await asyncio.sleep(0)


async def fail() -> None:
    """Raise after a round."""
    await asyncio.sleep(0)
    raise ValueError("again")


async def cancelled(*tasks: Any) -> None:
    """Start and cancel."""
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

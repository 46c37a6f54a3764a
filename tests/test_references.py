"""No reference is lost: a few rounds with each kind of object, in each of which a loop of its own comes and goes.

A debug build of the interpreter counts all references; with any other, the objects are counted that the garbage
collector knows. As in CPython's own hunt for leaks, a kind leaks if the count grows in every round: caches fill up once.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
from typing import Any

import ferrio
import pytest
from rounds import coroutines, loops, networks, primitives, tasks, waiting
from rounds.kinds import KINDS, MISSING, Kind
from support.growth import ROUNDS, growth, leaks

# Each of them adds its kinds.
MODULES = [tasks, waiting, primitives, coroutines, networks, loops]


def run(operation: Kind) -> None:
    """Run it on a loop that comes and goes."""
    ferrio.run(operation())  # type: ignore[arg-type]


def marks(name: str) -> list[Any]:
    """What is said about a kind."""
    return [pytest.mark.skip(reason=MISSING[name])] if name in MISSING else []


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in KINDS])
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
def test_nothing_is_lost(name: str) -> None:
    grown = growth(lambda: run(KINDS[name]))
    assert not leaks(grown), grown


@pytest.mark.skipif(not hasattr(sys, "gettotalrefcount"), reason="a debug build counts references")
def test_one_lost_reference_is_noticed() -> None:
    victim: list[Any] = []

    async def lose() -> None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(victim))

    grown = growth(lambda: run(lose))
    assert grown == [1] * ROUNDS and leaks(grown)


def test_one_lost_object_is_noticed() -> None:
    kept: list[Any] = []

    async def lose() -> None:
        kept.append(asyncio.Event())

    assert leaks(growth(lambda: run(lose)))

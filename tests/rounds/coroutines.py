"""Coroutines that are not left to run to their end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import warnings
from typing import Any

import ferrio
import pytest

from rounds.kinds import COUNT, kind


def coroutines() -> list[Any]:
    """One of each kind, for what is in the way."""
    loop = asyncio.get_running_loop()
    lock, event, queue = ferrio.Lock(), ferrio.Event(), ferrio.Queue()
    never = loop.create_future()
    return [
        ferrio.sleep(1000),
        ferrio.sleep(0),
        lock.acquire(),
        event.wait(),
        queue.get(),
        queue.put(1),
        queue.join(),
        ferrio.Semaphore(0).acquire(),
        ferrio.Barrier(2).wait(),
        ferrio.wait([never]),
        ferrio.wait_for(never, 1000),
        ferrio.StreamReader(loop=loop).read(5),
        ferrio.StreamReader(loop=loop).readexactly(5),
        ferrio.StreamReader(loop=loop).readline(),
        ferrio.StreamReader(loop=loop).readuntil(b"x"),
        asyncio.to_thread(int),
    ]


@kind
async def _coroutine_that_is_never_awaited() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(COUNT):
            for coroutine in coroutines():
                assert repr(coroutine)
            del coroutine


@kind
async def _coroutine_in_a_cycle_that_is_never_awaited() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(COUNT):
            holder: list[Any] = []
            holder.append((holder, *coroutines()))
        del holder
        gc.collect()


@kind
async def _coroutine_that_is_closed() -> None:
    for _ in range(COUNT):
        for coroutine in coroutines():
            coroutine.close()
        for coroutine in coroutines():
            with contextlib.suppress(StopIteration):
                coroutine.send(None)
            coroutine.close()


@kind
async def _coroutine_that_is_thrown_into() -> None:
    for _ in range(COUNT):
        for coroutine in coroutines():
            with pytest.raises(ValueError):
                coroutine.throw(ValueError("thrown"))
        for coroutine in coroutines():
            with contextlib.suppress(StopIteration):
                coroutine.send(None)
            with contextlib.suppress(ValueError, RuntimeError):
                coroutine.throw(ValueError("thrown"))


@kind
async def _coroutine_that_is_dropped() -> None:
    for _ in range(COUNT):
        for coroutine in coroutines():
            with contextlib.suppress(StopIteration):
                coroutine.send(None)
        holder: list[Any] = []
        for coroutine in coroutines():
            with contextlib.suppress(StopIteration):
                coroutine.send(None)
            holder.append((holder, coroutine))
        del coroutine

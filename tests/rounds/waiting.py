"""Waiting for several: gather(), wait(), shield(), task groups, timeouts."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import ferrio
import pytest

from rounds.kinds import COUNT, cancelled, fail, kind, nothing


@kind
async def _gather() -> None:
    for _ in range(COUNT):
        await ferrio.gather(nothing(), nothing(), asyncio.sleep(0))
        await ferrio.gather(fail(), nothing(), return_exceptions=True)
        with pytest.raises(ValueError):
            await ferrio.gather(fail(), nothing())
        await cancelled(ferrio.gather(asyncio.sleep(1000), nothing()))
        await ferrio.gather()


@kind
async def _wait() -> None:
    for _ in range(COUNT):
        never: Any = asyncio.get_running_loop().create_future()
        tasks = [ferrio.create_task(nothing()), ferrio.create_task(fail())]
        await ferrio.wait([*tasks, never], return_when=asyncio.FIRST_EXCEPTION)
        await ferrio.wait([*tasks, never], return_when=asyncio.FIRST_COMPLETED)
        await ferrio.wait([never], timeout=0.0001)
        await cancelled(ferrio.create_task(ferrio.wait([never])))
        for task in tasks:
            task.exception()
        never.cancel()


@kind
async def _wait_for() -> None:
    for _ in range(COUNT):
        await ferrio.wait_for(nothing(), 1000)
        with pytest.raises(ValueError):
            await ferrio.wait_for(fail(), 1000)
        with pytest.raises(TimeoutError):
            await ferrio.wait_for(asyncio.sleep(1000), 0.0001)
        with pytest.raises(TimeoutError):
            await ferrio.wait_for(asyncio.get_running_loop().create_future(), 0)
        await cancelled(ferrio.create_task(ferrio.wait_for(asyncio.sleep(1000), 1000)))


@kind
async def _shield() -> None:
    for _ in range(COUNT):
        await ferrio.shield(nothing())
        with pytest.raises(ValueError):
            await ferrio.shield(fail())
        inner = ferrio.create_task(asyncio.sleep(0.0001))
        await cancelled(ferrio.shield(inner))
        await inner


@kind
async def _as_completed() -> None:
    for _ in range(COUNT):
        for one in ferrio.as_completed([nothing(), nothing()]):
            await one
        never = asyncio.get_running_loop().create_future()
        with pytest.raises(TimeoutError):
            for one in ferrio.as_completed([never, nothing()], timeout=0.001):
                await one
        if sys.version_info >= (3, 13):
            async for task in ferrio.as_completed([nothing(), nothing()]):
                await task
        never.cancel()


@kind
async def _task_group() -> None:
    for _ in range(COUNT):
        async with ferrio.TaskGroup() as group:
            group.create_task(nothing())
        with pytest.raises(BaseExceptionGroup):
            async with ferrio.TaskGroup() as group:
                group.create_task(fail())
                group.create_task(asyncio.sleep(1000))

        async def outer() -> None:
            async with ferrio.TaskGroup() as group:
                group.create_task(asyncio.sleep(1000))

        await cancelled(ferrio.create_task(outer()))


@kind
async def _timeout() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(COUNT):
        async with ferrio.timeout(1000) as limit:
            limit.reschedule(loop.time() + 500)
            assert repr(limit)
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with ferrio.timeout_at(loop.time()):
                await asyncio.sleep(1000)
        async with ferrio.timeout(None):
            pass

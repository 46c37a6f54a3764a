"""Queues, locks, events, conditions, barriers."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import ferrio
import pytest

from rounds.kinds import COUNT, cancelled, kind, kind_of


@kind
async def _queue() -> None:
    for make in (ferrio.Queue, ferrio.LifoQueue, ferrio.PriorityQueue):
        for _ in range(COUNT):
            queue: Any = make(2)
            putting = [ferrio.create_task(queue.put(number)) for number in range(1000, 1004)]
            assert [await queue.get() for _ in range(4)]
            await ferrio.gather(*putting)
            for _ in range(4):
                queue.task_done()
            await queue.join()
            with pytest.raises(asyncio.QueueEmpty):
                queue.get_nowait()
            await cancelled(ferrio.create_task(queue.get()))
            queue.put_nowait(1001)
            assert repr(queue)
            queue.cycle = queue


@kind_of(sys.version_info >= (3, 13), "shutdown() came with 3.13")
async def _queue_that_is_shut_down() -> None:
    for _ in range(COUNT):
        queue: Any = ferrio.Queue()
        getting = ferrio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.shutdown()
        with pytest.raises(asyncio.QueueShutDown):
            await getting


@kind
async def _locks() -> None:
    for _ in range(COUNT):
        for primitive in (ferrio.Lock(), ferrio.Semaphore(1), ferrio.BoundedSemaphore(1)):

            async def hold(primitive: Any = primitive) -> None:
                async with primitive:
                    await asyncio.sleep(0)

            await ferrio.gather(hold(), hold(), hold())
            async with primitive:
                await cancelled(ferrio.create_task(hold()))
            assert repr(primitive)
            primitive.cycle = primitive


@kind
async def _event() -> None:
    for _ in range(COUNT):
        event = ferrio.Event()
        waiting = [ferrio.create_task(event.wait()) for _ in range(3)]
        await cancelled(ferrio.create_task(event.wait()))
        event.set()
        await ferrio.gather(*waiting)
        event.clear()


@kind
async def _condition() -> None:
    for _ in range(COUNT):
        condition = ferrio.Condition()
        ready: list[int] = []

        async def wait(condition: Any = condition, ready: Any = ready) -> None:
            async with condition:
                await condition.wait_for(lambda: ready)

        waiting = [ferrio.create_task(wait()) for _ in range(3)]
        await cancelled(ferrio.create_task(wait()))
        async with condition:
            ready.append(1)
            condition.notify()
            condition.notify_all()
        await ferrio.gather(*waiting)


@kind
async def _barrier() -> None:
    for _ in range(COUNT):
        barrier = ferrio.Barrier(3)
        await ferrio.gather(*[barrier.wait() for _ in range(3)])
        waiting = ferrio.create_task(barrier.wait())
        await asyncio.sleep(0)
        await barrier.abort()
        with pytest.raises(asyncio.BrokenBarrierError):
            await waiting
        await barrier.reset()

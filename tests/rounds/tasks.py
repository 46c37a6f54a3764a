"""Tasks, futures, handles and timers."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator
from typing import Any

import ferrio
import pytest

from rounds.kinds import COUNT, cancelled, fail, kind, kind_of, nothing


@kind
async def _task() -> None:
    for number in range(COUNT):
        task = ferrio.create_task(nothing(), name=f"task {number}")
        assert repr(task) and task.get_stack() is not None and task.get_name()
        await task


@kind
async def _task_of_a_class() -> None:
    class Derived(ferrio.Task):
        pass

    for _ in range(COUNT):
        await Derived(nothing(), loop=asyncio.get_running_loop())


@kind
async def _task_that_fails() -> None:
    for _ in range(COUNT):
        with pytest.raises(ValueError):
            await ferrio.create_task(fail())


@kind
async def _task_that_is_cancelled() -> None:
    for _ in range(COUNT):
        tasks = [ferrio.create_task(asyncio.sleep(1000)), ferrio.create_task(nothing())]
        tasks[1].cancel("before it starts")
        await cancelled(*tasks)
        assert tasks[0].cancelled() and tasks[1].cancelled()


@kind_of(sys.version_info < (3, 15), "it is refused from 3.15 on")
async def _task_that_is_initialised_again() -> None:
    loop = asyncio.get_running_loop()
    for number in range(COUNT):
        task = ferrio.Task(nothing(), loop=loop)
        await task
        task.__init__(asyncio.sleep(0, number), loop=loop)
        assert await task == number


@kind
async def _task_that_nobody_asks() -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: None)
    for _ in range(COUNT):
        ferrio.create_task(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect(0)


@kind
async def _task_that_yields_nonsense() -> None:
    class Nonsense:
        def __await__(self) -> Iterator[Any]:
            yield 5

    async def wait() -> None:
        await Nonsense()

    for _ in range(COUNT):
        with pytest.raises(RuntimeError):
            await ferrio.create_task(wait())


@kind
async def _task_in_a_cycle() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(COUNT):
        future = loop.create_future()

        async def wait(future: Any = future) -> None:
            await future

        future.waiting = ferrio.create_task(wait())
        await asyncio.sleep(0)
        future.set_result(future)
        await future.waiting


@kind_of(sys.version_info >= (3, 12), "eager tasks came with 3.12")
async def _eager_task() -> None:
    loop = asyncio.get_running_loop()

    async def at_once() -> int:
        return 1

    for _ in range(COUNT):
        for work in (at_once(), nothing()):
            await ferrio.Task(work, loop=loop, eager_start=True)
        with pytest.raises(ValueError):
            await ferrio.Task(fail(), loop=loop, eager_start=True)


@kind
async def _foreign_tasks_and_futures() -> None:
    loop = asyncio.get_running_loop()
    original = __import__("_asyncio")
    for _ in range(COUNT):
        future = original.Future(loop=loop)
        task = ferrio.create_task(wait_for_it(future))
        foreign = original.Task(wait_for_it(task), loop=loop)
        await asyncio.sleep(0)
        future.set_result(1)
        await foreign


async def wait_for_it(awaitable: Any) -> Any:
    """Await."""
    return await awaitable


@kind
async def _future() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(COUNT):
        future = loop.create_future()
        future.add_done_callback(print)
        future.add_done_callback(lambda future: future)
        future.remove_done_callback(print)
        assert repr(future)
        loop.call_soon(future.set_result, future)
        assert await future is future
        failing = ferrio.Future()
        failing.set_exception(ValueError)
        with pytest.raises(ValueError):
            await failing
        assert failing.exception()
        given_up = ferrio.Future()
        given_up.cancel("why")
        with pytest.raises(asyncio.CancelledError):
            await given_up
        given_up.cycle = given_up


@kind
async def _iterated_future() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(COUNT):
        future = loop.create_future()
        iterator = iter(future)
        assert next(iterator) is future
        with pytest.raises(ValueError):
            iterator.throw(ValueError("thrown"))
        future._asyncio_future_blocking = False
        iterator = future.__await__()
        iterator.send(None)
        iterator.close()
        future._asyncio_future_blocking = False
        iterator = future.__await__()
        next(iterator)
        future.set_result(1)
        with pytest.raises(StopIteration):
            next(iterator)


@kind
async def _handle() -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: repr(context))
    for number in range(COUNT):
        for count in range(5):
            loop.call_soon(lambda *args: args, *[object() for _ in range(count)])
        loop.call_soon(int, "no number")
        loop.call_soon(int).cancel()
        loop.call_soon_threadsafe(int, number)
        handle = ferrio.Handle(int, (number,), loop)
        assert repr(handle)
        handle._run()
        handle.cancel()
    await asyncio.sleep(0)


@kind
async def _timer() -> None:
    loop = asyncio.get_running_loop()
    for number in range(COUNT):
        done = loop.create_future()
        loop.call_later(0.0001, done.set_result, number)
        timer = loop.call_at(loop.time() + 1000, print, number)
        assert repr(timer) and timer == timer and hash(timer)
        timer.cancel()
        loop.call_later(1000, lambda loop=loop: loop)  # until the loop is closed
        await done

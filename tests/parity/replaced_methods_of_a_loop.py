"""A method of a running loop that the program replaces is the one that is called, and again the loop's own afterwards."""

import asyncio
import time
from unittest import mock

import ferrio


async def clock():
    loop = asyncio.get_running_loop()
    fired = []
    now = loop.time()
    loop.call_later(3600, fired.append, "an hour")
    with mock.patch.object(loop, "time", return_value=now + 3601):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        print(fired, loop.time() == now + 3601)
        timer = loop.call_later(5, print)
        print(timer.when() == now + 3606)
        timer.cancel()
    print(loop.time() < now + 60)
    timer = loop.call_later(5, print)
    print(timer.when() < now + 60)
    timer.cancel()


async def wrapped():
    loop = asyncio.get_running_loop()
    calls = []

    def wrap(name):
        original = getattr(loop, name)

        def wrapper(*args, **kwargs):
            calls.append(name)
            return original(*args, **kwargs)

        setattr(loop, name, wrapper)

    for name in (
        "call_soon",
        "call_later",
        "call_at",
        "create_task",
        "create_future",
        "call_soon_threadsafe",
    ):
        wrap(name)

    async def child():
        await asyncio.sleep(0)
        return 1

    async def seen(label, awaitable):
        calls.clear()
        await awaitable
        print(label, calls)

    await seen("task", asyncio.create_task(child()))
    await seen("sleep", asyncio.sleep(0.001))
    await seen("wait", asyncio.wait([asyncio.ensure_future(child())]))
    await seen("thread", loop.run_in_executor(None, time.sleep, 0.05))
    calls.clear()
    async with asyncio.timeout(10):
        await asyncio.sleep(0)
    print("timeout", calls)
    future = loop.create_future()
    calls.clear()
    loop.call_later(0, future.set_result, None)
    await future
    print("call_later", calls)
    for name in (
        "call_soon",
        "call_later",
        "call_at",
        "create_task",
        "create_future",
        "call_soon_threadsafe",
    ):
        delattr(loop, name)
    calls.clear()
    await asyncio.create_task(child())
    await asyncio.sleep(0.001)
    print("after", calls)


ferrio.run(clock())
ferrio.run(wrapped())

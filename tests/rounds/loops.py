"""Threads, signals, asynchronous generators, debug mode."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import Any

import pytest

from rounds.kinds import COUNT, KINDS, kind, nothing


@kind
async def _executor() -> None:
    def work(fails: bool) -> float:
        return 1 / (not fails)

    loop = asyncio.get_running_loop()
    for _ in range(COUNT):
        assert await loop.run_in_executor(None, work, False) == 1
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(work, True)
        given_up = loop.run_in_executor(None, work, False)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
    assert await loop.getaddrinfo("127.0.0.1", 80)


@kind
async def _other_threads() -> None:
    loop = asyncio.get_running_loop()

    def work() -> None:
        for _ in range(COUNT):
            assert asyncio.run_coroutine_threadsafe(nothing(), loop).result(60) is None
        loop.call_soon_threadsafe(done.set_result, None)

    done = loop.create_future()
    thread = threading.Thread(target=work)
    thread.start()
    await done
    thread.join()


@kind
async def _signals() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(5):
        seen = loop.create_future()
        loop.add_signal_handler(signal.SIGUSR1, seen.set_result, 1)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert await seen
        loop.remove_signal_handler(signal.SIGUSR1)


@kind
async def _asynchronous_generator() -> None:
    async def numbers() -> Any:
        yield 1
        await asyncio.sleep(0)
        yield 2

    for _ in range(COUNT):
        async for number in numbers():
            break
        assert [number async for number in numbers()] == [1, 2]


@kind
async def _debug_mode() -> None:
    asyncio.get_running_loop().set_debug(True)
    for name in ("handle", "future", "task", "task_that_fails"):
        await KINDS[name]()

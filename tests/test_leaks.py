"""Nothing stays behind: many rounds with each kind of object, then references, descriptors, threads and memory."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import ferrio
import pytest
from support.certificates import contexts
from support.clock import closed, only_this_task, turns, until
from support.growth import descriptors, objects, resident_memory, threads

ROUNDS = 10_000


def held() -> tuple[int, set[str], int]:
    """Return what the process has: objects, descriptors and threads."""
    return objects(), descriptors(), threads()


async def _tasks(count: int) -> None:
    async def nothing() -> None:
        await asyncio.sleep(0)

    for _ in range(count // 100):
        await ferrio.gather(*[ferrio.create_task(nothing()) for _ in range(100)])


async def _futures(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        future = loop.create_future()
        future.add_done_callback(lambda future: future)
        loop.call_soon(future.set_result, future)  # a cycle
        await future


async def _handles(count: int) -> None:
    loop = asyncio.get_running_loop()
    for number in range(count):
        loop.call_soon(int).cancel()
        loop.call_later(1000, int).cancel()
        loop.call_soon_threadsafe(int)
        if number % 100 == 0:
            await asyncio.sleep(0)


async def _cancelled_waits(count: int) -> None:
    lock, event, queue = ferrio.Lock(), ferrio.Event(), ferrio.Queue()
    condition, semaphore, barrier = ferrio.Condition(), ferrio.Semaphore(0), ferrio.Barrier(2)
    await lock.acquire()

    async def wait() -> None:
        async with condition:
            await condition.wait()

    never = asyncio.get_running_loop().create_future()
    for _ in range(count // 8):
        waits = [lock.acquire(), event.wait(), queue.get(), wait(), semaphore.acquire(), barrier.wait()]
        tasks = [ferrio.create_task(one) for one in waits]
        tasks += [ferrio.create_task(ferrio.wait([never])), ferrio.create_task(ferrio.wait_for(never, 1000))]
        shielded = ferrio.shield(never)
        await asyncio.sleep(0)
        shielded.cancel()
        for task in tasks:
            task.cancel()
        await ferrio.wait(tasks)
        if never.cancelled():
            never = asyncio.get_running_loop().create_future()
    never.cancel()


async def _exceptions(count: int) -> None:
    async def fail() -> None:
        raise ValueError("again")

    for _ in range(count // 10):
        for error in await ferrio.gather(*[fail() for _ in range(10)], return_exceptions=True):
            assert isinstance(error, ValueError)
        with pytest.raises(BaseExceptionGroup):
            async with ferrio.TaskGroup() as group:
                group.create_task(fail())
        with pytest.raises(TimeoutError):
            async with ferrio.timeout(0):
                await asyncio.sleep(1)


async def _connections(count: int, **tls: Any) -> None:
    async def answer(reader: Any, writer: Any) -> None:
        try:
            writer.write(await reader.readline())
            await writer.drain()
        finally:
            writer.close()

    async def ask() -> None:
        reader, writer = await ferrio.open_connection(
            *server.sockets[0].getsockname(),
            ssl=tls.get("client"),
            server_hostname="leaks" if tls else None,
        )
        writer.write(b"line\n")
        assert await reader.readline() == b"line\n"
        writer.close()
        await writer.wait_closed()

    server = await ferrio.start_server(answer, "127.0.0.1", 0, ssl=tls.get("server"))
    for _ in range(count // 2):
        await ask()
    for _ in range(count // 100):
        await asyncio.gather(*[ask() for _ in range(50)])
    await closed(server)


async def _tls(count: int) -> None:
    server, client = contexts("leaks")
    await _connections(count, server=server, client=client)


async def _servers(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        server.close()
        await server.wait_closed()


async def _datagrams(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        transport.sendto(b"x", transport.get_extra_info("sockname"))
        transport.close()
        await asyncio.sleep(0)


async def _pipes(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        read_end, write_end = os.pipe()
        reading, _ = await loop.connect_read_pipe(asyncio.Protocol, os.fdopen(read_end, "rb", 0))
        writing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(write_end, "wb", 0))
        writing.write(b"x")
        writing.close()
        reading.close()
        await asyncio.sleep(0)


async def _low_level(count: int) -> None:
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.setblocking(False)
        for _ in range(count):
            receiving = ferrio.create_task(loop.sock_recv(one, 100))
            await asyncio.sleep(0)
            receiving.cancel()
            await ferrio.wait([receiving])
            receiving = ferrio.create_task(loop.sock_recv(one, 100))
            await loop.sock_sendall(other, b"x")
            assert await receiving == b"x"


async def _subprocesses(count: int) -> None:
    for _ in range(count):
        process = await asyncio.create_subprocess_exec("true", stdout=asyncio.subprocess.PIPE)
        await process.communicate()


async def _threads(count: int) -> None:
    def work(fails: bool) -> int:
        return 1 // (not fails)

    for number in range(count // 2):
        calls = [
            asyncio.to_thread(work, number % 8 == 0),
            asyncio.get_running_loop().run_in_executor(None, work, False),
        ]
        if number % 4 == 0:
            calls[1].cancel()
        await asyncio.gather(*calls, return_exceptions=True)


KINDS: dict[str, Callable[[int], Awaitable[None]]] = {
    "tasks": _tasks,
    "futures": _futures,
    "handles": _handles,
    "cancelled_waits": _cancelled_waits,
    "exceptions": _exceptions,
    "low_level": _low_level,
    "connections": _connections,
    "tls": _tls,
    "servers": _servers,
    "datagrams": _datagrams,
    "pipes": _pipes,
    "subprocesses": _subprocesses,
    "threads": _threads,
}


async def settled() -> None:
    """Let the other ends of connections see that they are closed, and threads that have done their work wait."""
    await only_this_task()
    await turns()


@pytest.mark.parametrize(
    "kind",
    # The system takes its time for those that are marked.
    [pytest.param(kind, marks=[pytest.mark.slow] * (kind in {"tls", "subprocesses"})) for kind in KINDS],
)
@pytest.mark.measures
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nothing_stays_behind(kind: str) -> None:
    operation = KINDS[kind]

    async def main() -> tuple[Any, Any, float, float]:
        await operation(ROUNDS // 10)
        await settled()
        before, memory_before = held(), resident_memory()
        await operation(ROUNDS)
        await settled()
        return before, held(), memory_before, resident_memory()

    before, after, memory_before, memory_after = ferrio.run(main())
    # Free lists and caches may keep a few.
    assert after[0] <= before[0] + 200, (before, after)
    assert after[1:] == before[1:]
    assert memory_after <= memory_before + 8, (memory_before, memory_after)


def test_a_cycle_through_a_callback_is_collected() -> None:
    class Thing:
        pass

    async def main() -> list[weakref.ref[Any]]:
        loop = asyncio.get_running_loop()
        references = []
        for make in (
            lambda thing: loop.create_future().add_done_callback(lambda _: thing),
            lambda thing: loop.call_later(1000, lambda: thing).cancel(),
            lambda thing: setattr(thing, "future", loop.create_future()),
        ):
            thing: Any = Thing()
            make(thing)
            future = loop.create_future()
            thing.own = future
            future.add_done_callback(lambda _, thing=thing: thing)
            references.append(weakref.ref(thing))
        del thing, future
        return references

    references = ferrio.run(main())
    gc.collect()
    assert [reference() for reference in references] == [None, None, None]


def test_a_loop_that_is_dropped_without_close_warns_and_frees_everything() -> None:
    before = descriptors()
    loop = ferrio.new_event_loop()
    reference = weakref.ref(loop)
    loop.call_later(1000, lambda: loop)  # noqa: F821  # a cycle, until it is deleted
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        del loop
        gc.collect()
    assert reference() is None
    assert descriptors() == before


def test_references_to_none_and_true_do_not_leak() -> None:
    if sys.version_info >= (3, 12):
        pytest.skip("they are immortal")

    async def main() -> None:
        await _cancelled_waits(800)
        await _handles(1000)

    ferrio.run(main())
    before = sys.getrefcount(None), sys.getrefcount(True)
    ferrio.run(main())
    after = sys.getrefcount(None), sys.getrefcount(True)
    assert abs(after[0] - before[0]) < 100
    assert abs(after[1] - before[1]) < 100


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_subprocess_that_is_collected_with_a_paused_pipe() -> None:
    reports: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context))
        for _ in range(20):
            process: Any = await asyncio.create_subprocess_exec(
                "head", "-c", "300000", "/dev/zero", stdout=asyncio.subprocess.PIPE
            )
            # More than a reader keeps: it pauses its pipe, which then nobody watches.
            while process._transport.get_pipe_transport(1).is_reading():
                await asyncio.sleep(0)
            process.kill()
            await until(lambda process=process: process.returncode is not None)  # type: ignore[misc]
            del process
            gc.collect()
            await asyncio.sleep(0)

    ferrio.run(main())
    assert reports == []

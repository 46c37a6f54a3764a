"""No reference is lost: a few rounds with each kind of object, in each of which a loop of its own comes and goes.

A debug build of the interpreter counts all references; with any other, the objects are counted that the garbage
collector knows. As in CPython's own hunt for leaks, a kind leaks if the count grows in every round: caches fill up once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import ferrio
import pytest
from support.certificates import contexts
from support.clock import closed
from support.growth import ROUNDS, growth, leaks

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


# Tasks and futures.


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


# Waiting for several.


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


# Primitives.


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


# Coroutines that are not left to run to their end.


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


# Networks.


class Echo(asyncio.Protocol):
    """Sends back."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.writelines([b"", data[:0]])


class Tells:
    """Tells of the first data and of the end."""

    def __init__(self) -> None:
        self.lost = asyncio.get_running_loop().create_future()
        self.seen = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Any) -> None:
        self.lost.set_result(None)


class Seeing(Tells, asyncio.Protocol):
    """Reads what comes."""

    def data_received(self, data: bytes) -> None:
        if not self.seen.done():
            self.seen.set_result(data)


class Buffered(Tells, asyncio.BufferedProtocol):
    """Reads into a buffer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = bytearray(100)

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self.buffer)

    def buffer_updated(self, nbytes: int) -> None:
        if not self.seen.done():
            self.seen.set_result(nbytes)


async def exchange(server: Any, connect: Callable[[], Awaitable[Any]]) -> None:
    """Connect a few times and send there and back."""
    for ends in ("close", "abort", "close"):
        transport, protocol = await connect()
        transport.write(b"hello")
        assert await protocol.seen
        assert repr(transport) and transport.get_extra_info("peername") is not None
        getattr(transport, ends)()
        await protocol.lost
    await closed(server)


@kind
async def _tcp() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(3):
        server = await loop.create_server(Echo, "127.0.0.1", 0)
        assert repr(server)
        port = server.sockets[0].getsockname()[1]
        await exchange(server, lambda port=port: loop.create_connection(Buffered, "127.0.0.1", port))


@kind
async def _unix() -> None:
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        server = await loop.create_unix_server(Echo, path)
        await exchange(server, lambda: loop.create_unix_connection(Buffered, path))
        with pytest.raises(OSError):
            await loop.create_unix_connection(Buffered, f"{folder}/nowhere")


@kind
async def _streams() -> None:
    async def answer(reader: Any, writer: Any) -> None:
        writer.write(await reader.readline())
        writer.writelines([b"more", b"\n"])
        await writer.drain()
        writer.write_eof()
        await reader.read()
        writer.close()

    server = await ferrio.start_server(answer, "127.0.0.1", 0)
    for _ in range(4):
        reader, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        assert repr(reader) and repr(writer)
        writer.write(b"a line\n")
        assert await reader.readline() == b"a line\n"
        assert await reader.readexactly(3) == b"mor"
        assert await reader.readuntil(b"\n") == b"e\n"
        with pytest.raises(asyncio.IncompleteReadError):
            await reader.readexactly(1)
        writer.close()
        await writer.wait_closed()
    server.close()
    await server.wait_closed()


@kind
async def _stream_reader() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(COUNT):
        reader = ferrio.StreamReader(limit=10, loop=loop)
        reader.feed_data(b"one\ntwo\n")
        assert [await reader.readline(), await reader.read(2), await reader.read(9)]
        reader.feed_data(b"x" * 50)
        with pytest.raises(asyncio.LimitOverrunError):
            await reader.readuntil()
        reading = ferrio.create_task(reader.readexactly(100))
        await asyncio.sleep(0)
        reader.set_exception(ValueError("broken"))
        with pytest.raises(ValueError):
            await reading
        reader.cycle = reader


CERTIFICATES: list[Any] = []


@kind
async def _tls() -> None:
    server_context, client_context = CERTIFICATES
    loop = asyncio.get_running_loop()
    for _ in range(2):
        server = await loop.create_server(Echo, "127.0.0.1", 0, ssl=server_context)
        port = server.sockets[0].getsockname()[1]
        await exchange(
            server,
            lambda port=port: loop.create_connection(
                Buffered, "127.0.0.1", port, ssl=client_context, server_hostname="references"
            ),
        )


@kind
async def _tls_that_fails() -> None:
    server_context, client_context = CERTIFICATES
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: None)
    server = await loop.create_server(Echo, "127.0.0.1", 0, ssl=server_context)
    for _ in range(3):
        with pytest.raises(OSError):
            await loop.create_connection(
                Buffered, *server.sockets[0].getsockname(), ssl=client_context, server_hostname="other"
            )
    await closed(server)


@kind
async def _start_tls() -> None:
    server_context, client_context = CERTIFICATES

    async def answer(reader: Any, writer: Any) -> None:
        await writer.start_tls(server_context)
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await ferrio.start_server(answer, "127.0.0.1", 0)
    for _ in range(3):
        reader, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        await writer.start_tls(client_context, server_hostname="references")
        writer.write(b"line\n")
        assert await reader.readline() == b"line\n"
        writer.close()
        await writer.wait_closed()
    await closed(server)


@kind
async def _udp() -> None:
    loop = asyncio.get_running_loop()

    class Datagrams(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.seen = loop.create_future()
            self.lost = loop.create_future()

        def datagram_received(self, data: bytes, address: Any) -> None:
            self.seen.set_result((data, address))

        def connection_lost(self, exc: Any) -> None:
            self.lost.set_result(None)

    for number in range(6):
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
        address = transport.get_extra_info("sockname")
        other, unused = await loop.create_datagram_endpoint(Datagrams, remote_addr=address)
        other.sendto(b"x" * (1 + number % 2 * 1000))
        await protocol.seen
        assert repr(transport)
        transport.close()
        other.abort()
        await protocol.lost
        await unused.lost


@kind
async def _pipes() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(5):
        read_end, write_end = os.pipe()
        reading, protocol = await loop.connect_read_pipe(Seeing, os.fdopen(read_end, "rb", 0))
        writing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(write_end, "wb", 0))
        writing.write(b"x")
        await protocol.seen
        assert repr(reading) and repr(writing)
        writing.close()
        await protocol.lost


@kind
async def _subprocess() -> None:
    for _ in range(2):
        pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
        process = await asyncio.create_subprocess_exec("cat", **pipes)
        assert (await process.communicate(b"text"))[0] == b"text"
        process = await asyncio.create_subprocess_exec("sleep", "1000")
        process.kill()
        assert await process.wait() == -signal.SIGKILL


@kind
async def _sockets() -> None:
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.setblocking(False)
        for _ in range(COUNT):
            await cancelled(ferrio.create_task(loop.sock_recv(one, 100)))
            receiving = ferrio.create_task(loop.sock_recv(one, 100))
            await loop.sock_sendall(other, b"x")
            assert await receiving == b"x"
            await loop.sock_sendall(other, b"x")
            assert await loop.sock_recv_into(one, bytearray(5)) == 1
            readable = loop.create_future()
            loop.add_reader(one, lambda readable=readable: readable.done() or readable.set_result(None))
            loop.add_writer(other, int)
            other.send(b"x")
            await readable
            loop.remove_reader(one)
            loop.remove_writer(other)
            one.recv(1)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        for _ in range(3):
            with socket.socket() as client:
                client.setblocking(False)
                accepting = ferrio.create_task(loop.sock_accept(listening))
                await loop.sock_connect(client, listening.getsockname())
                accepted, _ = await accepting
                accepted.close()
        await cancelled(ferrio.create_task(loop.sock_accept(listening)))


@kind
async def _sendfile() -> None:
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 1000)
        file.flush()
        for _ in range(3):
            server = await loop.create_server(Seeing, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            transport, protocol = await loop.create_connection(Seeing, "127.0.0.1", port)
            assert await loop.sendfile(transport, file) == 1000
            transport.close()
            await protocol.lost
            await closed(server)


# Threads, signals, the loop.


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
    await _handle()
    await _future()
    await _task()
    await _task_that_fails()


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
    if "tls" in name and not CERTIFICATES:
        CERTIFICATES.extend(contexts("references"))
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

"""Every place where the loop calls a program's code, with code that does what it should not."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import ferrio
import pytest
from support.clock import turns, until

Deed = Callable[[], Any]


def _raise() -> None:
    raise ValueError("on purpose")


def _close_the_loop() -> None:
    with pytest.raises(RuntimeError, match="Cannot close a running event loop"):
        asyncio.get_running_loop().close()


def _run_the_loop_again() -> None:
    async def nothing() -> None:
        pass

    coroutine = nothing()
    with pytest.raises(RuntimeError, match="already running"):
        asyncio.get_running_loop().run_until_complete(coroutine)
    coroutine.close()


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _collect() -> None:
    gc.collect()


DEEDS: list[Deed] = [_raise, _close_the_loop, _run_the_loop_again, _fork, _collect]


class _Protocol(asyncio.Protocol):
    """Does the deed in one of its methods, once."""

    def __init__(self, site: str, deed: Deed, done: Any) -> None:
        self.site, self.deed, self.done = site, deed, done

    def act(self, site: str) -> None:
        if site == self.site:
            self.site = ""
            self.done.set()
            self.deed()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.act("connection_made")

    def data_received(self, data: bytes) -> None:
        self.act("data_received")
        self.transport.write(data * 1_000_000)

    def eof_received(self) -> None:
        self.act("eof_received")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.act("connection_lost")
        del self.transport

    def pause_writing(self) -> None:
        self.act("pause_writing")

    def resume_writing(self) -> None:
        self.act("resume_writing")


class _Buffered(_Protocol, asyncio.BufferedProtocol):  # type: ignore[misc]  # both have their methods
    def get_buffer(self, sizehint: int) -> Any:
        self.act("get_buffer")
        return bytearray(100)

    def buffer_updated(self, nbytes: int) -> None:
        self.act("buffer_updated")
        self.transport.write(b"x" * 1_000_000)


async def _by_connection(site: str, deed: Deed, done: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    kind = _Buffered if "buffer" in site else _Protocol
    server = await loop.create_server(lambda: kind(site, deed, done), "127.0.0.1", 0)
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, server.sockets[0].getsockname())
        # What the deed has done may have ended the connection.
        try:
            await loop.sock_sendall(sock, b"many bytes come back")
            sock.shutdown(socket.SHUT_WR)
            while await asyncio.wait_for(loop.sock_recv(sock, 1_000_000), 1):
                pass
        except (OSError, TimeoutError):
            pass
    await asyncio.wait_for(done.wait(), 5)
    server.close()
    await asyncio.sleep(0)


async def _by_call_soon(site: str, deed: Deed, done: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def act() -> None:
        done.set()
        deed()

    match site:
        case "call_soon":
            loop.call_soon(act)
        case "call_later":
            loop.call_later(0.001, act)
        case "call_soon_threadsafe":
            await asyncio.to_thread(loop.call_soon_threadsafe, act)
        case "done_callback":
            future = loop.create_future()
            future.add_done_callback(lambda _: act())
            future.set_result(None)
        case "signal":
            loop.add_signal_handler(signal.SIGUSR1, act)
            os.kill(os.getpid(), signal.SIGUSR1)
        case "task":

            async def run() -> None:
                await asyncio.sleep(0)
                act()

            await asyncio.wait([asyncio.create_task(run())])
        case "reader" | "writer":
            one, other = socket.socketpair()
            with one, other:
                add, remove = (
                    (loop.add_reader, loop.remove_reader)
                    if site == "reader"
                    else (loop.add_writer, loop.remove_writer)
                )

                def act_and_remove() -> None:
                    remove(one)
                    act()

                add(one, act_and_remove)
                other.send(b"x")
                await asyncio.wait_for(done.wait(), 5)
        case "datagram_received" | "error_received":

            class Protocol(asyncio.DatagramProtocol):
                def datagram_received(self, data: bytes, addr: Any) -> None:
                    act()

                def error_received(self, exc: Exception) -> None:
                    act()

            transport, _ = await loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
            address = transport.get_extra_info("sockname")
            if site == "error_received":
                transport.close()
                transport, _ = await loop.create_datagram_endpoint(Protocol, remote_addr=address)
            transport.sendto(b"x", None if site == "error_received" else address)
            await asyncio.wait_for(done.wait(), 5)
            transport.close()
    await asyncio.wait_for(done.wait(), 5)


CONNECTION_SITES = [
    "connection_made",
    "data_received",
    "eof_received",
    "connection_lost",
    "pause_writing",
    "resume_writing",
    "get_buffer",
    "buffer_updated",
]
OTHER_SITES = [
    "call_soon",
    "call_later",
    "call_soon_threadsafe",
    "done_callback",
    "signal",
    "task",
    "reader",
    "writer",
    "datagram_received",
    "error_received",
]


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__.strip("_"))
@pytest.mark.parametrize("site", CONNECTION_SITES + OTHER_SITES)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_loop_goes_on(site: str, deed: Deed) -> None:
    reports: list[Any] = []

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context.get("exception")))
        done = asyncio.Event()
        act = _by_connection if site in CONNECTION_SITES else _by_call_soon
        await act(site, deed, done)
        await turns()
        # All is as before: a connection, a task, a thread.
        one, other = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=one)
        with other:
            other.send(await asyncio.to_thread(lambda: b"still here\n"))
            line = await asyncio.create_task(reader.readline())
        writer.close()
        return line

    assert ferrio.run(main()) == b"still here\n"
    assert [repr(report) for report in reports] == (["ValueError('on purpose')"] if deed is _raise else [])


def test_a_protocol_that_closes_everything_where_it_is_called() -> None:
    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            server.close()
            self.transport.abort()
            self.transport.abort()
            self.transport.close()
            self.transport.write(b"into nothing")

    server: Any = None

    async def main() -> bytes:
        nonlocal server
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Protocol, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x")
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()
            await server.wait_closed()

    assert ferrio.run(main()) == b""


def test_a_handle_that_drops_and_cancels_itself() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        calls: list[int] = []

        def callback() -> None:
            calls.append(1)
            handles.pop().cancel()
            gc.collect()

        handles = [loop.call_soon(callback)]
        await until(lambda: len(calls) == 1)
        handles = [loop.call_later(0.001, callback)]
        await until(lambda: len(calls) == 2)
        return calls

    assert ferrio.run(main()) == [1, 1]


def test_tasks_that_wait_for_each_other_in_a_circle() -> None:
    async def main() -> str:
        tasks: list[Any] = []

        async def wait(index: int) -> None:
            await asyncio.sleep(0)
            await tasks[index]

        tasks += [ferrio.create_task(wait(1)), ferrio.create_task(wait(0))]
        await turns()
        try:
            tasks[0].cancel()
        except RecursionError:
            return "refused"
        finally:
            for task in tasks:
                task._log_destroy_pending = False
        return "cancelled"

    loop = ferrio.new_event_loop()
    assert loop.run_until_complete(main()) == "refused"
    loop.close()

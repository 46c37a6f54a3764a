"""Peers, kernels and programs that fail."""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import gc
import os
import signal
import socket
import threading
from typing import Any

import ferrio
import pytest
from ferrio import testing
from support.certificates import contexts
from support.clock import block_until, closed, only_this_task, until
from support.processes import run_script
from support.reports import Reports
from support.sockets import reset_on_close

# How a peer goes, and what a server that reads and answers may see of it.
DEPARTURES = {
    "resets": {"ConnectionResetError"},
    "closes": {"end"},
    "closes its half": {"end"},
    "closes with an unread answer": {"end", "ConnectionResetError", "BrokenPipeError"},
}


async def go(how: str, sock: socket.socket) -> None:
    """Send a byte, and go."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, b"x")
    if how == "closes its half":
        sock.shutdown(socket.SHUT_WR)
        with pytest.raises(BrokenPipeError):
            sock.send(b"after the end")
    if how != "closes with an unread answer":
        assert await loop.sock_recv(sock, 10) == b"x"
    if how == "closes its half":
        assert await loop.sock_recv(sock, 10) == b""
    if how == "resets":
        reset_on_close(sock)


@pytest.mark.parametrize("how", DEPARTURES)
def test_peers_that_go(how: str) -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def answer(reader: Any, writer: Any) -> None:
            try:
                while data := await reader.read(100):
                    writer.write(data)
                    await writer.drain()
                seen.append("end")
            except ConnectionError as error:
                seen.append(type(error).__name__)
            finally:
                writer.close()

        server = await ferrio.start_server(answer, "127.0.0.1", 0)
        for _ in range(50):
            with socket.create_connection(server.sockets[0].getsockname()) as sock:
                sock.setblocking(False)
                await go(how, sock)
        await until(lambda: len(seen) == 50)
        await closed(server)
        await only_this_task()
        return seen

    assert set(ferrio.run(main())) <= DEPARTURES[how]


def test_a_lost_stream_is_not_reported_in_whatever_order_the_collector_finalizes() -> None:
    async def main() -> None:
        gc.disable()
        loop = asyncio.get_running_loop()

        class Collecting:
            """Makes the protocol's future one generation younger than the protocol."""

            def __getattr__(self, name: str) -> Any:
                return getattr(loop, name)

            def create_future(self) -> Any:
                gc.collect(0)
                return loop.create_future()

        protocol: Any = ferrio.StreamReaderProtocol(ferrio.StreamReader(), loop=Collecting())
        error: Any = ConnectionResetError("a peer has gone")
        error.cycle = protocol
        protocol.connection_lost(error)
        del protocol, error
        gc.collect()

    try:
        ferrio.run(main())
    finally:
        gc.enable()


def test_a_peer_that_sends_byte_after_byte() -> None:
    async def main() -> bytes:
        arrived: list[bytes] = []

        class Reader(ferrio.StreamReader):
            def feed_data(self, data: Any) -> None:
                arrived.append(bytes(data))
                super().feed_data(data)

        async def answer(reader: Any, writer: Any) -> None:
            writer.write(await reader.readuntil(b"\r\n\r\n"))
            writer.close()

        server = await asyncio.get_running_loop().create_server(
            lambda: ferrio.StreamReaderProtocol(Reader(), answer), "127.0.0.1", 0
        )
        request = b"GET / HTTP/1.1\r\nHost: slow\r\n\r\n"

        def send_slowly() -> bytes:
            with socket.create_connection(server.sockets[0].getsockname()) as sock:
                # So that each byte is a segment.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for number, byte in enumerate(request, 1):
                    sock.send(bytes([byte]))
                    block_until(lambda number=number: len(arrived) >= number)  # type: ignore[misc]
                return b"".join(iter(lambda: sock.recv(1000), b""))

        received = await asyncio.to_thread(send_slowly)
        await closed(server)
        assert arrived == [bytes([byte]) for byte in request]
        return received

    assert ferrio.run(main()) == b"GET / HTTP/1.1\r\nHost: slow\r\n\r\n"


def test_a_peer_that_never_reads_costs_the_mark_and_one_write() -> None:
    """All at the same time: each waits a second."""
    piece = b"x" * 20_000

    async def case(tls: bool, high: int) -> None:
        loop = asyncio.get_running_loop()
        server_context, client_context = contexts() if tls else (None, None)
        connected = loop.create_future()
        server = await ferrio.start_server(
            lambda r, w: connected.set_result((r, w)), "127.0.0.1", 0, ssl=server_context
        )
        reader, writer = await ferrio.open_connection(
            *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost" if tls else None
        )
        reader._transport.pause_reading()
        _, sending = await connected
        sending.transport.set_write_buffer_limits(high=high)
        most = sent = 0
        # Nothing tells that the kernel's buffers are full and stay so but the time that passes: on a virtual clock, as long
        # as the loop listens before it jumps.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    sending.write(piece)
                    sent += len(piece)
                    most = max(most, sending.transport.get_write_buffer_size())
                    await sending.drain()
        # When the peer reads again, all of it comes.
        reader._transport.resume_reading()
        received = 0
        while received < sent:
            received += len(await asyncio.wait_for(reader.read(1 << 20), 5))
        await asyncio.wait_for(sending.drain(), 5)
        writer.close()
        sending.close()
        await closed(server)
        assert received == sent, (tls, high)
        # A record is somewhat longer than what is in it.
        assert high < most <= high + len(piece) * 1.1 + 600, (tls, high)

    async def main() -> None:
        await asyncio.gather(*(case(tls, high) for tls in (False, True) for high in (0, 1, 10_000, 100_000)))

    testing.run(main(), patience=0.1)


def test_thousands_of_signals() -> None:
    async def main() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        called = 0

        def handler() -> None:
            nonlocal called
            called += 1

        loop.add_signal_handler(signal.SIGUSR1, handler)
        echoes = 0
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            other.setblocking(False)
            for _ in range(50):
                for _ in range(100):
                    os.kill(os.getpid(), signal.SIGUSR1)
                await loop.sock_sendall(one, b"x" * 100)
                echoes += len(await loop.sock_recv(other, 1000)) == 100
        await until(lambda: called)
        loop.remove_signal_handler(signal.SIGUSR1)
        return called, echoes

    called, echoes = ferrio.run(main())
    assert called > 0
    assert echoes == 50


def test_calls_that_signals_interrupt() -> None:
    async def main() -> int:
        received = 0

        async def answer(reader: Any, writer: Any) -> None:
            while data := await reader.read(10_000):
                writer.write(data)
                await writer.drain()
            writer.close()

        server = await ferrio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        for _ in range(300):
            writer.write(b"x" * 10_000)
            received += len(await reader.readexactly(10_000))
        writer.close()
        await closed(server)
        await only_this_task()
        return received

    old = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        assert ferrio.run(main()) == 3_000_000
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def test_a_full_disk() -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        lost = loop.create_future()

        class Protocol(asyncio.BaseProtocol):
            def connection_lost(self, exc: Any) -> None:
                lost.set_result(exc)

        transport, _ = await loop.connect_write_pipe(Protocol, open("/dev/full", "wb", 0))
        transport.write(b"x")
        return await asyncio.wait_for(lost, 5)

    assert ferrio.run(main()).errno == errno.ENOSPC


def test_children_that_are_killed_at_every_stage(reports: Reports) -> None:
    async def main() -> list[int]:
        pipe = asyncio.subprocess.PIPE
        codes = []
        for stage in range(5):
            for _ in range(8):
                process = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
                if stage > 0:
                    process.stdin.write(b"x" * 100_000)  # type: ignore[union-attr]  # there is one
                if stage > 1:
                    await process.stdout.read(10)  # type: ignore[union-attr]  # there is one
                if stage > 2:
                    process.stdin.close()  # type: ignore[union-attr]  # there is one
                if stage > 3:
                    waiting = asyncio.create_task(process.wait())
                    await asyncio.sleep(0)
                    waiting.cancel()
                process.kill()
                await process.communicate()
                codes.append(await process.wait())
        return codes

    codes = ferrio.run(main())
    assert set(codes) <= {-signal.SIGKILL, 0}
    assert len(codes) == 40
    # Early patch releases of 3.11 report the end of stdin that nobody waited for.
    gc.collect()
    assert all("BrokenPipeError" in text and "never retrieved" in text for text in reports.take())


def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*_: Any) -> Any:
        release.wait(10)
        raise socket.gaierror("at last")

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.getaddrinfo("some.name", 80), 0.05)
        # The default executor has threads for others.
        await asyncio.to_thread(int)
        duration = loop.time() - start
        release.set()
        return duration

    assert ferrio.run(main()) < 2


def test_an_executor_that_is_shut_down() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        executor = concurrent.futures.ThreadPoolExecutor(1)
        loop.set_default_executor(executor)
        await loop.run_in_executor(None, int)
        executor.shutdown()
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            await loop.run_in_executor(None, int)

    ferrio.run(main())


def test_the_interpreter_ends_with_everything_open() -> None:
    result = run_script("""
        import asyncio, socket, sys, warnings, ferrio
        warnings.simplefilter("ignore")
        async def wait():
            await asyncio.Event().wait()
        async def main():
            global kept
            loop = asyncio.get_running_loop()
            accepted = asyncio.Event()
            server = await asyncio.start_server(lambda r, w: accepted.set(), "127.0.0.1", 0)
            streams = await asyncio.open_connection(*server.sockets[0].getsockname())
            endpoint = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
            child = await asyncio.create_subprocess_exec("sleep", "0.1", stdin=asyncio.subprocess.PIPE)
            kept = [server, streams, endpoint, child, asyncio.create_task(wait()), loop.call_later(9, print)]
            kept.append(loop.run_in_executor(None, int))
            await accepted.wait()
        loop = ferrio.new_event_loop()
        loop.run_until_complete(main())
        sys.exit(3)
    """)
    assert result.returncode == 3, result.stderr


def test_threads_that_call_a_loop_that_is_closed() -> None:
    result = run_script("""
        import asyncio, threading, ferrio
        from support.clock import until
        errors, calls = [], [0] * 4
        def hammer(loop, number):
            try:
                while True:
                    loop.call_soon_threadsafe(int)
                    calls[number] += 1
            except RuntimeError as error:
                errors.append(str(error))
        async def main():
            loop = asyncio.get_running_loop()
            for number in range(4):
                threads.append(threading.Thread(target=hammer, args=(loop, number), daemon=True))
                threads[-1].start()
            await until(lambda: min(calls) > 100)
        threads = []
        ferrio.run(main())
        for thread in threads:
            thread.join(10)
        print(set(errors), len(errors))
    """)
    assert result.stdout == "{'Event loop is closed'} 4\n", result.stderr

"""Peers, kernels and programs that fail."""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import os
import signal
import socket
import subprocess
import textwrap
import threading
from typing import Any

import ferrio
import pytest
from support.certificates import contexts
from support.clock import block_until, closed, only_this_task, until
from support.processes import run_script
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


@pytest.mark.parametrize("high", [0, 1, 10_000, 100_000])
@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
def test_a_peer_that_never_reads_costs_the_mark_and_one_write(tls: bool, high: int) -> None:
    piece = b"x" * 20_000

    async def main() -> tuple[int, int]:
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
        # Nothing tells that the kernel's buffers are full and stay so but the time that passes.
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
        return most, received - sent

    most, missing = ferrio.run(main())
    assert missing == 0
    # A record is somewhat longer than what is in it.
    assert high < most <= high + len(piece) * 1.1 + 600


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


# Has the kernel refuse a system call with an error, from now on and for ever.
REFUSE = """
import ctypes, struct, platform
def refuse(number, error):
    LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
    steps = [(LOAD, 0, 0, 0), (EQUAL, 0, 1, number), (RETURN, 0, 0, 0x00050000 | error), (RETURN, 0, 0, 0x7FFF0000)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0) == 0, ctypes.get_errno()
"""
# Numbers of system calls on x86-64.
SOCKET, SENDTO, RECVFROM, SENDMSG, RECVMSG, EPOLL_CTL = 41, 44, 45, 46, 47, 233
EPOLL_WAIT, EPOLL_PWAIT, EPOLL_PWAIT2 = 232, 281, 441
ACCEPT4, EVENTFD2, EPOLL_CREATE1, PIPE2 = 288, 290, 291, 293

# What the kernel says when it has no more to give.
OUT_OF_RESOURCES = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]


def run_refusing(script: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own that may call refuse(number, error)."""
    return run_script(REFUSE + textwrap.dedent(script))


only_on_x86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of system calls")


@only_on_x86_64
@pytest.mark.parametrize("name", OUT_OF_RESOURCES)
def test_accepting_that_the_kernel_refuses(name: str) -> None:
    result = run_refusing(f"""
        import asyncio, errno, socket, ferrio
        async def main():
            loop = asyncio.get_running_loop()
            reports = []
            loop.set_exception_handler(lambda _, context: reports.append(context["message"]))
            async def answer(reader, writer):
                writer.write(await reader.readline())
                writer.close()
            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            address = server.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection(*address)
            refuse({ACCEPT4}, errno.{name})
            refused = socket.create_connection(address)
            await asyncio.sleep(0.2)
            # Those that are connected go on.
            writer.write(b"line\\n")
            print(await reader.readline(), len(reports), reports[0])
            refused.close()
            writer.close()
            server.close()
        ferrio.run(main())
    """)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("b'line\\n' 1 socket.accept() out of system resource")


@only_on_x86_64
@pytest.mark.parametrize("name", ["ENOBUFS", "ENOMEM"])
def test_sending_that_the_kernel_refuses(name: str) -> None:
    result = run_refusing(f"""
        import asyncio, errno, socket, ferrio
        class Protocol(asyncio.Protocol):
            def connection_lost(self, exc):
                lost.set_result(exc)
        async def main():
            global lost
            loop = asyncio.get_running_loop()
            lost = loop.create_future()
            one, other = socket.socketpair()
            transport, _ = await loop.create_connection(Protocol, sock=one)
            datagrams, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
            refuse({SENDTO}, errno.{name})
            transport.write(b"x")
            print(repr(await asyncio.wait_for(lost, 5)))
            datagrams.sendto(b"x", ("127.0.0.1", 9))
            datagrams.close()
            other.close()
        class Datagrams(asyncio.DatagramProtocol):
            def error_received(self, exc):
                print(repr(exc))
        ferrio.run(main())
    """)
    assert result.returncode == 0, result.stderr
    number = getattr(errno, name)
    assert result.stdout.count(f"OSError({number},") == 2, result.stdout


@only_on_x86_64
@pytest.mark.parametrize("name", ["EAGAIN", "EINTR"])
@pytest.mark.parametrize(
    "calls",
    [[ACCEPT4], [RECVFROM, RECVMSG], [SENDTO, SENDMSG], [EPOLL_WAIT, EPOLL_PWAIT, EPOLL_PWAIT2]],
    ids=["accept", "receive", "send", "poll"],
)
def test_a_storm_of_calls_to_be_made_again(calls: list[int], name: str) -> None:
    if EPOLL_WAIT in calls and name == "EAGAIN":
        pytest.skip("it isn't one of epoll_wait's errors")
    result = run_refusing(f"""
        import asyncio, errno, os, socket, ferrio
        ends, paused, transports = [], [], []
        class Protocol(asyncio.Protocol):
            def connection_made(self, transport):
                transports.append(transport)
            def connection_lost(self, exc):
                ends.append(exc)
            def pause_writing(self):
                paused.append(True)
        async def main():
            loop = asyncio.get_running_loop()
            reports = []
            loop.set_exception_handler(lambda _, context: reports.append(context))
            server = await loop.create_server(Protocol, "127.0.0.1", 0)
            address = server.sockets[0].getsockname()
            one, other = socket.socketpair()
            transport, _ = await loop.create_connection(Protocol, sock=one)
            datagrams, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
            low, low_other = socket.socketpair()
            low.setblocking(False)
            os.write(other.fileno(), b"x")
            for call in {calls}:
                refuse(call, errno.{name})
            waiting = socket.create_connection(address)
            transport.write(bytes(100_000))
            datagrams.sendto(b"x", datagrams.get_extra_info("sockname"))
            sending = asyncio.ensure_future(loop.sock_sendall(low, b"x"))
            receiving = asyncio.ensure_future(loop.sock_recv(low, 1))
            # Timers, callbacks and threads go on.
            for _ in range(10):
                await asyncio.sleep(0.005)
                await loop.run_in_executor(None, int)
            if {SENDTO} in {calls}:
                print(transport.get_write_buffer_size() == 100_000, paused == [True], not sending.done())
            receiving.cancel(); sending.cancel()
            await asyncio.wait([receiving, sending])
            ends_before = list(ends)
            for one in [*transports, datagrams]:
                one.abort()
            server.close()
            await asyncio.sleep(0.01)
            print(ends_before, reports)
            waiting.close(); low.close(); low_other.close(); other.close()
        ferrio.run(main())
    """)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[-1] == "[] []", result.stdout
    if SENDTO in calls:
        assert lines[0] == "True True True"


@only_on_x86_64
@pytest.mark.parametrize("name", ["ENOMEM", "ENOBUFS", "EIO"])
def test_receiving_that_the_kernel_refuses(name: str) -> None:
    result = run_refusing(f"""
        import asyncio, errno, socket, ferrio
        class Protocol(asyncio.Protocol):
            def connection_lost(self, exc):
                print("lost", exc.errno == errno.{name})
        class Datagrams(asyncio.DatagramProtocol):
            def error_received(self, exc):
                print("error", exc.errno == errno.{name})
                self.transport.close()
            def connection_made(self, transport):
                self.transport = transport
        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: print("report", context["message"]))
            one, other = socket.socketpair()
            transport, _ = await loop.create_connection(Protocol, sock=one)
            datagrams, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
            datagrams.sendto(b"x", datagrams.get_extra_info("sockname"))
            low, low_other = socket.socketpair()
            low.setblocking(False)
            refuse({RECVFROM}, errno.{name})
            other.send(b"x")
            await asyncio.sleep(0.05)
            try:
                await loop.sock_recv(low, 1)
            except OSError as error:
                print("raised", error.errno == errno.{name})
            low.close(); low_other.close(); other.close()
        ferrio.run(main())
    """)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = [line for line in result.stdout.splitlines() if not line.startswith("report")]
    assert sorted(lines) == ["error True", "lost True", "raised True"], result.stdout


@only_on_x86_64
@pytest.mark.parametrize("name", OUT_OF_RESOURCES)
def test_making_that_the_kernel_refuses(name: str) -> None:
    result = run_refusing(f"""
        import asyncio, errno, os, socket, ferrio
        async def main():
            loop = asyncio.get_running_loop()
            server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
            address = server.sockets[0].getsockname()
            before = len(os.listdir("/proc/self/fd"))
            for call in ({SOCKET}, {PIPE2}, {EPOLL_CREATE1}, {EVENTFD2}):
                refuse(call, errno.{name})
            async def loop_of_its_own():
                ferrio.new_event_loop()
            for attempt in (
                lambda: loop.create_connection(asyncio.Protocol, *address),
                lambda: loop.create_server(asyncio.Protocol, "127.0.0.1", 0),
                lambda: loop.create_unix_server(asyncio.Protocol, "/tmp/never-made"),
                lambda: loop.create_unix_connection(asyncio.Protocol, "/tmp/never-made"),
                lambda: loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)),
                lambda: asyncio.create_subprocess_exec("true", stdout=asyncio.subprocess.PIPE),
                loop_of_its_own,
            ):
                try:
                    await attempt()
                except OSError as error:
                    # create_server() passes over what the system does not have: it can't bind, then.
                    print(error.errno == errno.{name} or "could not bind" in str(error))
            await asyncio.sleep(0.01)
            print("left", len(os.listdir("/proc/self/fd")) - before)
            server.close()
        ferrio.run(main())
    """)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.split() == ["True"] * 7 + ["left", "0"], result.stdout


@only_on_x86_64
def test_watching_that_the_kernel_refuses() -> None:
    result = run_refusing(f"""
        import asyncio, errno, socket, ferrio
        async def main():
            loop = asyncio.get_running_loop()
            one, other = socket.socketpair()
            one.setblocking(False)
            refuse({EPOLL_CTL}, errno.ENOMEM)
            for attempt in (lambda: loop.add_reader(one, print), lambda: loop.add_writer(one, print)):
                try:
                    attempt()
                except OSError as error:
                    print(error.errno == errno.ENOMEM)
            try:
                await loop.sock_recv(one, 10)
            except OSError as error:
                print(error.errno == errno.ENOMEM)
            await asyncio.sleep(0.01)
            one.close(); other.close()
            print("end")
        ferrio.run(main())
    """)
    assert result.stdout.split() == ["True", "True", "True", "end"], result.stderr


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


def test_children_that_are_killed_at_every_stage() -> None:
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
            server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
            streams = await asyncio.open_connection(*server.sockets[0].getsockname())
            endpoint = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
            child = await asyncio.create_subprocess_exec("sleep", "0.1", stdin=asyncio.subprocess.PIPE)
            kept = [server, streams, endpoint, child, asyncio.create_task(wait()), loop.call_later(9, print)]
            kept.append(loop.run_in_executor(None, int))
            await asyncio.sleep(0.01)
        loop = ferrio.new_event_loop()
        loop.run_until_complete(main())
        sys.exit(3)
    """)
    assert result.returncode == 3, result.stderr


def test_threads_that_call_a_loop_that_is_closed() -> None:
    result = run_script("""
        import asyncio, threading, ferrio
        errors = []
        def hammer(loop):
            try:
                while True:
                    loop.call_soon_threadsafe(int)
            except RuntimeError as error:
                errors.append(str(error))
        async def main():
            loop = asyncio.get_running_loop()
            for _ in range(4):
                threads.append(threading.Thread(target=hammer, args=(loop,), daemon=True))
                threads[-1].start()
            await asyncio.sleep(0.2)
        threads = []
        ferrio.run(main())
        for thread in threads:
            thread.join(10)
        print(set(errors), len(errors))
    """)
    assert result.stdout == "{'Event loop is closed'} 4\n", result.stderr

"""System calls that the kernel refuses: without resources, interrupted, to be made again.

Each program runs in a process of its own, which a seccomp filter refuses calls from some moment on.
"""

from __future__ import annotations

import errno
import os
import subprocess
import textwrap

import ferrio
import pytest
from support.processes import run_script

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
EPOLL_WAIT, PPOLL, EPOLL_PWAIT, EPOLL_PWAIT2 = 232, 271, 281, 441
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
        from support.clock import turns, until
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
            await until(lambda: reports)
            # It is not tried again at once.
            await turns(10)
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
    [[ACCEPT4], [RECVFROM, RECVMSG], [SENDTO, SENDMSG], [EPOLL_WAIT, EPOLL_PWAIT, EPOLL_PWAIT2, PPOLL]],
    ids=["accept", "receive", "send", "poll"],
)
def test_a_storm_of_calls_to_be_made_again(calls: list[int], name: str) -> None:
    if EPOLL_WAIT in calls and name == "EAGAIN":
        pytest.skip("it isn't one of epoll_wait's or poll's errors")
    result = run_refusing(f"""
        import asyncio, errno, os, socket, ferrio
        from support.clock import turns
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
            await turns()
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
        from support.clock import turns, until
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
            await until(lambda: transport.is_closing() and datagrams.is_closing())
            await turns()
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
        from support.clock import turns
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
            await turns()
            print("left", len(os.listdir("/proc/self/fd")) - before)
            server.close()
        ferrio.run(main())
    """)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.split() == ["True"] * 7 + ["left", "0"], result.stdout


def polls_by_epoll() -> bool:
    """Return whether a loop has an epoll instance; it has none where it was built with poll(2)."""
    loop = ferrio.new_event_loop()
    try:
        return any(
            os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:[eventpoll]"
            for fd in map(int, os.listdir("/proc/self/fd"))
            if os.path.islink(f"/proc/self/fd/{fd}")
        )
    finally:
        loop.close()


@only_on_x86_64
def test_watching_that_the_kernel_refuses() -> None:
    if not polls_by_epoll():
        pytest.skip("poll(2) registers nothing with the kernel")
    result = run_refusing(f"""
        import asyncio, errno, socket, ferrio
        from support.clock import turns
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
            await turns()
            one.close(); other.close()
            print("end")
        ferrio.run(main())
    """)
    assert result.stdout.split() == ["True", "True", "True", "end"], result.stderr

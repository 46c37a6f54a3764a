"""Descriptors: numbers that are high or unknown, and transports that are initialized twice."""

import asyncio
import gc
import os
import resource
import socket

import ferrio
import pytest
from ferrio import _core
from support.processes import run_script

UNKNOWN_NUMBERS = """
import errno, resource, ferrio, asyncio
from ferrio import _core

resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
loop = ferrio.new_event_loop()
for number in (2**31 - 1, 2**30, 10**6):
    assert not loop.remove_reader(number)
    assert not loop.remove_writer(number)
    for add in (loop.add_reader, loop.add_writer):
        try:
            add(number, print)
        except OSError as error:
            assert error.errno == errno.EBADF, error
        else:
            raise AssertionError(number)

class Odd:
    def fileno(self):
        return 2**31 - 1
    def getsockname(self):
        return None
    getpeername = getsockname
    family = type = proto = 0
    def close(self):
        pass

loop.set_exception_handler(lambda loop, context: None)
odd = [_core.SocketTransport(loop, Odd(), asyncio.Protocol()), _core.DatagramTransport(loop, Odd(), asyncio.DatagramProtocol())]
for pipe in (_core.ReadPipeTransport, _core.WritePipeTransport):
    try:
        pipe(loop, Odd(), asyncio.Protocol())
    except OSError as error:
        assert error.errno == errno.EBADF, error
    else:
        raise AssertionError(pipe)
for _ in range(3):
    loop.run_until_complete(asyncio.sleep(0))
for transport in odd:
    transport.close()
for _ in range(3):
    loop.run_until_complete(asyncio.sleep(0))
loop.close()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 200_000)
"""


@pytest.mark.measures
def test_a_number_that_nobody_has_opened_takes_no_memory() -> None:
    assert run_script(UNKNOWN_NUMBERS).stdout == "True\n"


def test_high_descriptors_are_watched_and_cost_little(loop) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = min(hard, 2**20) - 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2**20), hard))
    try:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            os.dup2(ours.fileno(), highest)
            seen = []
            loop.add_reader(highest, lambda: seen.append(os.read(highest, 10)))
            theirs.send(b"data")
            while not seen:
                loop.run_until_complete(asyncio.sleep(0))
            assert seen == [b"data"]
            assert loop.remove_reader(highest) and not loop.remove_reader(highest)
            os.close(highest)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


TRANSPORTS = {
    "socket": (_core.SocketTransport, asyncio.Protocol),
    "datagram": (_core.DatagramTransport, asyncio.DatagramProtocol),
    "read pipe": (_core.ReadPipeTransport, asyncio.Protocol),
    "write pipe": (_core.WritePipeTransport, asyncio.Protocol),
}


@pytest.mark.parametrize("kind", TRANSPORTS)
def test_a_transport_is_initialized_once(loop, kind) -> None:
    """A second time used to leave a pointer to the transport in the loop's table, also when it was gone."""
    make, protocol = TRANSPORTS[kind]
    socket_type = socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM
    one, two = socket.socketpair(socket.AF_UNIX, socket_type)
    for sock in (one, two):
        sock.setblocking(False)
    number = one.fileno()
    transport = make(loop, one, protocol())
    with pytest.raises(RuntimeError, match="already initialized"):
        transport.__init__(loop, two, protocol())
    assert two.fileno() != -1
    with pytest.raises(RuntimeError, match="is used by transport"):
        loop.add_reader(number, print)
    transport.close()
    for _ in range(3):
        loop.run_until_complete(asyncio.sleep(0))
    del transport
    gc.collect()
    os.dup2(two.fileno(), number)
    loop.add_reader(number, print)
    assert loop.remove_reader(number)
    os.close(number)
    two.close()


def test_a_listener_is_initialized_once(loop) -> None:
    async def main() -> None:
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        (listener,) = [one for one in gc.get_objects() if type(one) is _core.Acceptor and one is not None][
            -1:
        ]
        with pytest.raises(RuntimeError, match="already initialized"):
            listener.__init__(loop, server.sockets[0], asyncio.Protocol, server, 1, None)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_a_transport_that_dies_with_its_loop_leaves_nothing_behind() -> None:
    """What a loop drops when it is closed may run code that asks the loop for the owner of a descriptor."""
    loop = ferrio.new_event_loop()
    one, two = socket.socketpair()
    number = one.fileno()
    one.setblocking(False)
    answers = []

    class Curious:
        def __del__(self) -> None:
            try:
                loop.add_reader(number, print)
            except Exception as error:
                answers.append(str(error))

        def __call__(self) -> None:
            pass

    _core.SocketTransport(loop, one, asyncio.Protocol())
    loop.call_soon(Curious())
    del one
    with two, pytest.warns(ResourceWarning, match="unclosed transport"):
        loop.close()
    assert answers == ["Event loop is closed"]


def test_standard_input_is_nobodys(loop) -> None:
    """A transport that was never initialized has no descriptor: 0 is one."""
    for make in [one for one, _ in TRANSPORTS.values()] + [_core.Acceptor]:
        empty = make.__new__(make)
        for name in ("close", "abort", "stop"):
            getattr(empty, name, lambda: None)()
        assert "fd=" not in repr(empty)
        del empty
        gc.collect()
    os.fstat(0)


def test_signals_write_to_no_file_that_has_the_number_of_a_closed_loops_pipe() -> None:
    done = run_script("""
        import os, signal, tempfile, threading, ferrio, asyncio

        def close(loop):
            try:
                loop.close()
            except ValueError:
                assert threading.current_thread() is not threading.main_thread()

        def strangers():
            return [tempfile.TemporaryFile() for _ in range(32)]

        async def handled(loop, remove):
            came = asyncio.Event()
            loop.add_signal_handler(signal.SIGUSR1, came.set)
            os.kill(os.getpid(), signal.SIGUSR1)
            await came.wait()
            if remove:
                loop.remove_signal_handler(signal.SIGUSR1)

        for remove in (True, False):
            for in_thread in (False, True):
                before = set(os.listdir("/proc/self/fd"))
                loop = ferrio.new_event_loop()
                loop.add_signal_handler(signal.SIGUSR1, print)
                loop.run_until_complete(handled(loop, remove))
                if in_thread:
                    thread = threading.Thread(target=close, args=(loop,))
                    thread.start()
                    thread.join()
                else:
                    close(loop)
                files = strangers()
                signal.signal(signal.SIGUSR1, lambda *_: None)
                os.kill(os.getpid(), signal.SIGUSR1)
                assert not any(os.fstat(file.fileno()).st_size for file in files), (remove, in_thread)
                for file in files:
                    file.close()
                ferrio.run(asyncio.sleep(0))
                assert set(os.listdir("/proc/self/fd")) == before, (remove, in_thread)
        assert signal.set_wakeup_fd(-1) == -1
    """)
    # What the interpreter says of a loop that was closed in a thread while it had a handler.
    assert done.returncode == 0, done.stderr

"""Descriptors: numbers that are high, closed behind the loop's back, or given to somebody else meanwhile."""

import asyncio
import errno
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


class Recorder(asyncio.Protocol):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.lost = asyncio.get_running_loop().create_future()
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data

    def datagram_received(self, data: bytes, address) -> None:
        self.data += data

    def error_received(self, error: OSError) -> None:
        if not self.lost.done():
            self.lost.set_result(error)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(error)


class Derived(socket.socket):
    """A class of the program's own, with fields of its own."""

    __slots__ = ("more",)


class Foreign:
    """Passes for a socket, and is none."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def __getattr__(self, name: str):
        return getattr(self.sock, name)


def pair(kind: str = "plain", socket_type: int = socket.SOCK_STREAM):
    """Two connected sockets, the first of the kind that is meant."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket_type)
    if kind == "derived":
        ours = Derived(ours.family, ours.type, ours.proto, ours.detach())
    elif kind == "foreign":
        ours = Foreign(ours)
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


def nothing_came(sock: socket.socket) -> bool:
    """Whether neither data nor an end has come."""
    try:
        sock.recv(100, socket.MSG_DONTWAIT | socket.MSG_PEEK)
    except BlockingIOError:
        return True
    return False


def stranger_at(number: int) -> tuple[int, socket.socket]:
    """Give a descriptor's number, which is free, to another connection."""
    stranger, peer = socket.socketpair()
    if peer.fileno() == number:
        stranger, peer = peer, stranger
    if stranger.fileno() == number:
        stranger.detach()
    else:
        os.dup2(stranger.fileno(), number)
        stranger.close()
    return number, peer


@pytest.mark.parametrize("kind", ["plain", "derived", "foreign"])
@pytest.mark.parametrize("way", ["close", "detach"])
@pytest.mark.parametrize(
    "action", ["write", "writelines", "write_eof", "backlog", "read", "resume", "sendfile", "abort"]
)
def test_a_transport_leaves_a_number_alone_that_is_another_connections(
    loop, tmp_path, kind, way, action
) -> None:
    """What was written went to whoever had got the number of a socket that the program closed itself."""
    file = tmp_path / "file"
    file.write_bytes(b"SECRET")

    async def main() -> None:
        ours, theirs = pair(kind)
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        number = ours.fileno()
        if action == "backlog":
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            while not transport.get_write_buffer_size():
                transport.write(b"SECRET" * 10_000)
        if action == "resume":
            transport.pause_reading()
        if way == "close":
            ours.close()
        else:
            os.close(ours.detach())
        number, peer = stranger_at(number)
        try:
            if action == "write":
                transport.write(b"SECRET")
            elif action == "writelines":
                transport.writelines([b"SEC", b"RET"])
            elif action == "write_eof":
                with pytest.raises(OSError) as caught:
                    transport.write_eof()
                assert caught.value.errno == errno.EBADF
            elif action == "backlog":
                transport.write(b"SECRET")
            elif action == "read":
                peer.send(b"private")
            elif action == "resume":
                peer.send(b"private")
                with pytest.raises(OSError) as caught:
                    transport.resume_reading()
                assert caught.value.errno == errno.EBADF
            elif action == "sendfile":
                with file.open("rb") as opened, pytest.raises(OSError):
                    await asyncio.wait_for(loop.sendfile(transport, opened), 20)
            for _ in range(5):
                await asyncio.sleep(0)
            if action in ("write", "writelines"):
                error = await asyncio.wait_for(protocol.lost, 20)
                assert isinstance(error, OSError) and error.errno == errno.EBADF
            transport.abort()
            await asyncio.wait_for(protocol.lost, 20)
            # Nothing was sent, nothing was taken, and it is still open in both directions.
            assert nothing_came(peer)
            assert protocol.data == b""
            peer.send(b".")
            assert os.read(number, 100)[-1:] == b"."
        finally:
            os.close(number)
            peer.close()
            theirs.close()

    loop.run_until_complete(main())


def test_a_datagram_transport_leaves_a_number_alone_that_is_another_connections(loop) -> None:
    async def main() -> None:
        ours, theirs = pair("plain", socket.SOCK_DGRAM)
        transport, protocol = await loop.create_datagram_endpoint(Recorder, sock=ours)
        number = ours.fileno()
        ours.close()
        number, peer = stranger_at(number)
        transport.sendto(b"SECRET")
        error = await asyncio.wait_for(protocol.lost, 20)
        assert isinstance(error, OSError) and error.errno == errno.EBADF
        assert nothing_came(peer)
        transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)
        os.close(number)
        peer.close()
        theirs.close()

    loop.run_until_complete(main())


@pytest.mark.parametrize("buffering", [0, -1])
def test_a_pipe_transport_leaves_a_number_alone_that_is_another_connections(loop, buffering) -> None:
    async def main() -> None:
        reader, writer = os.pipe()
        number = writer
        file = os.fdopen(writer, "wb", buffering)
        transport, protocol = await loop.connect_write_pipe(Recorder, file)
        file.close()
        number, peer = stranger_at(number)
        transport.write(b"SECRET")
        error = await asyncio.wait_for(protocol.lost, 20)
        assert isinstance(error, OSError) and error.errno == errno.EBADF
        assert nothing_came(peer)
        os.close(number)
        os.close(reader)
        peer.close()

    loop.run_until_complete(main())


def test_a_server_accepts_nothing_from_the_next_owner_of_its_number(loop) -> None:
    async def main() -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        seen = []

        def protocol() -> Recorder:
            seen.append(Recorder())
            return seen[-1]

        server = await loop.create_server(protocol, sock=sock)
        number = sock.fileno()
        sock.close()
        other = socket.create_server(("127.0.0.1", 0))
        if other.fileno() != number:
            os.dup2(other.fileno(), number)
        with socket.create_connection(other.getsockname()):
            for _ in range(5):
                await asyncio.sleep(0)
            accepted, _ = other.accept()
            accepted.close()
        assert not seen
        server.close()
        if other.fileno() != number:
            os.close(number)
        other.close()

    loop.run_until_complete(main())


def test_the_end_of_a_transport_does_not_end_the_reading_of_the_next(loop) -> None:
    """A transport whose socket the program closed stopped the reading of whoever had got its number."""

    async def main() -> None:
        ours, theirs = pair()
        first, _ = await loop.create_connection(Recorder, sock=ours)
        number = ours.fileno()
        ours.close()
        number, peer = stranger_at(number)
        second, protocol = await loop.create_connection(Recorder, sock=socket.socket(fileno=number))
        first.close()
        for _ in range(3):
            await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="is used by transport"):
            loop.add_reader(number, print)
        peer.send(b"data")
        while not protocol.data:
            await asyncio.wait_for(asyncio.sleep(0), 20)
        peer.close()
        theirs.close()
        await asyncio.wait_for(protocol.lost, 20)

    loop.run_until_complete(asyncio.wait_for(main(), 60))


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


@pytest.mark.parametrize("ending", ["abort", "close"])
@pytest.mark.parametrize("backlog", [False, True])
def test_sending_a_file_ends_when_the_transport_does(loop, tmp_path, ending, backlog) -> None:
    """The task waited for a descriptor that was closed, and so for ever."""
    path = tmp_path / "file"
    path.write_bytes(bytes(5_000_000))

    async def main() -> None:
        ours, theirs = pair("plain")
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        number = ours.fileno()
        if backlog:
            transport.write(bytes(3_000_000))
        with path.open("rb") as file, theirs:
            sending = loop.create_task(loop.sendfile(transport, file, 0, 5_000_000))
            # It has filled the kernel's buffers when a few iterations have done nothing but wait.
            for _ in range(20):
                await asyncio.sleep(0)
            assert not sending.done()
            getattr(transport, ending)()
            if backlog and ending == "close":
                # What was written before is sent first; then the connection is closed.
                theirs.setblocking(False)
                while not protocol.lost.done():
                    try:
                        theirs.recv(1 << 20)
                    except BlockingIOError:
                        pass
                    await asyncio.sleep(0)
            await asyncio.wait_for(protocol.lost, 20)
            number, peer = stranger_at(number)
            writable = asyncio.Event()
            loop.add_writer(number, writable.set)
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(sending, 20)
            # The watch of whoever has the number now was left alone.
            await asyncio.wait_for(writable.wait(), 20)
            assert loop.remove_writer(number)
            os.close(number)
            peer.close()

    loop.run_until_complete(main())


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

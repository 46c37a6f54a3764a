"""Descriptors whose numbers belong to somebody else meanwhile: nothing reaches the new owner."""

import asyncio
import errno
import os
import socket

import pytest


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
                if kind == "foreign":
                    # asyncio's own transport serves it, and finds out when it reads.
                    transport.resume_reading()
                else:
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

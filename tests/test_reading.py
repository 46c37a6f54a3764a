"""A stream is read to its end, however its bytes come; on asyncio's loop as on Ferrio's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import ferrio
import pytest
from support.clock import block_until, turns, until
from support.sockets import has_end, reset_on_close

# More than is read at once before it is the others' turn.
MUCH = 5_000_000


@pytest.fixture(params=[asyncio.new_event_loop, ferrio.new_event_loop], ids=["asyncio", "ferrio"])
def runner(request: pytest.FixtureRequest) -> Any:
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner


class Reader(asyncio.Protocol):
    """Gathers what comes."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.lost = asyncio.get_running_loop().create_future()
        self.on_data: Callable[[], None] = lambda: None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.on_data()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)

    async def until(self, size: int) -> None:
        """Wait for so many bytes."""
        await until(lambda: len(self.received) >= size)


class BufferedReader(Reader, asyncio.BufferedProtocol):  # type: ignore[misc]  # both have their methods
    """The same with a buffer of its own."""

    size = 7

    def __init__(self) -> None:
        super().__init__()
        self.buffer = bytearray(self.size)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, count: int) -> None:
        self.data_received(self.buffer[:count])


class LargeBufferedReader(BufferedReader):
    size = 100_000


async def connected(kind: Any = Reader, family: int = socket.AF_INET) -> tuple[Any, socket.socket]:
    """Return a protocol, and the socket of its peer, which blocks."""
    if family == socket.AF_UNIX:
        mine, peer = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            peer = socket.create_connection(server.getsockname())
            mine, _ = server.accept()
    _, protocol = await asyncio.get_running_loop().connect_accepted_socket(kind, mine)
    return protocol, peer


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
@pytest.mark.parametrize("kind", [Reader, BufferedReader, LargeBufferedReader])
@pytest.mark.parametrize("size", [0, 1, 7, 14, 15, 100_000, 262_144, 300_000])
def test_the_end_comes_with_the_last_bytes(runner: Any, size: int, kind: Any, family: int) -> None:
    async def main() -> None:
        protocol, peer = await connected(kind, family)
        data = bytes(size)

        def send() -> None:
            peer.sendall(data)
            peer.close()

        if size < 100_000:
            # All is there before the first look.
            send()
            block_until(lambda: has_end(protocol.transport.get_extra_info("socket")))
            assert await asyncio.wait_for(protocol.lost, 20) is None
        else:
            sending = asyncio.get_running_loop().run_in_executor(None, send)
            assert await asyncio.wait_for(protocol.lost, 20) is None
            await sending
        assert protocol.received == data

    runner.run(main())


def test_data_and_end_come_while_the_loop_is_busy(runner: Any) -> None:
    async def main() -> None:
        for _ in range(50):
            protocol, peer = await connected()
            await asyncio.sleep(0)
            peer.sendall(b"data")
            peer.shutdown(socket.SHUT_WR)
            block_until(lambda protocol=protocol: has_end(protocol.transport.get_extra_info("socket")))  # type: ignore[misc]
            assert await asyncio.wait_for(protocol.lost, 20) is None
            assert protocol.received == b"data"
            peer.close()

    runner.run(main())


def test_the_end_comes_between_the_event_and_the_read(runner: Any) -> None:
    """A callback that runs before the read has the peer close."""

    async def main() -> None:
        one, other = await connected(), await connected()
        for protocol, peer in (one, other):

            def close_both() -> None:
                for _, peer in (one, other):
                    peer.close()

            protocol.on_data = close_both
        one[1].sendall(b"data")
        other[1].sendall(b"data")
        for protocol, _ in (one, other):
            assert await asyncio.wait_for(protocol.lost, 20) is None
            assert protocol.received == b"data"

    runner.run(main())


def test_a_reset_after_data_is_heard_of(runner: Any) -> None:
    async def main() -> None:
        protocol, peer = await connected()
        reset_on_close(peer)
        peer.sendall(b"data")
        await protocol.until(4)
        peer.close()
        assert isinstance(await asyncio.wait_for(protocol.lost, 20), ConnectionResetError)

    runner.run(main())


def test_what_follows_urgent_data_is_read(runner: Any) -> None:
    """The kernel ends a read at urgent data, though more is there."""

    async def main() -> None:
        protocol, peer = await connected()
        for round_ in range(1, 20):
            peer.sendall(b"before")
            peer.send(b"!", socket.MSG_OOB)
            peer.sendall(b"after")
            await protocol.until(11 * round_)
            assert protocol.received == b"beforeafter" * round_
        peer.close()
        await protocol.lost

    runner.run(main())


@pytest.mark.parametrize("kind", [Reader, LargeBufferedReader])
@pytest.mark.parametrize("when", ["at once", "in the next iteration", "later"])
def test_nothing_is_missed_by_a_pause(runner: Any, when: str, kind: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        protocol, peer = await connected(kind)

        def pause() -> None:
            protocol.transport.pause_reading()
            if when == "at once":
                protocol.transport.resume_reading()
            elif when == "in the next iteration":
                loop.call_soon(protocol.transport.resume_reading)
            else:
                loop.call_later(0.001, protocol.transport.resume_reading)

        protocol.on_data = pause
        for round_ in range(1, 20):
            peer.sendall(b"12345")
            await protocol.until(5 * round_)
        sending = loop.run_in_executor(None, peer.sendall, bytes(MUCH))
        await protocol.until(95 + MUCH)
        await sending
        peer.close()
        await protocol.lost

    runner.run(main())


def test_nothing_comes_during_a_pause(runner: Any) -> None:
    """Of much that is there, a protocol with a small buffer gets what it asks for."""

    async def main() -> None:
        protocol, peer = await connected(BufferedReader)
        protocol.on_data = protocol.transport.pause_reading
        peer.sendall(bytes(range(50)))
        for size in [*range(7, 50, 7), 50]:
            await protocol.until(size)
            await turns()
            assert protocol.received == bytes(range(size))
            protocol.transport.resume_reading()
        peer.close()
        await protocol.lost

    runner.run(main())


@pytest.mark.parametrize("kind", [Reader, BufferedReader, LargeBufferedReader])
def test_another_protocol_takes_over_what_comes(runner: Any, kind: Any) -> None:
    async def main() -> None:
        protocol, peer = await connected(BufferedReader)
        other = kind()
        protocol.on_data = lambda: protocol.transport.set_protocol(other)
        peer.sendall(bytes(range(50)))
        peer.close()
        assert await asyncio.wait_for(other.lost, 20) is None
        assert protocol.received == bytes(range(7))
        assert other.received == bytes(range(7, 50))

    runner.run(main())


@pytest.mark.parametrize("kind", [Reader, LargeBufferedReader])
def test_much_is_read_to_the_end_and_others_have_their_turn(runner: Any, kind: Any) -> None:
    async def main() -> None:
        protocol, peer = await connected(kind)
        peer.setblocking(False)
        protocol.transport.pause_reading()
        await turns()
        sent = 0
        while True:
            try:
                sent += peer.send(bytes(100_000))
            except BlockingIOError:
                break
        iterations = 0
        protocol.transport.resume_reading()
        while len(protocol.received) < sent:
            await asyncio.sleep(0)
            iterations += 1
        assert iterations > 1
        assert len(protocol.received) == sent
        peer.close()
        await protocol.lost

    runner.run(main())


def test_reading_goes_on_after_a_protocol_has_ended_the_loop(runner: Any) -> None:
    async def begin() -> tuple[Any, Any]:
        protocol, peer = await connected()
        protocol.on_data = leave
        return protocol, peer

    def leave() -> None:
        raise SystemExit(3)

    async def wait(protocol: Any, sending: Any) -> None:
        protocol.on_data = lambda: None
        await protocol.until(MUCH)
        await sending
        protocol.transport.abort()
        await protocol.lost

    loop = runner.get_loop()
    protocol, peer = loop.run_until_complete(begin())
    sending = loop.run_in_executor(None, peer.sendall, bytes(MUCH))
    with pytest.raises(SystemExit):
        loop.run_forever()
    loop.run_until_complete(wait(protocol, sending))
    peer.close()


def test_reading_goes_on_with_another_protocol(runner: Any) -> None:
    async def main() -> None:
        protocol, peer = await connected()
        other = BufferedReader()
        protocol.on_data = lambda: protocol.transport.set_protocol(other)
        data = bytes(range(256)) * 1000
        sending = asyncio.get_running_loop().run_in_executor(None, lambda: (peer.sendall(data), peer.close()))
        assert await asyncio.wait_for(other.lost, 20) is None
        assert protocol.received + other.received == data
        await sending

    runner.run(main())


def test_reading_goes_on_while_and_after_much_is_written(runner: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        protocol, peer = await connected()

        def read_all() -> int:
            count = 0
            while count < MUCH:
                peer.send(b"x")
                count += len(peer.recv(65_536))
            return count

        protocol.transport.write(bytes(MUCH))
        assert protocol.transport.get_write_buffer_size() > 0
        assert await loop.run_in_executor(None, read_all) == MUCH
        before = len(protocol.received)
        for round_ in range(1, 10):
            peer.send(b"y")
            await protocol.until(before + round_)
        peer.close()
        await protocol.lost

    runner.run(main())

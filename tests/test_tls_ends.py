"""The end of a TLS stream: whatever arrived before it reaches the protocol, into buffers of any kind and size."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import ssl
from typing import Any

import ferrio
import pytest
from support.certificates import contexts
from support.clock import closed, turns
from support.records import records  # noqa: F401  # a fixture
from support.sockets import reset_on_close
from test_tls import Peer

SEEDS = 400
# How many seeds a test takes; make check runs the first.
AT_ONCE = 80

# Seconds, for what would hang.
PATIENCE = 20


class Reader(asyncio.BufferedProtocol):
    """Hashes what comes into buffers of the kind that the seed says."""

    def __init__(self, chance: random.Random, pauses: bool) -> None:
        self.kind = chance.choice((bytearray, lambda size: memoryview(bytearray(size))))
        self.size = chance.choice((1, 7, 100, 1000, 4096, 16_384, 65_536))
        self.pauses = pauses
        self.hash = hashlib.sha256()
        self.count = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> Any:
        self.buffer = self.kind(self.size)
        return self.buffer

    def buffer_updated(self, count: int) -> None:
        self.hash.update(bytes(self.buffer[:count]))
        self.count += count
        if self.pauses:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self.transport.resume_reading)

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set_result(error)


async def handshake(loop: Any, sock: socket.socket, peer: Peer) -> None:
    while not peer.step():
        await loop.sock_sendall(sock, peer.outgoing.read())
        peer.incoming.write(await loop.sock_recv(sock, 100_000))
    await loop.sock_sendall(sock, peer.outgoing.read())


def messages(chance: random.Random, peer: Peer, least: int) -> bytes:
    """Encrypt some messages, whose records come at once. Return what they hold."""
    total = b""
    while len(total) < least:
        data = chance.randbytes(chance.choice((1, 10, 500, 5000, 16_384)))
        peer.object.write(data)
        total += data
    return total


async def receive(server_context: ssl.SSLContext, client_context: ssl.SSLContext, seed: int) -> None:
    loop = asyncio.get_running_loop()
    chance = random.Random(seed)
    ending = chance.choice(("close_notify", "FIN", "RST"))
    pauses = ending == "FIN" and chance.random() < 0.3
    made = []

    def protocol() -> Reader:
        made.append(Reader(chance, pauses))
        return made[-1]

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=server_context)
    peer = Peer(client_context)
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, server.sockets[0].getsockname())
        await handshake(loop, sock, peer)
        # With a buffer of one byte more would take long, and prove no more.
        size = chance.choice((1, 300, 20_000)) if pauses else chance.choice((1, 300, 20_000, 60_000))
        if made and made[0].size == 1:
            size = min(size, 2000)
        data = messages(chance, peer, size)
        if ending == "close_notify":
            with pytest.raises(ssl.SSLWantReadError):
                peer.object.unwrap()
        await loop.sock_sendall(sock, peer.outgoing.read())
        if ending == "RST":
            # What the kernel holds is lost with a reset: it comes when the last byte was read.
            async with asyncio.timeout(PATIENCE):
                while not made or made[0].count < len(data):
                    await asyncio.sleep(0)
            reset_on_close(sock)
    async with asyncio.timeout(PATIENCE):
        while not made:
            await asyncio.sleep(0)
        await made[0].done
    assert (made[0].count, made[0].hash.digest()) == (len(data), hashlib.sha256(data).digest()), (
        seed,
        ending,
    )
    server.close()


@pytest.mark.parametrize(
    "first",
    [pytest.param(first, marks=[pytest.mark.slow] * (first > 0)) for first in range(0, SEEDS, AT_ONCE)],
)
def test_every_byte_arrives_before_the_end(first: int) -> None:
    """A small buffer lost the tail of a stream without close_notify, and a bytearray got other bytes."""
    server_context, client_context = contexts()

    async def main() -> None:
        for seed in range(first, first + AT_ONCE):
            await receive(server_context, client_context, seed)

    ferrio.run(main())


async def connected(protocol: Any, server_context: Any, client_context: Any) -> Any:
    """A server's protocol over TLS, and its peer."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    peer = Peer(client_context)
    accepted = asyncio.create_task(
        loop.connect_accepted_socket(lambda: protocol, ours, ssl=server_context)  # type: ignore[arg-type]
    )
    await handshake(loop, theirs, peer)
    transport, _ = await accepted
    return transport, theirs, peer


class Stream(asyncio.Protocol):
    def __init__(self) -> None:
        self.data = b""
        self.done = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set_result(error)


@pytest.mark.parametrize("buffered", [False, True])
def test_what_comes_before_a_broken_record_is_delivered(buffered: bool) -> None:
    server_context, client_context = contexts()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        protocol: Any = Reader(random.Random(0), False) if buffered else Stream()
        transport, sock, peer = await connected(protocol, server_context, client_context)
        with sock:
            peer.object.write(b"data")
            broken = b"\x17\x03\x03\x00\x20" + bytes(32)
            await loop.sock_sendall(sock, peer.outgoing.read() + broken)
            error = await asyncio.wait_for(protocol.done, PATIENCE)
            assert isinstance(error, ssl.SSLError)
            assert protocol.count == 4 if buffered else protocol.data == b"data"

    ferrio.run(main())


def test_a_connection_that_is_not_read_to_its_end_can_be_closed() -> None:
    """Paused, with the peer's end behind what was not read: close() waited for ever."""
    server_context, client_context = contexts()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        protocol = Stream()
        transport, sock, peer = await connected(protocol, server_context, client_context)
        transport.pause_reading()
        peer.object.write(b"data")
        await loop.sock_sendall(sock, peer.outgoing.read())
        with sock:
            sock.shutdown(socket.SHUT_WR)
            for _ in range(10):
                await asyncio.sleep(0)
            transport.close()
            await asyncio.wait_for(protocol.done, PATIENCE)

    ferrio.run(main())


def test_a_peer_that_has_ended_still_gets_all_that_was_written() -> None:
    """What is encrypted and waits for the transport to take more is sent also after the peer's end."""
    server_context, client_context = contexts()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        protocol = Stream()
        transport, sock, peer = await connected(protocol, server_context, client_context)
        data = random.Random(0).randbytes(2_000_000)
        with sock:
            for start in range(0, len(data), 100_000):
                transport.write(data[start : start + 100_000])
            sock.shutdown(socket.SHUT_WR)
            # The end is seen before anything is read.
            for _ in range(10):
                await asyncio.sleep(0)
            got = b""
            async with asyncio.timeout(PATIENCE):
                while records := await loop.sock_recv(sock, 1_000_000):
                    peer.incoming.write(records)
                    try:
                        while chunk := peer.object.read(100_000):
                            got += chunk
                    except ssl.SSLWantReadError:
                        pass
            assert got == data
            await asyncio.wait_for(protocol.done, PATIENCE)

    ferrio.run(main())


async def _closed_pair(loop: asyncio.AbstractEventLoop) -> tuple[Any, Any]:
    """A connection whose peer never answers: its transport, and the peer's socket."""
    ours, theirs = socket.socketpair()
    transport, protocol = await loop.create_connection(asyncio.Protocol, sock=ours)
    return (transport, protocol), theirs


def test_a_second_start_tls_on_one_transport_is_refused_and_the_first_ends() -> None:
    _, client = contexts()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        (transport, protocol), theirs = await _closed_pair(loop)

        async def upgrade() -> None:
            await loop.start_tls(
                transport, protocol, client, server_hostname="localhost", ssl_handshake_timeout=0.2
            )

        first, second = await asyncio.gather(upgrade(), upgrade(), return_exceptions=True)
        assert isinstance(first, ConnectionAbortedError)
        assert isinstance(second, RuntimeError) and "under way" in str(second)
        theirs.close()

    ferrio.run(main())


def test_start_tls_on_a_transport_that_is_lost_ends() -> None:
    _, client = contexts()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        (transport, protocol), theirs = await _closed_pair(loop)
        transport.abort()
        await turns()
        with pytest.raises((OSError, RuntimeError)):
            await asyncio.wait_for(
                loop.start_tls(
                    transport, protocol, client, server_hostname="localhost", ssl_handshake_timeout=0.2
                ),
                10,
            )
        theirs.close()

    ferrio.run(main())


def test_a_client_that_pauses_reading_at_once_lets_the_server_finish_its_handshake() -> None:
    server_context, client_context = contexts()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        connected = asyncio.Event()

        class Server(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                connected.set()

        class Pauses(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                transport.pause_reading()

        server = await loop.create_server(Server, "127.0.0.1", 0, ssl=server_context)
        port = server.sockets[0].getsockname()[1]
        transport, _ = await loop.create_connection(
            Pauses, "127.0.0.1", port, ssl=client_context, server_hostname="localhost"
        )
        await asyncio.wait_for(connected.wait(), 10)
        transport.abort()
        await closed(server)

    ferrio.run(main())

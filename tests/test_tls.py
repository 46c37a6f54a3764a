"""TLS with peers that split their records anywhere, stall, flood, or lie."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import socket
import ssl
import struct
import time
from pathlib import Path
from typing import Any

import ferrio
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from support.certificates import contexts
from support.clock import closed
from support.records import records  # noqa: F401  # a fixture


class Peer:
    """A TLS client that hands out its records, and takes the server's, byte for byte."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def step(self) -> bool:
        """Go on with the handshake. Return whether it is done."""
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


async def converse(address: Any, context: ssl.SSLContext, cuts: list[int]) -> tuple[int, bytes]:
    """Shake hands and send two messages, cut at these places. Return how much was sent and what came back."""
    loop = asyncio.get_running_loop()
    peer = Peer(context)
    sent = 0
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, address)

        async def send() -> None:
            nonlocal sent
            data = peer.outgoing.read()
            places = [0, *[cut - sent for cut in cuts if sent < cut < sent + len(data)], len(data)]
            for start, end in itertools.pairwise(places):
                await loop.sock_sendall(sock, data[start:end])
                # The server sees this piece before the next.
                for _ in range(3):
                    await asyncio.sleep(0)
            sent += len(data)

        while not peer.step():
            await send()
            peer.incoming.write(await loop.sock_recv(sock, 100_000))
        for message in (b"one", b"two" * 100):
            peer.object.write(message)
        await send()
        received = b""
        while len(received) < 303:
            try:
                received += peer.object.read(1000)
            except ssl.SSLWantReadError:
                peer.incoming.write(await loop.sock_recv(sock, 100_000))
    return sent, received


async def echo(reader: Any, writer: Any) -> None:
    try:
        while data := await reader.read(1000):
            writer.write(data)
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
# make check cuts at every fifth place.
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_records_may_be_cut_anywhere(step: int, version: ssl.TLSVersion) -> None:
    server_context, client_context = contexts()
    client_context.maximum_version = version

    async def main() -> None:
        server = await ferrio.start_server(echo, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()
        length, received = await converse(address, client_context, [])
        assert received == b"one" + b"two" * 100
        chance = random.Random(1)
        # At each of these places, then at many at once, then at all.
        cuts = [[place] for place in range(1, length, step)]
        cuts += [sorted(chance.sample(range(1, length), chance.randrange(2, 50))) for _ in range(50 // step)]
        for places in [*cuts, list(range(1, length + 100))]:
            _, received = await converse(address, client_context, places)
            assert received == b"one" + b"two" * 100, places
        await closed(server)

    ferrio.run(main())


FLOODS = {
    "zeros": b"\0" * 16_384,
    "no TLS": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500,
    # A handshake message of 16 MB, in records that are right.
    "a long message": b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + b"\x03\x03" + b"\0" * 16_378,
    "alerts": b"\x15\x03\x01\x00\x02\x01\x5a" * 2000,
    "empty records": b"\x16\x03\x01\x00\x00" * 3000,
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_instead_of_a_handshake_ends_the_connection(kind: str) -> None:
    server_context, client_context = contexts()

    async def main() -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        server = await ferrio.start_server(echo, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()
        sent = 0
        with socket.socket() as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
            while sent < 100_000_000:
                try:
                    await asyncio.wait_for(loop.sock_sendall(sock, FLOODS[kind]), 5)
                except ConnectionError:
                    break
                sent += len(FLOODS[kind])
        # Others are served.
        _, received = await converse(address, client_context, [])
        server.close()
        return sent, received

    sent, received = ferrio.run(main())
    assert sent < 50_000_000
    assert received == b"one" + b"two" * 100


def test_peers_that_stall_in_the_handshake_are_given_up() -> None:
    server_context, client_context = contexts()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        server = await ferrio.start_server(
            echo, "127.0.0.1", 0, ssl=server_context, ssl_handshake_timeout=0.5, backlog=500
        )
        address = server.sockets[0].getsockname()
        peer = Peer(client_context)
        peer.step()
        hello = peer.outgoing.read()
        start = time.monotonic()
        stalled = []
        for number in range(300):
            sock = socket.socket()
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
            await loop.sock_sendall(sock, hello[: number % len(hello)])
            stalled.append(sock)
        _, received = await converse(address, client_context, [])
        assert received == b"one" + b"two" * 100
        for sock in stalled:
            assert await asyncio.wait_for(receive(sock), 10) == b""
            sock.close()
        server.close()
        return time.monotonic() - start

    async def receive(sock: socket.socket) -> bytes:
        try:
            return await asyncio.get_running_loop().sock_recv(sock, 1)
        except ConnectionResetError:
            return b""

    assert ferrio.run(main()) < 8


class KeyUpdates:
    """Records that ask for new keys (RFC 8446, 4.6.3 and 7.2), one after another."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def expand(self, label: bytes, length: int) -> bytes:
        """Return HKDF-Expand-Label without a context."""
        info = struct.pack(">HB", length, len(label) + 6) + b"tls13 " + label + b"\0"
        return HKDFExpand(hashes.SHA384(), length, info).derive(self.secret)

    def next(self) -> bytes:
        """Return the next record; each is the first one under its keys."""
        key, nonce = self.expand(b"key", 32), self.expand(b"iv", 12)
        message = b"\x18\0\0\x01\x01" + b"\x16"  # key_update, update_requested; the record's own type
        head = b"\x17\x03\x03" + struct.pack(">H", len(message) + 16)
        self.secret = self.expand(b"traffic upd", 48)
        return head + AESGCM(key).encrypt(nonce, message, head)


@pytest.mark.parametrize("buffered", [False, True])
def test_a_peer_that_asks_for_keys_and_reads_no_answer_is_given_up(tmp_path: Path, buffered: bool) -> None:
    server_context, client_context = contexts()
    client_context.keylog_filename = str(tmp_path / "keys")

    class Plain(asyncio.Protocol):
        lost: Any
        transport: Any

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def connection_lost(self, exc: Any) -> None:
            self.lost.set_result(exc)

    class Buffered(Plain, asyncio.BufferedProtocol):
        def get_buffer(self, sizehint: int) -> bytearray:
            return bytearray(1000)

        def buffer_updated(self, nbytes: int) -> None:
            pass

    async def main() -> tuple[Any, int]:
        loop = asyncio.get_running_loop()
        protocol = Buffered() if buffered else Plain()
        protocol.lost = loop.create_future()
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        server = await loop.create_server(lambda: protocol, sock=listening, ssl=server_context)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(listening.getsockname())

        def shake_hands() -> ssl.SSLSocket:
            return client_context.wrap_socket(sock, server_hostname="localhost")

        client = await asyncio.to_thread(shake_hands)
        assert client.cipher() == ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)
        lines = (tmp_path / "keys").read_text().splitlines()
        secret = next(line.split()[2] for line in lines if line.startswith("CLIENT_TRAFFIC_SECRET_0"))
        updates = KeyUpdates(bytes.fromhex(secret))
        most = 0
        with socket.socket(fileno=os.dup(client.fileno())) as raw:
            raw.setblocking(False)
            for number in range(15_000):
                if protocol.lost.done():
                    break
                try:
                    await loop.sock_sendall(raw, updates.next())
                except ConnectionError:
                    break
                if number % 100 == 0:
                    await asyncio.sleep(0)
                    below = protocol.transport._ssl_protocol
                    if below is not None and below._transport is not None:
                        waiting = below._transport.get_write_buffer_size()
                        most = max(most, protocol.transport.get_write_buffer_size() + waiting)
        lost = await asyncio.wait_for(protocol.lost, 5)
        client.close()
        server.close()
        return lost, most

    lost, most = ferrio.run(main())
    assert isinstance(lost, ConnectionAbortedError)
    assert 50_000 < most < 200_000


def test_a_peer_without_tls_gets_nothing_in_the_clear() -> None:
    server_context, client_context = contexts()

    async def main() -> tuple[list[str], bytes]:
        seen = []

        async def refuse(reader: Any, writer: Any) -> None:
            seen.append("a connection without TLS")

        server = await ferrio.start_server(refuse, "127.0.0.1", 0, ssl=server_context)
        reader, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        answer = b""
        try:
            answer = await reader.read()
        except ConnectionError:
            pass
        writer.close()
        # And a client does not go on without.
        plain = await ferrio.start_server(echo, "127.0.0.1", 0)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await ferrio.open_connection(
                *plain.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
            )
        await closed(server, plain)
        return seen, answer

    seen, answer = ferrio.run(main())
    assert seen == []
    # An alert, if anything.
    assert answer == b"" or answer[0] == 0x15

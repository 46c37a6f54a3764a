"""Ferrio calls OpenSSL on what is in the ssl module's objects. What a program sees is what the module does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import ferrio
import ferrio.tls
import pytest
from ferrio import _core, versions
from support.certificates import contexts
from support.clock import closed
from support.processes import output
from support.records import records  # noqa: F401  # a fixture
from test_tls import Peer


async def failure(change: Any) -> tuple[str, list[Any]]:
    """Serve a peer whose data `change` alters. Return the error that the protocol sees, and what it received."""
    server_context, client_context = contexts()
    lost = asyncio.get_running_loop().create_future()
    received: list[Any] = []

    class Protocol(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            received.append(data)

        def connection_lost(self, exc: Exception | None) -> None:
            lost.set_result(exc)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)
    server = await loop.create_server(Protocol, "127.0.0.1", 0, ssl=server_context)
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, server.sockets[0].getsockname())
        peer = Peer(client_context)
        while not peer.step():
            await loop.sock_sendall(sock, peer.outgoing.read())
            peer.incoming.write(await loop.sock_recv(sock, 100_000))
        await loop.sock_sendall(sock, peer.outgoing.read())
        await loop.sock_sendall(sock, change(peer))
        error = await asyncio.wait_for(lost, 10)
    await closed(server)
    # The number of the line differs between calls of the module's.
    return (
        f"{type(error).__name__} {getattr(error, 'reason', None)} {getattr(error, 'library', None)}",
        received,
    )


def altered(peer: Peer) -> bytes:
    """Return a good record, and one with a changed byte."""
    peer.object.write(b"good")
    good = peer.outgoing.read()
    peer.object.write(b"bad")
    bad = bytearray(peer.outgoing.read())
    bad[-1] ^= 1
    return good + bytes(bad)


def nonsense(peer: Peer) -> bytes:
    """Return a good record, and what is no record."""
    peer.object.write(b"good")
    return peer.outgoing.read() + b"GET / HTTP/1.1\r\n\r\n"


def oversized(peer: Peer) -> bytes:
    """Return a good record, and one that says that it is too long."""
    peer.object.write(b"good")
    return peer.outgoing.read() + b"\x17\x03\x03\xff\xff" + bytes(100)


def end(peer: Peer) -> bytes:
    """Return a good record, and the end of the stream."""
    peer.object.write(b"good")
    good = peer.outgoing.read()
    with pytest.raises(ssl.SSLWantReadError):
        peer.object.unwrap()
    return good + peer.outgoing.read()


@pytest.mark.parametrize("change", [altered, nonsense, oversized, end])
def test_errors_are_the_modules_own(change: Any) -> None:
    def run(is_direct: bool) -> Any:
        assert _core.use_openssl(is_direct) == is_direct
        return ferrio.run(failure(change))

    assert run(True) == run(False)
    assert run(True)[1] == [b"good"]


def test_errors_of_others_are_not_taken_for_a_connections_own() -> None:
    server_context, client_context = contexts()

    async def main() -> bytes:
        async def answer(reader: Any, writer: Any) -> None:
            while data := await reader.read(1000):
                leave_an_error()
                writer.write(data)
            writer.close()

        server = await ferrio.start_server(answer, "127.0.0.1", 0, ssl=server_context)
        reader, writer = await ferrio.open_connection(
            *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
        )
        received = b""
        for _ in range(10):
            leave_an_error()
            writer.write(b"x" * 10)
            received += await reader.readexactly(10)
        writer.close()
        await writer.wait_closed()
        await closed(server)
        return received

    assert ferrio.run(main()) == b"x" * 100


async def greet(reader: Any, writer: Any) -> None:
    """Say hello, and wait for the peer's end."""
    writer.write(b"hello")
    await reader.read()
    writer.close()


def leave_an_error() -> None:
    """Have OpenSSL fail: some functions of the module leave their error in the thread's list."""
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context().load_verify_locations(cadata="no certificate")


def test_a_callback_for_messages_is_called_for_each(records: str) -> None:  # noqa: F811
    server_context, client_context = contexts()
    messages: list[Any] = []
    client_context._msg_callback = lambda *args: messages.append(args)  # type: ignore[attr-defined]

    async def main() -> None:
        server = await ferrio.start_server(greet, "127.0.0.1", 0, ssl=server_context)
        reader, writer = await ferrio.open_connection(
            *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
        )
        before = len(messages)
        assert await reader.readexactly(5) == b"hello"
        assert len(messages) > before
        writer.close()
        await writer.wait_closed()
        await closed(server)

    ferrio.run(main())


def test_a_file_for_keys_is_written(tmp_path: Path) -> None:
    server_context, client_context = contexts()
    keys = tmp_path / "keys"
    client_context.keylog_filename = str(keys)

    async def main() -> None:
        server = await ferrio.start_server(greet, "127.0.0.1", 0, ssl=server_context)
        reader, writer = await ferrio.open_connection(
            *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
        )
        assert await reader.readexactly(5) == b"hello"
        writer.close()
        await writer.wait_closed()
        await closed(server)

    ferrio.run(main())
    assert "CLIENT_TRAFFIC_SECRET_0" in keys.read_text()


def test_other_objects_are_used_by_their_methods() -> None:
    """A class of the program's own, given by the context, sees every record."""
    server_context, client_context = contexts()
    calls: list[str] = []

    class Counting(ssl.SSLObject):
        def read(self, *args: Any) -> Any:
            calls.append("read")
            return super().read(*args)

        def write(self, data: Any) -> int:
            calls.append("write")
            return super().write(data)

    client_context.sslobject_class = Counting

    async def main() -> None:
        server = await ferrio.start_server(greet, "127.0.0.1", 0, ssl=server_context)
        reader, writer = await ferrio.open_connection(
            *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
        )
        assert await reader.readexactly(5) == b"hello"
        writer.write(b"x")
        writer.close()
        await writer.wait_closed()
        await closed(server)

    ferrio.run(main())
    assert {"read", "write"} <= set(calls)


def test_what_a_protocol_is_given_instead_is_used() -> None:
    """Another ssl object, other BIOs: nothing of the old ones is used any more."""
    server_context, _ = contexts()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        protocol = ferrio.tls.SSLProtocol(loop, asyncio.Protocol(), server_context, None, True)
        for _ in range(3):
            protocol._incoming, protocol._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            protocol._sslobj = server_context.wrap_bio(
                protocol._incoming, protocol._outgoing, server_side=True
            )
            protocol._received(b"no record at all")
            assert protocol._incoming.pending == 16
        protocol._incoming = ssl.MemoryBIO()
        protocol._received(b"x")
        assert protocol._incoming.pending == 1
        # BIOs that belong to another object.
        protocol._sslobj = server_context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
        protocol._received(b"x")
        assert protocol._incoming.pending == 2
        protocol._sslobj = None
        protocol._do_read()
        # It was never connected.
        protocol._get_app_transport()._closed = True

    ferrio.run(main())


def test_threads_ask_an_ssl_object_about_the_connection_meanwhile(records: str) -> None:  # noqa: F811
    """These methods keep the GIL, as Ferrio does. The module's own read() gives it up, which is a race up to 3.12."""
    if records == "ssl":
        pytest.skip("the interpreter's own race")
    server_context, client_context = contexts()

    async def main() -> None:
        async def answer(reader: Any, writer: Any) -> None:
            while data := await reader.read(100_000):
                writer.write(data)
            writer.close()

        server = await ferrio.start_server(answer, "127.0.0.1", 0, ssl=server_context)
        reader, writer = await ferrio.open_connection(
            *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
        )
        ssl_object = writer.get_extra_info("ssl_object")
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                # While the module reads a new session, it says that the handshake is not done.
                with contextlib.suppress(ValueError):
                    ssl_object.getpeercert()
                ssl_object.cipher()
                ssl_object.version()
                ssl_object.session  # noqa: B018  # a property that copies

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            writer.write(bytes(50_000))
            await reader.readexactly(50_000)
        stop.set()
        for thread in threads:
            thread.join()
        writer.close()
        await writer.wait_closed()
        await closed(server)

    ferrio.run(main())


def test_features_tell_the_way() -> None:
    for wanted, name in [(False, "ssl"), (True, "openssl")]:
        _core.use_openssl(wanted)
        assert ferrio.features()["tls"] == name
    assert ferrio.features()["tasks"] == ("asyncio" if versions.CALL_GRAPHS else "ferrio")


@pytest.mark.parametrize(("value", "way"), [("0", "ssl"), ("1", "openssl"), ("", "openssl")])
def test_the_environment_chooses_the_way(value: str, way: str) -> None:
    program = "import ferrio; print(ferrio.features()['tls'])"
    env = os.environ | {"FERRIO_OPENSSL": value}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=env, check=True
    )
    assert done.stdout.strip() == way


def test_a_forged_class_is_not_taken_for_the_modules() -> None:
    """Its instances have an object where the module's have a pointer of OpenSSL's."""
    assert output("""
        import asyncio, ssl, _ssl, ferrio, ferrio.tls

        class Forged:
            __slots__ = ("a_socket", "b_ssl", "context")

        async def main():
            context = ssl.create_default_context()
            protocol = ferrio.tls.SSLProtocol(
                asyncio.get_running_loop(), asyncio.Protocol(), context, None, False, "localhost"
            )
            real = context.wrap_bio(protocol._incoming, protocol._outgoing, server_hostname="localhost")
            real._sslobj = Forged()
            real._sslobj.b_ssl, real._sslobj.context = b"A" * 10_000, context
            _ssl._SSLSocket = Forged
            protocol._sslobj = real
            protocol._get_app_transport()._closed = True
            print("refused")

        ferrio.run(main())
    """).splitlines() == ["refused"]

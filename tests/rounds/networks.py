"""Connections, streams, TLS, datagrams, pipes, subprocesses, sockets."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import socket
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

import ferrio
import pytest
from support.certificates import contexts
from support.clock import closed

from rounds.kinds import COUNT, cancelled, kind


class Echo(asyncio.Protocol):
    """Sends back."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.writelines([b"", data[:0]])


class Tells:
    """Tells of the first data and of the end."""

    def __init__(self) -> None:
        self.lost = asyncio.get_running_loop().create_future()
        self.seen = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Any) -> None:
        self.lost.set_result(None)


class Seeing(Tells, asyncio.Protocol):
    """Reads what comes."""

    def data_received(self, data: bytes) -> None:
        if not self.seen.done():
            self.seen.set_result(data)


class Buffered(Tells, asyncio.BufferedProtocol):
    """Reads into a buffer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = bytearray(100)

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self.buffer)

    def buffer_updated(self, nbytes: int) -> None:
        if not self.seen.done():
            self.seen.set_result(nbytes)


async def exchange(server: Any, connect: Callable[[], Awaitable[Any]]) -> None:
    """Connect a few times and send there and back."""
    for ends in ("close", "abort", "close"):
        transport, protocol = await connect()
        transport.write(b"hello")
        assert await protocol.seen
        assert repr(transport) and transport.get_extra_info("peername") is not None
        getattr(transport, ends)()
        await protocol.lost
    await closed(server)


@kind
async def _tcp() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(3):
        server = await loop.create_server(Echo, "127.0.0.1", 0)
        assert repr(server)
        port = server.sockets[0].getsockname()[1]
        await exchange(server, lambda port=port: loop.create_connection(Buffered, "127.0.0.1", port))


@kind
async def _unix() -> None:
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        server = await loop.create_unix_server(Echo, path)
        await exchange(server, lambda: loop.create_unix_connection(Buffered, path))
        with pytest.raises(OSError):
            await loop.create_unix_connection(Buffered, f"{folder}/nowhere")


@kind
async def _streams() -> None:
    async def answer(reader: Any, writer: Any) -> None:
        writer.write(await reader.readline())
        writer.writelines([b"more", b"\n"])
        await writer.drain()
        writer.write_eof()
        await reader.read()
        writer.close()

    server = await ferrio.start_server(answer, "127.0.0.1", 0)
    for _ in range(4):
        reader, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        assert repr(reader) and repr(writer)
        writer.write(b"a line\n")
        assert await reader.readline() == b"a line\n"
        assert await reader.readexactly(3) == b"mor"
        assert await reader.readuntil(b"\n") == b"e\n"
        with pytest.raises(asyncio.IncompleteReadError):
            await reader.readexactly(1)
        writer.close()
        await writer.wait_closed()
    server.close()
    await server.wait_closed()


@kind
async def _stream_reader() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(COUNT):
        reader = ferrio.StreamReader(limit=10, loop=loop)
        reader.feed_data(b"one\ntwo\n")
        assert [await reader.readline(), await reader.read(2), await reader.read(9)]
        reader.feed_data(b"x" * 50)
        with pytest.raises(asyncio.LimitOverrunError):
            await reader.readuntil()
        reading = ferrio.create_task(reader.readexactly(100))
        await asyncio.sleep(0)
        reader.set_exception(ValueError("broken"))
        with pytest.raises(ValueError):
            await reading
        reader.cycle = reader


# The first round makes them.
certificates = functools.cache(lambda: contexts("references"))


@kind
async def _tls() -> None:
    server_context, client_context = certificates()
    loop = asyncio.get_running_loop()
    for _ in range(2):
        server = await loop.create_server(Echo, "127.0.0.1", 0, ssl=server_context)
        port = server.sockets[0].getsockname()[1]
        await exchange(
            server,
            lambda port=port: loop.create_connection(
                Buffered, "127.0.0.1", port, ssl=client_context, server_hostname="references"
            ),
        )


@kind
async def _tls_that_fails() -> None:
    server_context, client_context = certificates()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: None)
    server = await loop.create_server(Echo, "127.0.0.1", 0, ssl=server_context)
    for _ in range(3):
        with pytest.raises(OSError):
            await loop.create_connection(
                Buffered, *server.sockets[0].getsockname(), ssl=client_context, server_hostname="other"
            )
    await closed(server)


@kind
async def _start_tls() -> None:
    server_context, client_context = certificates()

    async def answer(reader: Any, writer: Any) -> None:
        await writer.start_tls(server_context)
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await ferrio.start_server(answer, "127.0.0.1", 0)
    for _ in range(3):
        reader, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        await writer.start_tls(client_context, server_hostname="references")
        writer.write(b"line\n")
        assert await reader.readline() == b"line\n"
        writer.close()
        await writer.wait_closed()
    await closed(server)


@kind
async def _udp() -> None:
    loop = asyncio.get_running_loop()

    class Datagrams(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.seen = loop.create_future()
            self.lost = loop.create_future()

        def datagram_received(self, data: bytes, address: Any) -> None:
            self.seen.set_result((data, address))

        def connection_lost(self, exc: Any) -> None:
            self.lost.set_result(None)

    for number in range(6):
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
        address = transport.get_extra_info("sockname")
        other, unused = await loop.create_datagram_endpoint(Datagrams, remote_addr=address)
        other.sendto(b"x" * (1 + number % 2 * 1000))
        await protocol.seen
        assert repr(transport)
        transport.close()
        other.abort()
        await protocol.lost
        await unused.lost


@kind
async def _pipes() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(5):
        read_end, write_end = os.pipe()
        reading, protocol = await loop.connect_read_pipe(Seeing, os.fdopen(read_end, "rb", 0))
        writing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(write_end, "wb", 0))
        writing.write(b"x")
        await protocol.seen
        assert repr(reading) and repr(writing)
        writing.close()
        await protocol.lost


@kind
async def _subprocess() -> None:
    for _ in range(2):
        pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
        process = await asyncio.create_subprocess_exec("cat", **pipes)
        assert (await process.communicate(b"text"))[0] == b"text"
        process = await asyncio.create_subprocess_exec("sleep", "1000")
        process.kill()
        assert await process.wait() == -signal.SIGKILL


@kind
async def _sockets() -> None:
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.setblocking(False)
        for _ in range(COUNT):
            await cancelled(ferrio.create_task(loop.sock_recv(one, 100)))
            receiving = ferrio.create_task(loop.sock_recv(one, 100))
            await loop.sock_sendall(other, b"x")
            assert await receiving == b"x"
            await loop.sock_sendall(other, b"x")
            assert await loop.sock_recv_into(one, bytearray(5)) == 1
            readable = loop.create_future()
            loop.add_reader(one, lambda readable=readable: readable.done() or readable.set_result(None))
            loop.add_writer(other, int)
            other.send(b"x")
            await readable
            loop.remove_reader(one)
            loop.remove_writer(other)
            one.recv(1)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        for _ in range(3):
            with socket.socket() as client:
                client.setblocking(False)
                accepting = ferrio.create_task(loop.sock_accept(listening))
                await loop.sock_connect(client, listening.getsockname())
                accepted, _ = await accepting
                accepted.close()
        await cancelled(ferrio.create_task(loop.sock_accept(listening)))


@kind
async def _sendfile() -> None:
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 1000)
        file.flush()
        for _ in range(3):
            server = await loop.create_server(Seeing, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            transport, protocol = await loop.create_connection(Seeing, "127.0.0.1", port)
            assert await loop.sendfile(transport, file) == 1000
            transport.close()
            await protocol.lost
            await closed(server)

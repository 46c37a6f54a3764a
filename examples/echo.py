"""Echo over TCP, a Unix socket, TLS and UDP, also by broadcast."""

import asyncio
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import ferrio
import trustme

MESSAGES = [b"hello", b"x" * 100_000, b"bye"]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes, until the client has finished."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    writer.close()
    await writer.wait_closed()


async def talk(kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send messages and compare what comes back."""
    for message in MESSAGES:
        writer.write(message)
        await writer.drain()
        answer = await reader.readexactly(len(message))
        print(f"{kind}: {len(answer)} bytes, same: {answer == message}")
    writer.close()
    await writer.wait_closed()


class UdpEcho(asyncio.DatagramProtocol):
    """Sends each datagram back."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self.transport.sendto(data.upper(), addr)


class UdpClient(asyncio.DatagramProtocol):
    """Puts each datagram into a queue."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self.received.put_nowait(data)


async def udp() -> None:
    """Echo by datagrams: connected, and to the broadcast address."""
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(UdpEcho, local_addr=("0.0.0.0", 0), allow_broadcast=True)
    port = server.get_extra_info("sockname")[1]
    transport, client = await loop.create_datagram_endpoint(UdpClient, remote_addr=("127.0.0.1", port))
    for message in (b"one", b"two"):
        transport.sendto(message)
        print("UDP:", await client.received.get())
    transport.close()
    transport, client = await loop.create_datagram_endpoint(
        UdpClient, local_addr=("0.0.0.0", 0), allow_broadcast=True
    )
    transport.sendto(b"to everybody", ("127.255.255.255", port))
    print("broadcast:", await client.received.get())
    transport.close()
    server.close()


async def main() -> None:
    """Echo by every means."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        await talk("TCP", *await asyncio.open_connection(*server.sockets[0].getsockname()))
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "echo")
        async with await asyncio.start_unix_server(echo, path):
            await talk("Unix", *await asyncio.open_unix_connection(path))
    authority = trustme.CA()
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server_context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context)
    async with server:
        host, port = server.sockets[0].getsockname()
        connection = await asyncio.open_connection(
            host, port, ssl=client_context, server_hostname="localhost"
        )
        await talk("TLS", *connection)
    await udp()


if __name__ == "__main__":
    ferrio.run(main())

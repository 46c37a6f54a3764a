"""A program that replaces call_soon of a loop sees the callbacks of transports, with asyncio's names."""

import asyncio
import os
import socket

import ferrio

names = []


class Protocol(asyncio.Protocol):
    def __init__(self):
        self.received = asyncio.get_running_loop().create_future()
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if not self.received.done():
            self.received.set_result(data)

    def datagram_received(self, data, address):
        self.data_received(data)

    def eof_received(self):
        print("eof_received")

    def connection_lost(self, error):
        self.lost.set_result(error)


class Failing(Protocol):
    def connection_made(self, transport):
        super().connection_made(transport)
        raise ValueError("connection_made")


class Pausing(Protocol):
    def connection_made(self, transport):
        super().connection_made(transport)
        transport.pause_reading()
        transport.resume_reading()


async def connection(factory):
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    transport, protocol = await loop.create_connection(factory, sock=left)
    right.send(b"data")
    print(await protocol.received)
    transport.close()
    print(await protocol.lost)
    right.close()


async def aborted():
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    transport, protocol = await loop.create_connection(Protocol, sock=left)
    transport.abort()
    print(await protocol.lost)
    right.close()


async def server():
    loop = asyncio.get_running_loop()
    protocols = []

    def factory():
        protocols.append(Protocol())
        return protocols[-1]

    listening = await loop.create_server(factory, "127.0.0.1", 0)
    with socket.create_connection(listening.sockets[0].getsockname()) as client:
        client.send(b"data")
        while not protocols:
            await asyncio.sleep(0)
        print(await protocols[0].received)
    print(await protocols[0].lost)
    listening.close()
    await listening.wait_closed()


async def datagrams():
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Protocol, ("127.0.0.1", 0))
    transport.sendto(b"data", transport.get_extra_info("sockname"))
    print(await protocol.received)
    transport.close()
    print(await protocol.lost)


async def pipes():
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    _, reader = await loop.connect_read_pipe(Protocol, open(reading, "rb", 0))
    transport, writer = await loop.connect_write_pipe(Protocol, open(writing, "wb", 0))
    transport.write(b"data")
    print(await reader.received)
    transport.close()
    print(await writer.lost, await reader.lost)


async def main():
    loop = asyncio.get_running_loop()
    original = loop.call_soon

    def call_soon(callback, *arguments, **keywords):
        names.append(getattr(callback, "__name__", None))
        return original(callback, *arguments, **keywords)

    loop.set_exception_handler(lambda loop, context: print(context["message"].partition("(")[0]))
    loop.call_soon = call_soon
    programs = {
        "connection": lambda: connection(Protocol),
        "failing": lambda: connection(Failing),
        "pausing": lambda: connection(Pausing),
        "aborted": aborted,
        "server": server,
        "datagrams": datagrams,
        "pipes": pipes,
    }
    for name, program in programs.items():
        names.clear()
        print(name)
        await program()
        # asyncio's server waits for the start of a connection; Ferrio's does not.
        shown = OF_TRANSPORTS - ({"_set_result_unless_cancelled"} if program is server else set())
        print("  ", *(name for name in names if name in shown))
    del loop.call_soon
    names.clear()
    await connection(Protocol)
    print("again", names)


OF_TRANSPORTS = {
    "connection_made",
    "_add_reader",
    "_set_result_unless_cancelled",
    "eof_received",
    "_call_connection_lost",
}
ferrio.run(main())

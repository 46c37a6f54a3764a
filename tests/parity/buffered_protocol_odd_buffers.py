"""Buffers that can't be received into, and protocols that close the connection when they are asked for one."""

import asyncio
import socket

import ferrio


class Odd:
    def __len__(self):
        return 4


async def receive(get_buffer):
    """Send eight bytes to a protocol; print what it and the exception handler are told."""
    loop = asyncio.get_running_loop()
    lost = loop.create_future()

    class Buffered(asyncio.BufferedProtocol):
        def connection_made(self, transport):
            self.transport = transport
            self.given = None

        def get_buffer(self, sizehint):
            self.given = get_buffer(self.transport)
            return self.given

        def buffer_updated(self, count):
            print("got", bytes(self.given)[:count])

        def eof_received(self):
            print("eof")

        def connection_lost(self, error):
            print("lost", repr(error))
            lost.set_result(None)

    def handler(loop, context):
        print(context["message"], repr(context.get("exception")))

    loop.set_exception_handler(handler)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.send(b"12345678")
    theirs.shutdown(socket.SHUT_WR)
    await loop.create_connection(Buffered, sock=ours)
    await lost
    theirs.close()


def closing(transport):
    transport.close()
    return bytearray(3)


def aborting(transport):
    transport.abort()
    return memoryview(bytearray(8))


async def main():
    kept = bytearray(4)
    for get_buffer in (
        closing,
        aborting,
        lambda transport: kept,
        lambda transport: b"read-only",
        lambda transport: memoryview(b"read-only"),
        lambda transport: memoryview(bytearray(8))[::2],
        lambda transport: Odd(),
        lambda transport: [1, 2, 3],
        lambda transport: "text",
        lambda transport: None,
        lambda transport: 7,
        lambda transport: b"",
        lambda transport: bytearray(),
    ):
        await receive(get_buffer)
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.send(b"data")
        for buffer in (b"read-only", "text", None, memoryview(bytearray(8))[::2], bytearray(4)):
            try:
                print(await loop.sock_recv_into(ours, buffer))
            except TypeError as error:
                print(error)


ferrio.run(main())

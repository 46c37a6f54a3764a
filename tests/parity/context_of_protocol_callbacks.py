import asyncio
import contextvars
import os
import socket

import ferrio

variable = contextvars.ContextVar("variable", default="default")


class Noting(asyncio.Protocol):
    """Notes what each call sees, and leaves something behind."""

    def __init__(self, log):
        self.log = log
        self.lost = asyncio.get_running_loop().create_future()
        self.came = asyncio.Event()

    def note(self, name):
        self.log.append((name, variable.get()))
        variable.set(f"set by {name}")

    def connection_made(self, transport):
        self.transport = transport
        self.note("connection_made")

    def data_received(self, data):
        self.note("data_received")
        self.came.set()
        if b"close" in data:
            self.transport.close()

    def pause_writing(self):
        self.note("pause_writing")

    def resume_writing(self):
        self.note("resume_writing")
        self.came.set()

    def eof_received(self):
        self.note("eof_received")

    def connection_lost(self, error):
        self.note("connection_lost")
        self.lost.set_result(None)


async def came(protocol):
    await protocol.came.wait()
    protocol.came.clear()


async def connection(how):
    loop = asyncio.get_running_loop()
    variable.set("creator")
    log = []
    left, right = socket.socketpair()
    right.setblocking(False)
    transport, protocol = await loop.create_connection(lambda: Noting(log), sock=left)
    variable.set("caller")
    await loop.sock_sendall(right, b"one")
    await came(protocol)
    await loop.sock_sendall(right, b"two")
    await came(protocol)
    transport.pause_reading()
    variable.set("resumer")
    transport.resume_reading()
    variable.set("caller again")
    await loop.sock_sendall(right, b"three")
    await came(protocol)
    variable.set("writer")
    transport.write(b"x" * 1_000_000)
    variable.set("after the write")
    received = 0
    while received < 1_000_000:
        received += len(await loop.sock_recv(right, 1_000_000))
    await came(protocol)
    variable.set("closer")
    if how == "close":
        transport.close()
    elif how == "abort":
        transport.abort()
    elif how == "eof":
        right.close()
    elif how == "inside":
        await loop.sock_sendall(right, b"close")
    variable.set("after closing")
    await protocol.lost
    right.close()
    print(how)
    for entry in log:
        print("  ", *entry)


async def pipe():
    loop = asyncio.get_running_loop()
    variable.set("creator")
    log = []
    reading, writing = os.pipe()
    _, protocol = await loop.connect_read_pipe(lambda: Noting(log), open(reading, "rb", 0))
    writer, other = await loop.connect_write_pipe(lambda: Noting(log), open(writing, "wb", 0))
    variable.set("writer")
    writer.write(b"data")
    await came(protocol)
    variable.set("closer")
    writer.close()
    variable.set("after closing")
    await other.lost
    await protocol.lost
    print("pipe")
    for entry in log:
        print("  ", *entry)


async def server():
    loop = asyncio.get_running_loop()
    variable.set("server")
    log = []
    protocols = []

    def factory():
        log.append(("factory", variable.get()))
        variable.set("set by factory")
        protocols.append(Noting(log))
        return protocols[-1]

    listening = await loop.create_server(factory, "127.0.0.1", 0)
    variable.set("after the server")
    for _ in range(2):
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        writer.write(b"data")
        await writer.drain()
        while not protocols:
            await asyncio.sleep(0)
        protocol = protocols.pop()
        await came(protocol)
        writer.close()
        await protocol.lost
        await writer.wait_closed()
    listening.close()
    print("server")
    for entry in log:
        print("  ", *entry)


class Datagrams(Noting):
    def datagram_received(self, data, address):
        self.note("datagram_received")
        self.came.set()


async def datagrams():
    loop = asyncio.get_running_loop()
    variable.set("creator")
    log = []
    transport, protocol = await loop.create_datagram_endpoint(lambda: Datagrams(log), ("127.0.0.1", 0))
    variable.set("sender")
    for _ in range(2):
        transport.sendto(b"data", transport.get_extra_info("sockname"))
        await came(protocol)
    variable.set("closer")
    transport.close()
    variable.set("after closing")
    await protocol.lost
    print("datagrams")
    for entry in log:
        print("  ", *entry)


async def main():
    for how in ("close", "abort", "eof", "inside"):
        await asyncio.create_task(connection(how))
    for program in (pipe, server, datagrams):
        await asyncio.create_task(program())


ferrio.run(main())

import asyncio
import os
import socket

import ferrio


class Raising(asyncio.Protocol):
    def __init__(self):
        self.calls = []
        self.lost = asyncio.get_running_loop().create_future()

    def __repr__(self):
        return "<Raising>"

    def connection_made(self, transport):
        self.transport = transport
        self.calls.append("connection_made")
        raise ValueError("in connection_made")

    def data_received(self, data):
        self.calls.append(data)
        self.transport.write(data.upper())

    def datagram_received(self, data, address):
        self.calls.append(data)
        if data == b"raise":
            raise ValueError("in datagram_received")

    def pipe_connection_lost(self, number, error):
        pass

    def process_exited(self):
        self.lost.set_result("exited")

    def connection_lost(self, error):
        if not self.lost.done():
            self.lost.set_result(error)


async def main():
    loop = asyncio.get_running_loop()

    def report(loop, context):
        # The other callbacks have names of asyncio's own classes.
        message = context["message"].split("(")[0]
        print(message if "connection_made" in message else "...", repr(context["exception"]), sorted(context))

    loop.set_exception_handler(report)

    left, right = socket.socketpair()
    right.setblocking(False)
    transport, protocol = await loop.create_connection(Raising, sock=left)
    await loop.sock_sendall(right, b"data")
    print(await loop.sock_recv(right, 10), transport.is_closing())
    right.close()
    print(await protocol.lost, protocol.calls)

    server = await loop.create_server(Raising, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"data")
    print(await reader.read(10))
    writer.close()
    await writer.wait_closed()
    server.close()

    reading, writing = os.pipe()
    transport, protocol = await loop.connect_read_pipe(Raising, open(reading, "rb", 0))
    protocol.transport.write = print
    os.write(writing, b"data")
    os.close(writing)
    print(await protocol.lost, protocol.calls)

    reading, writing = os.pipe()
    transport, protocol = await loop.connect_write_pipe(Raising, open(writing, "wb", 0))
    transport.write(b"data")
    print(os.read(reading, 10))
    os.close(reading)
    await protocol.lost

    transport, protocol = await loop.create_datagram_endpoint(Raising, ("127.0.0.1", 0))
    address = transport.get_extra_info("sockname")
    for data in (b"one", b"raise", b"two"):
        transport.sendto(data, address)
    while len(protocol.calls) < 4:
        await asyncio.sleep(0)
    print(protocol.calls)
    transport.close()
    await protocol.lost

    process, protocol = await loop.subprocess_exec(Raising, "cat")
    process.get_pipe_transport(0).close()
    print(await protocol.lost, process.get_returncode())
    process.close()


# The default handler.
async def default():
    left, right = socket.socketpair()
    transport, protocol = await asyncio.get_running_loop().create_connection(Raising, sock=left)
    transport.close()
    right.close()
    await protocol.lost


# An exit leaves the loop, and the next run goes on.
class Exiting(Raising):
    def connection_made(self, transport):
        self.transport = transport
        raise SystemExit("in connection_made")


async def connect(sock, made):
    made.append(Exiting())
    return await asyncio.get_running_loop().create_connection(lambda: made[0], sock=sock)


async def go_on(right, made, task):
    transport, _ = await task
    right.send(b"data")
    while not made[0].calls:
        await asyncio.sleep(0)
    print(made[0].calls)
    transport.close()
    right.close()
    print(await made[0].lost)


ferrio.run(main())
ferrio.run(default())
loop = ferrio.SelectorEventLoop()
left, right = socket.socketpair()
made = []
task = loop.create_task(connect(left, made))
try:
    loop.run_until_complete(task)
except SystemExit as error:
    print(repr(error), task.done())
loop.run_until_complete(go_on(right, made, task))
loop.close()

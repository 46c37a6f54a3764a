"""A transport's socket that the program has closed itself."""

import asyncio
import socket
import tempfile

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda loop, context: print(context["message"], repr(context.get("exception")))
    )

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport):
            self.lost = loop.create_future()

        def data_received(self, data):
            print("data", data)

        def eof_received(self):
            print("eof")

        def connection_lost(self, error):
            print("lost", repr(error))
            self.lost.set_result(None)

    def attempt(function, *arguments):
        try:
            print(function.__name__, function(*arguments))
        except OSError as error:
            print(function.__name__, repr(error))

    async def connected():
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        transport, protocol = await loop.create_connection(Protocol, sock=ours)
        return ours, theirs, transport, protocol

    def write(transport):
        attempt(transport.write, b"data")
        attempt(transport.write, b"data")

    def writelines(transport):
        attempt(transport.writelines, [b"da", b"ta"])

    def write_eof(transport):
        attempt(transport.write_eof)

    def pause(transport):
        attempt(transport.pause_reading)
        attempt(transport.resume_reading)

    def close(transport):
        transport.close()

    def abort(transport):
        transport.abort()

    def look(transport):
        print(transport.get_extra_info("socket").fileno(), repr(transport.get_extra_info("sockname")))

    for action in (write, writelines, write_eof, pause, close, abort, look):
        print("#", action.__name__)
        ours, theirs, transport, protocol = await connected()
        ours.close()
        action(transport)
        await asyncio.sleep(0)
        print(transport.is_closing())
        transport.abort()
        await protocol.lost
        theirs.close()

    with tempfile.TemporaryFile() as file:
        file.write(b"data")
        file.flush()
        ours, theirs, transport, protocol = await connected()
        ours.close()
        try:
            await asyncio.wait_for(loop.sendfile(transport, file), 10)
        except OSError as error:
            print(repr(error))
        transport.abort()
        await protocol.lost
        theirs.close()

    calls = {"sock_recv": (5,), "sock_sendall": (b"x",), "sock_recv_into": (bytearray(4),), "sock_accept": ()}
    for name, arguments in calls.items():
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            ours.close()
            try:
                await getattr(loop, name)(ours, *arguments)
            except OSError as error:
                print(name, repr(error))


ferrio.run(main())

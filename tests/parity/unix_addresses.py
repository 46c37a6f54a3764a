"""The names of Unix sockets: none, a path, abstract ones, an empty one among them."""

import asyncio
import os
import socket
import tempfile

import ferrio


async def main():
    loop = asyncio.get_running_loop()

    class Stream(asyncio.Protocol):
        def connection_made(self, transport):
            for name in ("peername", "sockname"):
                print(name, repr(transport.get_extra_info(name)).replace(directory, "DIRECTORY"))
            transport.close()

    heard = asyncio.Queue()

    class Datagram(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            heard.put_nowait((data, address))

    with tempfile.TemporaryDirectory() as directory:
        names = (None, b"\0", b"\0abc", b"\0a\0b", os.path.join(directory, "client"))
        for path in (os.path.join(directory, "server"), f"\0{directory}"):
            server = await loop.create_unix_server(Stream, path)
            for name in names:
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.setblocking(False)
                    if name is not None:
                        sock.bind(name)
                    await loop.sock_connect(sock, path)
                    await loop.sock_recv(sock, 1)
                if name == names[-1]:
                    os.unlink(name)
            server.close()
        path = os.path.join(directory, "datagrams")
        transport, _ = await loop.create_datagram_endpoint(Datagram, path, family=socket.AF_UNIX)
        for name in names:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                if name is not None:
                    sock.bind(name)
                sock.sendto(b"data", path)
                print(repr(await heard.get()).replace(directory, "DIRECTORY"))
        transport.close()


ferrio.run(main())

"""Sockets of a program's own class: what it overrides is called."""

import asyncio
import socket

import ferrio
from support.certificates import contexts


class Counting(socket.socket):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.called = set()

    def recv(self, *arguments):
        self.called.add("recv")
        return super().recv(*arguments)

    def recv_into(self, *arguments):
        self.called.add("recv_into")
        return super().recv_into(*arguments)

    def send(self, *arguments):
        self.called.add("send")
        return super().send(*arguments)

    def sendto(self, *arguments):
        self.called.add("sendto")
        return super().sendto(*arguments)

    def recvfrom(self, *arguments):
        self.called.add("recvfrom")
        return super().recvfrom(*arguments)


class Caesar(socket.socket):
    """Encrypts."""

    def recv(self, *arguments):
        return bytes(byte ^ 1 for byte in super().recv(*arguments))

    def send(self, data, *arguments):
        return super().send(bytes(byte ^ 1 for byte in data), *arguments)

    def sendmsg(self, buffers, *arguments):
        return self.send(b"".join(buffers), *arguments)


class Plain(socket.socket):
    """Overrides nothing that a transport calls."""

    def close(self):
        print("closed")
        super().close()


def pair(kind):
    left, right = socket.socketpair()
    return kind(left.family, left.type, left.proto, left.detach()), right


async def echo(reader, writer):
    writer.write(await reader.readexactly(4))
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def main():
    loop = asyncio.get_running_loop()
    for kind in (Counting, Caesar, Plain):
        left, right = pair(kind)
        right.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=left)
        writer.write(b"data")
        print(kind.__name__, await loop.sock_recv(right, 10))
        writer.writelines([b"more", b"data"])
        print(await loop.sock_recv(right, 10))
        await loop.sock_sendall(right, b"back")
        print(await reader.readexactly(4), sorted(getattr(left, "called", ())))
        transport = writer.transport
        print(isinstance(transport, asyncio.Transport), transport.is_reading(), transport.is_closing())
        transport.pause_reading()
        transport.resume_reading()
        with open(__file__, "rb") as file:
            print(await loop.sendfile(transport, file, 0, 10), len(await loop.sock_recv(right, 100)))
        right.close()
        print(await reader.read())
        writer.close()
        await writer.wait_closed()

    # TLS over one.
    server_context, client_context = contexts()
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context)
    address = server.sockets[0].getsockname()
    sock = Counting()
    sock.setblocking(False)
    await loop.sock_connect(sock, address)
    reader, writer = await asyncio.open_connection(sock=sock, ssl=client_context, server_hostname="localhost")
    writer.write(b"data")
    print(await reader.read(), sorted(sock.called & {"recv", "send"}) != [])
    writer.close()
    await writer.wait_closed()
    server.close()

    # start_tls() of one.
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context)
    sock = Counting()
    sock.setblocking(False)
    await loop.sock_connect(sock, server.sockets[0].getsockname())
    reader, writer = await asyncio.open_connection(sock=sock)
    await writer.start_tls(client_context, server_hostname="localhost")
    writer.write(b"data")
    print(await reader.read())
    writer.close()
    await writer.wait_closed()
    server.close()

    # Datagrams.
    class Datagrams(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            came.set_result(data)

    came = loop.create_future()
    sock = Counting(type=socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    transport, _ = await loop.create_datagram_endpoint(Datagrams, sock=sock)
    transport.sendto(b"data", sock.getsockname())
    print(await came, sorted(sock.called))
    transport.close()
    await asyncio.sleep(0)


ferrio.run(main())

import asyncio
import socket
import sys

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    options = (socket.SO_REUSEADDR, socket.SO_REUSEPORT, socket.SO_KEEPALIVE)
    choices = [{}, {"reuse_port": True}, {"reuse_address": False}, {"reuse_address": True}, {"backlog": 1}]
    if sys.version_info >= (3, 13):
        choices += [{"keep_alive": True}, {"keep_alive": False}]
    for keywords in choices:
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, **keywords)
        sock = server.sockets[0]
        print(keywords, [bool(sock.getsockopt(socket.SOL_SOCKET, option)) for option in options])
        server.close()
    # Several hosts and families.
    server = await loop.create_server(asyncio.Protocol, ["127.0.0.1", "127.0.0.2", "::1"], 0)
    print(sorted(sock.getsockname()[0] for sock in server.sockets))
    server.close()
    print(server.sockets, server.is_serving())
    server = await loop.create_server(asyncio.Protocol, None, 0)
    print(sorted(sock.family.name for sock in server.sockets))
    server.close()
    server = await loop.create_server(asyncio.Protocol, "", 0, family=socket.AF_INET)
    print(server.sockets[0].getsockname()[0])
    server.close()
    # An address twice.
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    try:
        await loop.create_server(asyncio.Protocol, *server.sockets[0].getsockname())
    except OSError as error:
        print(error.errno, str(error).split("('")[0])
    server.close()
    # A socket of one's own.
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = await loop.create_server(asyncio.Protocol, sock=sock, start_serving=False)
    print(server.sockets[0].fileno() == sock.fileno(), server.is_serving())
    server.close()
    datagrams = socket.socket(type=socket.SOCK_DGRAM)
    for keywords in (
        {},
        {"sock": datagrams},
        {"host": "127.0.0.1", "sock": sock},
        {"host": "no such host.invalid", "port": 1},
        {"host": "203.0.113.9", "port": 0},
        {"ssl": 1, "host": "127.0.0.1"},
    ):
        try:
            made = await loop.create_server(asyncio.Protocol, **keywords)
            made.close()
        except Exception as error:
            print(type(error).__name__, str(error).split("<")[0])
    datagrams.close()


ferrio.run(main())

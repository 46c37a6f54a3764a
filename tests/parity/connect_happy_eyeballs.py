import asyncio
import socket

import ferrio


async def main():
    """A first address that answers nothing delays the second by happy_eyeballs_delay only."""
    loop = asyncio.get_running_loop()
    started = []
    real = loop.sock_connect

    async def sock_connect(sock, address):
        started.append(address[0])
        if address[0] in silent:
            await loop.create_future()
        await real(sock, address)

    async def getaddrinfo(host, port, **keywords):
        return infos

    loop.sock_connect, loop.getaddrinfo = sock_connect, getaddrinfo
    four = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    six = await asyncio.start_server(lambda r, w: w.close(), "::1", 0)

    def addresses(*names):
        made = []
        for name in names:
            server = six if ":" in name else four
            family = socket.AF_INET6 if ":" in name else socket.AF_INET
            port = server.sockets[0].getsockname()[1]
            address = (name, port, 0, 0) if ":" in name else (name, port)
            made.append((family, socket.SOCK_STREAM, 6, "", address))
        return made

    for silent, names, keywords in (
        ({"::1"}, ["::1", "127.0.0.1"], {"happy_eyeballs_delay": 0.02}),
        ({"127.0.0.2", "127.0.0.3"}, ["127.0.0.2", "127.0.0.3", "::1"], {"happy_eyeballs_delay": 0.02}),
        (
            {"127.0.0.2", "127.0.0.3"},
            ["127.0.0.2", "127.0.0.3", "::1"],
            {"happy_eyeballs_delay": 0.02, "interleave": 2},
        ),
        (
            {"127.0.0.2", "127.0.0.3"},
            ["127.0.0.2", "127.0.0.3", "::1"],
            {"happy_eyeballs_delay": 0.02, "interleave": 0},
        ),
        ({"nothing"}, ["127.0.0.1", "::1"], {"interleave": 1}),
    ):
        started.clear()
        infos = addresses(*names)
        transport, _ = await loop.create_connection(asyncio.Protocol, "some.name", 80, **keywords)
        print(keywords, started, transport.get_extra_info("peername")[0])
        transport.abort()
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        print("left", task)
    four.close()
    six.close()


ferrio.run(main())

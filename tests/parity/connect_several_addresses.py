import asyncio
import socket
import sys

import ferrio


class Loop:
    """Answers of the resolver, as the script wants them."""

    def __init__(self, loop, infos):
        async def getaddrinfo(host, port, **keywords):
            return infos

        loop.getaddrinfo = getaddrinfo


def info(address, family=socket.AF_INET):
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)


async def attempt(loop, **keywords):
    try:
        transport, _ = await loop.create_connection(asyncio.Protocol, "some.name", 80, **keywords)
    except (Exception, ExceptionGroup) as error:
        inner = [str(one) for one in getattr(error, "exceptions", ())]
        print(type(error).__name__, error, inner)
    else:
        print("connected to", transport.get_extra_info("peername")[0])
        transport.abort()
        await asyncio.sleep(0)


async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    # A port below 1024 is given to nobody who does not ask for it.
    good, bad, worse = server.sockets[0].getsockname(), ("127.0.0.2", 1), ("127.0.0.3", 2)
    delays = [None, 0.01]
    for delay in delays:
        keywords = {} if delay is None else {"happy_eyeballs_delay": delay}
        for addresses in ([good], [bad, good], [bad], [bad, worse], [bad, bad]):
            Loop(loop, [info(address) for address in addresses])
            await attempt(loop, **keywords)
        if sys.version_info >= (3, 12):
            await attempt(loop, all_errors=True, **keywords)
    Loop(loop, [])
    await attempt(loop)
    # Local addresses.
    Loop(loop, [info(good)])
    await attempt(loop, local_addr=("127.0.0.1", 0))
    loop.getaddrinfo = type(loop).getaddrinfo.__get__(loop)
    for local in (("127.0.0.5", 0), ("127.0.0.1", 0)):
        transport, _ = await loop.create_connection(asyncio.Protocol, *good, local_addr=local)
        print(transport.get_extra_info("sockname")[0])
        transport.abort()
    for local in (("203.0.113.9", 0), ("::1", 0)):
        try:
            await loop.create_connection(asyncio.Protocol, *good, local_addr=local)
        except OSError as error:
            print(error.errno, error)
    server.close()


ferrio.run(main())

import asyncio
import os
import socket
import tempfile

import ferrio


async def attempt(name, call):
    try:
        print(name, await call)
    except Exception as error:
        print(name, type(error).__name__, getattr(error, "errno", ""))


async def main():
    loop = asyncio.get_running_loop()
    unused = socket.create_server(("127.0.0.1", 0))
    address = unused.getsockname()
    unused.close()

    def fresh(family=socket.AF_INET, kind=socket.SOCK_STREAM):
        sock = socket.socket(family, kind)
        sock.setblocking(False)
        return sock

    socks = [fresh() for _ in range(4)]
    await attempt("refused", loop.sock_connect(socks[0], address))
    await attempt("no service", loop.sock_connect(socks[1], ("127.0.0.1", "no such service")))
    await attempt("no address", loop.sock_connect(socks[2], ("127.0.0.1",)))
    await attempt("no tuple", loop.sock_connect(socks[3], "127.0.0.1"))
    unix = fresh(socket.AF_UNIX)
    with tempfile.TemporaryDirectory() as folder:
        await attempt("no path", loop.sock_connect(unix, os.path.join(folder, "none")))
        listener = fresh(socket.AF_UNIX)
        listener.bind(os.path.join(folder, "socket"))
        listener.listen(1)
        await attempt("a path", loop.sock_connect(unix, os.path.join(folder, "socket")))
        accepted, where = await loop.sock_accept(listener)
        print(repr(where), accepted.gettimeout())
        accepted.close()
        listener.close()
    datagrams = fresh(kind=socket.SOCK_DGRAM)
    await attempt("datagrams", loop.sock_connect(datagrams, ("127.0.0.1", 9)))
    # Accepting that is cancelled leaves the connection to the next.
    listener = fresh()
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    waiting = asyncio.create_task(loop.sock_accept(listener))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    client = fresh()
    await loop.sock_connect(client, listener.getsockname())
    accepted, where = await loop.sock_accept(listener)
    print(where == client.getsockname(), waiting.cancelled())
    for sock in (*socks, unix, datagrams, listener, client, accepted):
        sock.close()


ferrio.run(main())

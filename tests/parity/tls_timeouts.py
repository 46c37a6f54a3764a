import asyncio
import socket

import ferrio
from support.certificates import contexts


async def main():
    loop = asyncio.get_running_loop()
    server_context, client_context = contexts()
    # A server that never answers, and a client that never speaks.
    silent = socket.create_server(("127.0.0.1", 0))
    try:
        await loop.create_connection(
            asyncio.Protocol,
            *silent.getsockname(),
            ssl=client_context,
            server_hostname="localhost",
            ssl_handshake_timeout=0.05,
        )
    except ConnectionAbortedError as error:
        print(type(error).__name__, error)
    silent.close()
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(context["message"]))
    server = await loop.create_server(
        asyncio.Protocol, "127.0.0.1", 0, ssl=server_context, ssl_handshake_timeout=0.05
    )
    address = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*address)
    print(await reader.read())
    writer.close()
    print(reports)
    server.close()
    for name in ("ssl_handshake_timeout", "ssl_shutdown_timeout"):
        for ssl in (None, client_context):
            for value in (0, -1):
                keywords = {name: value, "ssl": ssl}
                if ssl:
                    keywords["server_hostname"] = "localhost"
                try:
                    await loop.create_connection(asyncio.Protocol, *address, **keywords)
                except (ValueError, OSError) as error:
                    print(type(error).__name__, str(error).split(", ")[0])
    # A peer that does not answer our close_notify.
    server = await loop.create_server(
        asyncio.Protocol, "127.0.0.1", 0, ssl=server_context, ssl_shutdown_timeout=0.05
    )
    lost = loop.create_future()

    class Client(asyncio.Protocol):
        def connection_lost(self, error):
            lost.set_result(error)

    transport, _ = await loop.create_connection(
        Client,
        *server.sockets[0].getsockname(),
        ssl=client_context,
        server_hostname="localhost",
        ssl_shutdown_timeout=0.05,
    )
    transport.write(b"some data")
    await asyncio.sleep(0.02)
    transport.close()
    print(await lost)
    server.close()
    await asyncio.sleep(0.1)
    print(len(reports))


ferrio.run(main())

import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    log = []
    lost = asyncio.Event()

    class Server(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport
            log.append("server made")

        def data_received(self, data):
            log.append(f"server got {data!r}")
            self.transport.write(data.upper())

        def eof_received(self):
            log.append("server eof")

        def connection_lost(self, error):
            log.append(f"server lost {error!r}")
            lost.set()

    class Client(asyncio.Protocol):
        def connection_made(self, transport):
            log.append("client made")
            transport.write(b"hello")

        def data_received(self, data):
            log.append(f"client got {data!r}")
            transport.write_eof()

        def connection_lost(self, error):
            log.append(f"client lost {error!r}")

    server = await loop.create_server(Server, "127.0.0.1", 0)
    transport, protocol = await loop.create_connection(Client, *server.sockets[0].getsockname())
    print(
        isinstance(transport, asyncio.Transport),
        transport.get_protocol() is protocol,
        transport.is_closing(),
        transport.is_reading(),
        transport.can_write_eof(),
    )
    await lost.wait()
    await asyncio.sleep(0.01)
    print(transport.is_closing(), transport.get_write_buffer_size())
    server.close()
    await server.wait_closed()
    print("\n".join(log))


ferrio.run(main())

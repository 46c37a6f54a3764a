import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: print(context["message"], repr(context["exception"])))

    class Bad(asyncio.Protocol):
        def data_received(self, data):
            raise ValueError(data)

        def connection_lost(self, error):
            print("lost", repr(error))

    server = await loop.create_server(Bad, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"boom")
    print(await reader.read())
    writer.close()
    server.close()
    await server.wait_closed()


ferrio.run(main())

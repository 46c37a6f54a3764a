import asyncio
import os
import tempfile

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    path = os.path.join(tempfile.mkdtemp(), "socket")
    log = []

    class Server(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.write(data[::-1])
            self.transport.close()

    class Client(asyncio.Protocol):
        def data_received(self, data):
            log.append(data)

        def connection_lost(self, error):
            lost.set_result(error)

    lost = loop.create_future()
    server = await loop.create_unix_server(Server, path, start_serving=False)
    print(server.is_serving())
    await server.start_serving()
    print(server.is_serving())
    transport, _ = await loop.create_unix_connection(Client, path)
    transport.write(b"unix")
    print(await lost, log)
    server.close()
    await server.wait_closed()
    for arguments in (
        {},
        {"path": path, "sock": 1},
        {"path": path, "server_hostname": "x"},
        {"path": path, "ssl": True},
    ):
        try:
            await loop.create_unix_connection(Client, **arguments)
        except ValueError as error:
            print(error)
    for arguments in ({}, {"path": path, "sock": 1}, {"path": path, "ssl": True}):
        try:
            await loop.create_unix_server(Server, **arguments)
        except (ValueError, TypeError) as error:
            print(error)


ferrio.run(main())

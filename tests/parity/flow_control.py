import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    log = []
    resumed = asyncio.Event()

    class Client(asyncio.Protocol):
        def pause_writing(self):
            log.append("pause")

        def resume_writing(self):
            log.append("resume")
            resumed.set()

    class Server(asyncio.Protocol):
        def connection_made(self, transport):
            transport.pause_reading()
            servers.append(transport)

    servers = []
    server = await loop.create_server(Server, "127.0.0.1", 0)
    transport, _ = await loop.create_connection(Client, *server.sockets[0].getsockname())
    print(transport.get_write_buffer_limits())
    transport.set_write_buffer_limits(high=1000, low=100)
    print(transport.get_write_buffer_limits())
    for wrong in ({"high": 1, "low": 2}, {"low": -1}, {"high": -1}):
        try:
            transport.set_write_buffer_limits(**wrong)
        except ValueError as error:
            print(error)
    for _ in range(10):
        transport.write(b"x" * 2_000_000)
    print(log, transport.get_write_buffer_size() > 1000)
    await asyncio.sleep(0.01)
    print(servers[0].is_reading())
    servers[0].resume_reading()
    await resumed.wait()
    print(log)
    for wrong in ("text", 3, None):
        try:
            transport.write(wrong)
        except TypeError as error:
            print(error)
    transport.write_eof()
    try:
        transport.write(b"more")
    except RuntimeError as error:
        print(error)
    transport.abort()
    servers[0].abort()
    server.close()
    await server.wait_closed()


ferrio.run(main())

import asyncio

import ferrio


async def main():
    server = await asyncio.start_server(print, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    try:
        await asyncio.start_server(print, *address)
    except OSError as error:
        print(error.errno, str(error).replace(str(address[1]), "PORT"))
    server.close()
    await server.wait_closed()
    print(server.sockets, server.is_serving())


ferrio.run(main())

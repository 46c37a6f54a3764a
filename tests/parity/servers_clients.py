import asyncio
import sys

import ferrio


async def main():
    loop = asyncio.get_running_loop()

    async def stay(reader, writer):
        print("server side ends with", await reader.read())
        writer.close()

    server = await asyncio.start_server(stay, "127.0.0.1", 0)
    if sys.version_info < (3, 13):
        print("not on this interpreter")
        server.close()
        return
    for method in (server.close_clients, server.abort_clients):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await asyncio.sleep(0.01)
        method()
        print(await reader.read(), server.is_serving())
        writer.close()
        await asyncio.sleep(0.01)
    serving = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0)
    serving.cancel()
    print(await asyncio.gather(serving, return_exceptions=True), server.is_serving())


ferrio.run(main())

import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, start_serving=False)
    print(isinstance(server, asyncio.AbstractServer), server.get_loop() is loop, server.is_serving())
    async with server as same:
        print(same is server, server.is_serving())
        await server.start_serving()
        await server.start_serving()
        print(server.is_serving())
    print(server.is_serving(), server.sockets)
    server.close()
    await server.wait_closed()
    try:
        await server.serve_forever()
    except RuntimeError as error:
        print(str(error).split("<")[0])
    # serve_forever: once at a time; cancelled, it closes the server.
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, start_serving=False)
    serving = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0)
    print(server.is_serving())
    try:
        await server.serve_forever()
    except RuntimeError as error:
        print(str(error).split("<")[0], str(error).split(">")[-1])
    serving.cancel()
    print(await asyncio.gather(serving, return_exceptions=True), server.is_serving())
    # Closed, it ends too.
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0)
    server.close()
    print(await asyncio.gather(serving, return_exceptions=True))
    # Closing waits for connections from 3.12 on.
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
    await asyncio.sleep(0.01)
    server.close()
    waiting = asyncio.create_task(server.wait_closed())
    await asyncio.sleep(0.01)
    print("closed at once:", waiting.done())
    transport.close()
    await waiting
    print("closed")


ferrio.run(main())

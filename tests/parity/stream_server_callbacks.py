import asyncio
import sys

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    reports = []
    loop.set_exception_handler(
        lambda loop, context: reports.append((context["message"], repr(context["exception"])))
    )

    async def fails(reader, writer):
        await reader.readline()
        raise ValueError("in the callback")

    def plain(reader, writer):
        writer.write(b"plain function")
        writer.close()

    async def cancels(reader, writer):
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    # Up to 3.12 the connection of a cancelled callback stays open.
    for callback in (fails, plain, cancels) if sys.version_info >= (3, 13) else (fails, plain):
        server = await asyncio.start_server(callback, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        if callback is fails:
            writer.write(b"x\n")
        print(callback.__name__, await reader.read(), reports)
        writer.close()
        server.close()
    await asyncio.sleep(0.01)


ferrio.run(main())

import asyncio

import ferrio


async def main():
    async def serve(reader, writer):
        try:
            await reader.readexactly(100)
        except asyncio.IncompleteReadError as error:
            writer.write(repr((error.partial, error.expected)).encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1000)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=100)
    writer.write(b"short")
    writer.write_eof()
    print(await reader.read(), reader.at_eof())
    writer.close()
    await writer.wait_closed()
    reader = asyncio.StreamReader(limit=10)
    reader.feed_data(b"a line\nanother line that is long\nrest")
    print(await reader.readline())
    try:
        await reader.readline()
    except ValueError as error:
        print(error)
    reader.feed_eof()
    print(await reader.read())
    server.close()


ferrio.run(main())

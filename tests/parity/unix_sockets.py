import asyncio
import os
import tempfile

import ferrio


async def main():
    path = os.path.join(tempfile.mkdtemp(), "socket")

    async def answer(reader, writer):
        writer.write((await reader.readline()).upper())
        writer.close()

    server = await asyncio.start_unix_server(answer, path)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"by path\n")
    print(await reader.read(), os.path.basename(writer.get_extra_info("peername")))
    writer.close()
    server.close()
    await server.wait_closed()
    print(os.path.exists(path))
    server = await asyncio.start_unix_server(answer, path)
    server.close()
    server = await asyncio.start_unix_server(answer, "\0ferrio-parity-" + str(os.getpid()))
    reader, writer = await asyncio.open_unix_connection("\0ferrio-parity-" + str(os.getpid()))
    writer.write(b"abstract\n")
    print(await reader.read())
    writer.close()
    server.close()
    try:
        await asyncio.open_unix_connection("/nowhere/socket")
    except OSError as error:
        print(repr(error))


ferrio.run(main())

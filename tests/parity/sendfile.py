import asyncio
import os
import tempfile

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    data = os.urandom(1000) * 1000

    async def receive(reader, writer):
        got.set_result(await reader.read())
        writer.close()

    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        server = await asyncio.start_server(receive, "127.0.0.1", 0)
        for offset, count in ((0, None), (10, 100), (999_000, None)):
            got = loop.create_future()
            transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
            print(await loop.sendfile(transport, file, offset, count), file.tell())
            transport.close()
            print(await got == (data[offset:] if count is None else data[offset : offset + count]))
        server.close()


ferrio.run(main())

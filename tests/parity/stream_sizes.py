import asyncio
import hashlib

import ferrio


async def main():
    async def answer(reader, writer):
        while True:
            head = await reader.readexactly(4)
            size = int.from_bytes(head, "big")
            if not size:
                break
            data = await reader.readexactly(size)
            writer.write(hashlib.sha256(data).digest())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1000)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for size in (1, 999, 1000, 1001, 70_000, 2_000_000):
        data = bytes(n * 7 % 251 for n in range(1000)) * (size // 1000 + 1)
        data = data[:size]
        writer.write(size.to_bytes(4, "big") + data)
        await writer.drain()
        print(size, await reader.readexactly(32) == hashlib.sha256(data).digest())
    writer.write(bytes(4))
    print(await reader.read())
    writer.close()
    server.close()


ferrio.run(main())

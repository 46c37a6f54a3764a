import asyncio

import ferrio


async def main():
    reader = asyncio.StreamReader()
    waiting = asyncio.create_task(reader.read(10))
    await asyncio.sleep(0)
    for call in (reader.read, reader.readline, lambda: reader.readexactly(3), lambda: reader.readuntil(b"x")):
        try:
            await call()
        except RuntimeError as error:
            print(error)
    reader.set_exception(ConnectionResetError("gone"))
    for call in (
        lambda: waiting,
        reader.read,
        reader.readline,
        lambda: reader.readexactly(0),
        lambda: reader.read(0),
    ):
        try:
            await call()
        except ConnectionResetError as error:
            print(error, error is reader.exception())
    reader = asyncio.StreamReader()
    waiting = asyncio.create_task(reader.readline())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    print(waiting.cancelled(), reader._waiter)
    reader.feed_data(b"after\n")
    print(await reader.readline())
    waiting = asyncio.create_task(reader.read(5))
    await asyncio.sleep(0)
    waiting.cancel()
    reader.feed_data(b"in between")
    await asyncio.wait([waiting])
    print(waiting.cancelled(), await reader.read(50))


ferrio.run(main())

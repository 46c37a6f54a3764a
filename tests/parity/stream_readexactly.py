import asyncio

import ferrio


async def main():
    reader = asyncio.StreamReader()
    reader.feed_data(b"0123456789")
    print(await reader.readexactly(4), await reader.readexactly(0), await reader.readexactly(6))
    try:
        await reader.readexactly(-1)
    except ValueError as error:
        print(error)
    waiting = asyncio.create_task(reader.readexactly(5))
    await asyncio.sleep(0)
    reader.feed_data(b"abc")
    await asyncio.sleep(0)
    print(waiting.done())
    reader.feed_data(b"defgh")
    print(await waiting, reader._buffer)
    waiting = asyncio.create_task(reader.readexactly(10))
    await asyncio.sleep(0)
    reader.feed_eof()
    try:
        await waiting
    except asyncio.IncompleteReadError as error:
        print(error, error.partial, error.expected, reader._buffer)
    reader = asyncio.StreamReader()
    waiting = asyncio.create_task(reader.readexactly(3))
    await asyncio.sleep(0)
    waiting.cancel()
    print(await asyncio.gather(waiting, return_exceptions=True))
    reader.feed_data(b"kept")
    print(await reader.readexactly(4))


ferrio.run(main())
